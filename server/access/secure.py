"""How a client reaches a server that asks for a token, or speaks TLS."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import grpc

TOKEN = "MIDSTREAM_TOKEN"
"""Environment variable of the token."""
OPTIONS = [
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
]
"""No proxy to a machine's own server, and a server that comes back is found soon."""


class ServerError(Exception):
    """The request was not answered; the message says why."""


@dataclass(frozen=True)
class Secure:
    """How a server is asked that asks back. Nothing set: without TLS, and without a token."""

    token: str = ""
    ca: Path | None = None
    """PEM file of the authorities that vouch for the server."""
    certificate: Path | None = None
    """PEM file of the client's own certificate, where the server wants one, and of its key."""
    key: Path | None = None
    is_tls: bool = False
    """TLS with the machine's own authorities; a `ca` or `certificate` has the same effect."""

    def credentials(self) -> grpc.ChannelCredentials | None:
        """None: without TLS. Raises ServerError."""
        if not (self.is_tls or self.ca or self.certificate):
            return None
        try:
            ca, key, certificate = (path and path.read_bytes() for path in (self.ca, self.key, self.certificate))
        except OSError as error:
            raise ServerError(f"{error.filename}: {error.strerror}") from error
        return grpc.ssl_channel_credentials(ca, key, certificate)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Of each request."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


def secure(
    token_file: str | Path | None = None, ca: str | Path | None = None, certificate: str | Path | None = None,
    key: str | Path | None = None, tls: bool = False,
) -> Secure:  # fmt: skip
    """Empty names are none; the token is of the file, else of MIDSTREAM_TOKEN. Raises ServerError."""
    token = os.environ.get(TOKEN, "").strip()
    if token_file:
        try:
            token = Path(token_file).expanduser().read_text().strip()
        except OSError as error:
            raise ServerError(f"{error.filename}: {error.strerror}") from error
    if not all(33 <= ord(character) <= 126 for character in token):
        raise ServerError("a token is one line of letters, digits and signs")
    paths = [Path(path).expanduser() if path else None for path in (ca, certificate, key)]
    return Secure(token, *paths, is_tls=tls)


def channel(address: str, secure: Secure) -> grpc.Channel:
    credentials = secure.credentials()
    if credentials is None:
        return grpc.insecure_channel(address, options=OPTIONS)
    return grpc.secure_channel(address, credentials, options=OPTIONS)


def async_channel(address: str, secure: Secure) -> grpc.aio.Channel:
    credentials = secure.credentials()
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=OPTIONS)
    return grpc.aio.secure_channel(address, credentials, options=OPTIONS)
