"""TLS of both faces from PEM files, which are read again when they change; what is wrong with them is named."""

from __future__ import annotations

import logging
import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc

logger = logging.getLogger("midstream.server")


class TlsError(ValueError):
    """The files cannot be used; the message names them and the reason."""


@dataclass(frozen=True)
class Pem:
    """What the files hold."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None


class Tls:
    """Of a server. Where changed files cannot be used, that is logged, and what was read before stays."""

    def __init__(self, certificate: Path, key: Path, client_ca: Path | None = None) -> None:
        """Raises TlsError."""
        self._paths = (certificate, key, *([client_ca] if client_ca else []))
        self._states = self._state()
        self.pem = self._read()
        self._newest = self._context()

    def refresh(self) -> bool:
        """Whether the files have changed, and can be used. New connections have what they hold."""
        states = self._state()
        if states == self._states:
            return False
        try:
            pem = self._read()
        except TlsError as error:
            logger.error("the certificate that was read before stays: %s", error)
            self._states = states
            return False
        self._states = states
        is_new, self.pem = pem != self.pem, pem
        if is_new:
            self._newest = self._context()
            logger.info("%s: a new certificate", self._paths[0])
        return is_new

    def grpc(self) -> grpc.ServerCredentials:
        """Asks for the files at each connection."""
        given = [self.pem]

        def newest() -> grpc.ServerCertificateConfiguration | None:
            """None: as before."""
            self.refresh()
            if self.pem is given[0]:
                return None
            given[0] = self.pem
            return _configuration(self.pem)

        return grpc.dynamic_ssl_server_credentials(
            _configuration(self.pem),
            newest,  # pyright: ignore[reportArgumentType]  # None is documented
            require_client_authentication=self.pem.client_ca is not None,
        )

    def context(self) -> ssl.SSLContext:
        """For HTTP: each connection has what was read last."""

        def take(connection: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> None:
            connection.context = self._newest

        context = self._context()
        context.sni_callback = take
        return context

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.load_cert_chain(*self._paths[:2], password=_no_password)
        if self.pem.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.pem.client_ca.decode())
        return context

    def _state(self) -> list[tuple[int, int, int] | None]:
        return [_stated(path) for path in self._paths]

    def _read(self) -> Pem:
        """Raises TlsError."""
        certificate, key, *others = (_bytes(path) for path in self._paths)
        _check(*self._paths)
        _warn_of_time(self._paths[0])
        if self._paths[1].stat().st_mode & stat.S_IROTH:
            logger.warning("everyone on this machine can read the key: chmod o-r %s", self._paths[1])
        return Pem(certificate, key, others[0] if others else None)


def _configuration(pem: Pem) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(pem.key, pem.certificate)], pem.client_ca)


def _stated(path: Path) -> tuple[int, int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size, about.st_ino


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file() and path.exists():
            raise TlsError(f"{path} is no file")
        return path.read_bytes()
    except OSError as error:
        raise TlsError(f"{path}: {error.strerror}") from error


def _no_password() -> str:
    raise TlsError("a key with a password cannot be used: nobody is there to type it")


def _check(certificate: Path, key: Path, client_ca: Path | None = None) -> None:
    """Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise TlsError(f"the key of {key} does not belong to the certificate of {certificate}") from error
        why = f": {error.reason}" if error.reason else ""
        raise TlsError(f"{certificate} and {key} hold no certificate and key in PEM form{why}") from error
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except ssl.SSLError as error:
            raise TlsError(f"{client_ca} holds no certificate in PEM form") from error


def name_of(certificate: Path) -> str:
    """A name that the certificate is for; empty: it says none, or cannot be read."""
    try:
        about = _about(certificate)
    except (OSError, ssl.SSLError):
        return ""
    names = dict(reversed(about.get("subjectAltName", ())))
    own = dict(pair for pairs in about.get("subject", ()) for pair in pairs).get("commonName", "")
    return names.get("DNS") or names.get("IP Address") or own


def _about(certificate: Path) -> dict[str, Any]:
    return ssl._ssl._test_decode_cert(str(certificate))  # pyright: ignore[reportAttributeAccessIssue]


def _warn_of_time(certificate: Path) -> None:
    about = _about(certificate)
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(about["notAfter"]), UTC)
    if until < datetime.now(UTC):
        logger.warning("the certificate of %s has expired on %s: clients will not connect", certificate, until.date())
