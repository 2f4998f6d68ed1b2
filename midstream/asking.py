"""How this machine's commands ask its completion server: what `[serve]` says of it need not be said again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from midstream.settings import LOCAL, Settings
from server.access.secure import Secure, ServerError, secure

if TYPE_CHECKING:
    from lsp.options import LspOptions

ANYWHERE = ("0.0.0.0", "[::]", "::")
"""A server that listens there is reached by each name of its machine."""
PATIENCE_S = 5.0
"""In which a server says what it serves."""


def options(settings: Settings, server: str) -> LspOptions:
    """`[lsp]`, with `[serve] certificate` as what vouches for the server, where it is ours and nothing else does."""
    chosen, own = replace(settings.lsp, server=server), settings.serve.certificate
    if own is None or not is_own(server, settings.serve.listen) or chosen.ca or chosen.tls:
        return chosen
    from server.access.tls import name_of

    return replace(chosen, ca=str(own), tls_name=chosen.tls_name or name_of(own))


def asking(settings: Settings, server: str) -> Secure:
    """What a client of the server at `server` needs. Raises ServerError, which says what is missing."""
    o = options(settings, server)
    if settings.serve.client_ca and not o.certificate and is_own(server, settings.serve.listen):
        raise ServerError(
            f"the server at {server} wants a certificate of its clients: name yours and its key, with --certificate "
            "and --key or as certificate and key of [lsp]"
        )
    return secure(o.server_token_file, o.ca, o.certificate, o.key, o.tls, o.tls_name)


def is_own(server: str, listen: str) -> bool:
    """Whether it is the server of this machine that listens at `listen`."""
    (host, _, port), (own, _, its) = server.rpartition(":"), listen.rpartition(":")
    return port == its and (host == own or (host in LOCAL and own in (*LOCAL, *ANYWHERE)))


def answers(settings: Settings) -> str:
    """What the server of `[serve] listen` serves, or why it does not say so."""
    from server.client import Client

    address = settings.serve.listen
    try:
        with Client(address, asking(settings, address)) as client:
            models = client.models(timeout_s=PATIENCE_S)
    except ServerError as error:
        return str(error)
    served = ", ".join(model.version if model.serving else f"no checkpoint of {model.name} yet" for model in models)
    return f"{address} serves {served or 'no model that this token may ask'}"
