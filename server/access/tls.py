"""TLS of both faces from PEM files, which are read again when they change; what is wrong with them is named."""

from __future__ import annotations

import logging
import ssl
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
        self._contexts: list[ssl.SSLContext] = []

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
        for context in self._contexts if is_new else ():
            self._load(context)
        if is_new:
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
        """For HTTP: what is read later is put into it. An authority that is taken out of the file is trusted until the
        server starts again."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        if self.pem.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        self._load(context)
        self._contexts.append(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        context.load_cert_chain(*self._paths[:2], password=_no_password)
        if self.pem.client_ca is not None:
            context.load_verify_locations(cadata=self.pem.client_ca.decode())

    def _state(self) -> list[tuple[int, int, int] | None]:
        return [_stated(path) for path in self._paths]

    def _read(self) -> Pem:
        """Raises TlsError."""
        certificate, key, *others = (_bytes(path) for path in self._paths)
        _check(*self._paths)
        _warn_of_time(self._paths[0])
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
        raise TlsError(f"{certificate} and {key} hold no certificate and key in PEM form: {error.reason}") from error
    if client_ca is not None:
        try:
            context.load_verify_locations(client_ca)
        except ssl.SSLError as error:
            raise TlsError(f"{client_ca} holds no certificate in PEM form") from error


def name_of(certificate: Path) -> str:
    """A name that the certificate is for; empty: it says none, or cannot be read."""
    try:
        names = dict(reversed(_about(certificate).get("subjectAltName", ())))
    except (OSError, ssl.SSLError):
        return ""
    return names.get("DNS") or names.get("IP Address") or ""


def _about(certificate: Path) -> dict[str, Any]:
    return ssl._ssl._test_decode_cert(str(certificate))  # pyright: ignore[reportAttributeAccessIssue]


def _warn_of_time(certificate: Path) -> None:
    about = _about(certificate)
    until = datetime.fromtimestamp(ssl.cert_time_to_seconds(about["notAfter"]), UTC)
    if until < datetime.now(UTC):
        logger.warning("the certificate of %s has expired on %s: clients will not connect", certificate, until.date())
