"""Settings of who may ask and of what is seen, and what is made of them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from server.access.gate import Gate
from server.access.tls import Tls
from server.access.tokens import Tokens
from server.settings import Serve


@dataclass(frozen=True)
class Access:
    """Nothing set: everyone on this machine may ask, without TLS."""

    tokens: Path | None = None
    """File of the tokens."""
    certificate: Path | None = None
    """PEM file of the server's certificate and those that vouch for it."""
    key: Path | None = None
    """PEM file of the certificate's key."""
    client_ca: Path | None = None
    """PEM file of the authorities whose clients may connect; those without a certificate may not."""
    metrics: str = ""
    """host:port of the metrics page; port 0 takes a free one, empty: there is none."""
    otlp: str = ""
    """URL of OpenTelemetry's collector; empty: no spans are made."""

    def gate(self, models: Collection[str] = ()) -> Gate:
        """`models`: those that there are. Raises TokensError."""
        return Gate(Tokens(self.tokens, models) if self.tokens else None)

    def tls(self) -> Tls | None:
        """None: without. Raises TlsError."""
        if self.certificate is None or self.key is None:
            return None
        return Tls(self.certificate, self.key, self.client_ca)


def access_of(serve: Serve) -> Access:
    """What `[serve]` says of it."""
    return Access(serve.tokens, serve.certificate, serve.key, serve.client_ca, serve.metrics, serve.otlp)


def is_local(address: str) -> bool:
    """Whether nobody beyond this machine reaches it."""
    host = address.rpartition(":")[0].strip("[]")
    return host in ("localhost", "::1") or host.startswith("127.")


def warning(access: Access, *addresses: str) -> str:
    """One line about a server that anyone in the network may ask or read; empty: there is nothing to warn of."""
    beyond = [address for address in addresses if address and not is_local(address)]
    lacking = [] if access.tokens else ["tokens"]
    lacking += [] if access.certificate else ["certificate and key"]
    if not beyond or not lacking:
        return ""
    said = " and ".join(lacking)
    return f"warning: {', '.join(beyond)} is reached from other machines, and [serve] has no {said}"
