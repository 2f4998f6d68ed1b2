"""TLS of both faces with certificates that are made here: what connects, what does not, and a new certificate."""

from __future__ import annotations

import logging
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import trustme

from server.access.config import Access
from server.access.secure import Secure
from server.access.tls import Tls, TlsError, name_of
from server.app import ServeConfig, Server
from server.client import AsyncClient, Client, ServerError, ServerUnreachable


@dataclass
class Files:
    """Of an authority, and of a certificate for this machine."""

    folder: Path
    authority: trustme.CA

    @property
    def ca(self) -> Path:
        path = self.folder / "ca.pem"
        self.authority.cert_pem.write_to_path(str(path))
        return path

    def issue(
        self, name: str, until: datetime | None = None, kind: trustme.KeyType = trustme.KeyType.ECDSA
    ) -> tuple[Path, Path]:
        """Certificate and key."""
        issued = self.authority.issue_cert("127.0.0.1", common_name=name, not_after=until, key_type=kind)
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        issued.private_key_pem.write_to_path(str(key))
        key.chmod(0o600)
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        return certificate, key


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path, trustme.CA())


@asynccontextmanager
async def serving(tmp_path: Path, access: Access) -> AsyncIterator[Server]:
    """Without a model: it answers which there are."""
    (tmp_path / "checkpoints").mkdir(exist_ok=True)
    config = ServeConfig(tmp_path / "checkpoints", "127.0.0.1:0", grace_s=0.1, http="127.0.0.1:0", access=access)
    server = Server(config)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def serial(address: str, context: ssl.SSLContext) -> int:
    """Of the certificate that the server shows."""
    import asyncio

    host, _, port = address.rpartition(":")
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    shown = writer.get_extra_info("peercert")
    writer.close()
    return int(shown["serialNumber"], 16)


async def names(server: Server, secure: Secure) -> list[str]:
    async with AsyncClient(server.address, secure) as client:
        return [model.name for model in await client.models()]


async def http_status(server: Server, ca: Path, own: tuple[Path, Path] | None = None) -> int:
    context = ssl.create_default_context(cafile=str(ca))
    if own:
        context.load_cert_chain(*own)
    async with httpx.AsyncClient(verify=context) as client:
        return (await client.get(f"https://{server.http}/v1/models")).status_code


async def test_both_faces_speak_tls(files: Files, tmp_path: Path) -> None:
    certificate, key = files.issue("server")
    async with serving(tmp_path, Access(certificate=certificate, key=key)) as server:
        assert await names(server, Secure(ca=files.ca)) == ["midstream"]
        assert await http_status(server, files.ca) == 200
        for secure in (Secure(), Secure(is_tls=True)):
            with pytest.raises(ServerUnreachable):
                await names(server, secure)
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.HTTPError):
                await client.get(f"http://{server.http}/health")
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.get(f"https://{server.http}/health")


async def test_clients_have_to_show_a_certificate(files: Files, tmp_path: Path) -> None:
    certificate, key = files.issue("server")
    mine, other = files.issue("client"), Files(tmp_path, trustme.CA()).issue("other")
    access = Access(certificate=certificate, key=key, client_ca=files.ca)
    async with serving(tmp_path, access) as server:
        assert await names(server, Secure("", files.ca, *mine)) == ["midstream"]
        assert await http_status(server, files.ca, mine) == 200
        for own in ((), other):
            with pytest.raises(ServerError):
                await names(server, Secure("", files.ca, *own))
            with pytest.raises(httpx.HTTPError):
                await http_status(server, files.ca, own or None)


async def test_a_new_certificate_is_shown_to_new_connections(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import asyncio

    monkeypatch.setattr("server.web.app.RENEW_S", 0.05)
    certificate, key = files.issue("server")
    context, h2 = (ssl.create_default_context(cafile=str(files.ca)) for _ in range(2))
    h2.set_alpn_protocols(["h2"])
    async with serving(tmp_path, Access(certificate=certificate, key=key)) as server:
        before = await serial(server.http, context)
        assert await serial(server.address, h2) == before
        async with AsyncClient(server.address, Secure(ca=files.ca)) as client:
            assert len(await client.models()) == 1
            key.write_text("half of a file")
            assert await serial(server.address, h2) == before
            await asyncio.sleep(0.2)
            assert await serial(server.http, context) == before
            files.issue("server")
            async with asyncio.timeout(30):
                while (after := await serial(server.http, context)) == before:
                    await asyncio.sleep(0.02)
            assert await serial(server.address, h2) == after
            assert len(await client.models()) == 1  # what was connected goes on
    assert "the certificate that was read before stays" in caplog.text


async def test_a_key_of_another_kind_takes_the_place_of_the_old_one(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    monkeypatch.setattr("server.web.app.RENEW_S", 0.05)
    context = ssl.create_default_context(cafile=str(files.ca))
    certificate, key = files.issue("server", kind=trustme.KeyType.ECDSA)
    mine = files.issue("client")
    access = Access(certificate=certificate, key=key, client_ca=files.ca)
    context.load_cert_chain(*mine)
    async with serving(tmp_path, access) as server:
        before = await serial(server.http, context)
        files.issue("server", kind=trustme.KeyType.RSA)
        async with asyncio.timeout(30):
            while await serial(server.http, context) == before:
                await asyncio.sleep(0.02)
        assert await http_status(server, files.ca, mine) == 200
        with pytest.raises(httpx.HTTPError):
            await http_status(server, files.ca)


async def test_the_name_of_a_certificate_without_alternative_names_is_its_subject_s(tmp_path: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=box", "-days", "3"]
    made = subprocess.run([*command, "-keyout", tmp_path / "k", "-out", tmp_path / "c"], capture_output=True)
    if made.returncode:
        pytest.skip("there is no openssl")
    assert name_of(tmp_path / "c") == "box"


def test_what_is_wrong_with_the_files_is_named(files: Files, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    certificate, key = files.issue("server")
    _, strange = files.issue("strange")
    text = tmp_path / "text"
    text.write_text("nothing")
    for given, why in (
        ((tmp_path / "none", key), "none: No such file"),
        ((certificate, tmp_path / "none"), "none: No such file"),
        ((certificate, strange), "strange.key does not belong to the certificate of .*server.pem"),
        ((text, key), "hold no certificate and key in PEM form"),
        ((certificate, text), "hold no certificate and key in PEM form"),
        ((certificate, key, text), "text holds no certificate in PEM form"),
    ):
        with pytest.raises(TlsError, match=why):
            Tls(*given)
    key.chmod(0o644)
    Tls(certificate, key)
    assert "everyone on this machine can read the key" in caplog.text
    key.chmod(0o600)
    caplog.clear()
    with caplog.at_level(logging.WARNING, "midstream.server"):
        assert not Tls(certificate, key).refresh() and not caplog.records
        Tls(*files.issue("old", datetime.now(UTC) - timedelta(days=2)))
    assert "old.pem has expired on" in caplog.text


def test_a_client_names_what_it_cannot_read(files: Files, tmp_path: Path) -> None:
    (text := tmp_path / "text").write_text("no certificate")
    (certificate, _), (_, key) = files.issue("one"), files.issue("two")
    for secure, why in (
        (Secure(ca=tmp_path / "none"), "none: No such file"),
        (Secure(ca=text), "text holds no certificate in PEM form"),
        (Secure(certificate=certificate, key=key), "one.pem and .*two.key are no certificate and key that fit"),
    ):
        with pytest.raises(ServerError, match=why):
            Client("127.0.0.1:1", secure)


async def test_a_client_is_told_why_it_does_not_connect(files: Files, tmp_path: Path) -> None:
    certificate, key = files.issue("server")
    strange = Files(tmp_path / "strange", trustme.CA())
    strange.folder.mkdir()
    async with serving(tmp_path, Access(certificate=certificate, key=key)) as server:
        for secure, why in (
            (Secure(), "ends each connection: if it speaks TLS, `ca` says who vouches for it"),
            (Secure(ca=strange.ca), "shows a certificate that `ca` does not vouch for, that has expired, or"),
            (Secure(ca=files.ca, tls_name="other"), "or that is of another name"),
        ):
            with pytest.raises(ServerUnreachable, match=why):
                await names(server, secure)
        assert await names(server, Secure(ca=certificate)) == ["midstream"]  # it vouches for itself
    async with serving(tmp_path, Access(certificate=certificate, key=key, client_ca=files.ca)) as server:
        with pytest.raises(ServerUnreachable, match="does not take this client's TLS"):
            await names(server, Secure(ca=files.ca))
    async with serving(tmp_path, Access()) as server:
        with pytest.raises(ServerUnreachable, match="does not take this client's TLS"):
            await names(server, Secure(ca=files.ca))
    with pytest.raises(ServerUnreachable, match="no completion server answers at"):
        await names(server, Secure(ca=files.ca))
