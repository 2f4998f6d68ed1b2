"""How a client reaches a server that asks for a token, or speaks TLS."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

TOKEN = "MIDSTREAM_TOKEN"
"""Environment variable of the token."""
OPTIONS: list[tuple[str, str | int]] = [
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
    tls_name: str = ""
    """The name in the server's certificate, where it is not the one by which the server is reached."""

    @property
    def speaks_tls(self) -> bool:
        return bool(self.is_tls or self.ca or self.certificate)

    def credentials(self) -> grpc.ChannelCredentials | None:
        """None: without TLS. Raises ServerError."""
        if not self.speaks_tls:
            return None
        try:
            ca, key, certificate = (path and path.read_bytes() for path in (self.ca, self.key, self.certificate))
        except OSError as error:
            raise ServerError(f"{error.filename}: {error.strerror}") from error
        self._check()
        return grpc.ssl_channel_credentials(ca, key, certificate)

    def _check(self) -> None:
        """gRPC only says that it cannot connect. Raises ServerError."""
        try:
            if self.ca:
                ssl.create_default_context(cafile=self.ca)
        except ssl.SSLError as error:
            raise ServerError(f"{self.ca} holds no certificate in PEM form") from error
        try:
            if self.certificate:
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(self.certificate, self.key, password="")
        except ssl.SSLError as error:
            raise ServerError(f"{self.certificate} and {self.key} are no certificate and key that fit") from error

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Of each request."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()

    @property
    def options(self) -> list[tuple[str, str | int]]:
        """Of a channel."""
        named = [("grpc.ssl_target_name_override", self.tls_name)] if self.tls_name and self.speaks_tls else []
        return [*OPTIONS, *named]


def secure(
    token_file: str | Path | None = None, ca: str | Path | None = None, certificate: str | Path | None = None,
    key: str | Path | None = None, tls: bool = False, tls_name: str = "",
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
    return Secure(token, *paths, is_tls=tls, tls_name=tls_name)


def channel(address: str, secure: Secure) -> grpc.Channel:
    credentials = secure.credentials()
    if credentials is None:
        return grpc.insecure_channel(address, options=secure.options)
    return grpc.secure_channel(address, credentials, options=secure.options)


def async_channel(address: str, secure: Secure) -> grpc.aio.Channel:
    credentials = secure.credentials()
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=secure.options)
    return grpc.aio.secure_channel(address, credentials, options=secure.options)
