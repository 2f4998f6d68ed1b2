"""The commands of the server's own machine ask it without being told again what `[serve]` says."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result

from midstream.asking import answers, asking, is_own, options
from midstream.cli import main
from midstream.settings import Settings, load
from server.access.config import access_of
from server.access.secure import ServerError
from server.app import ServeConfig, Server
from tests.support.models.tiny import texts, write_checkpoint

TOKEN = "mds_a-token"


@dataclass
class Place:
    """A server with tokens and TLS, and the settings that it was made by."""

    server: Server
    config: Path

    @property
    def settings(self) -> Settings:
        return load(self.config)

    async def complete(self, *more: str, **environment: str) -> Result:
        file = self.config.with_name("x.py")
        file.write_text(texts()[1][:40])
        line = 1 + texts()[1][:40].count("\n")
        words = ["complete", f"{file}:{line}:1", "--max-tokens", "2", "--config", str(self.config), *more]
        return await asyncio.to_thread(CliRunner().invoke, main, words, env=environment)


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.delenv("MIDSTREAM_TOKEN", raising=False)
    issued = trustme.CA().issue_cert("code.example.org")  # this machine asks by another name
    issued.private_key_pem.write_to_path(str(tmp_path / "key"))
    (tmp_path / "certificate").write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    (tmp_path / "tokens").write_text(f"ann sha256:{hashlib.sha256(TOKEN.encode()).hexdigest()}")
    (tmp_path / "tokens").chmod(0o600)
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    write_checkpoint(tmp_path / "checkpoints", 1)
    config, names = tmp_path / "midstream.toml", ("tokens", "certificate", "key")
    config.write_text("\n".join(["[serve]", *(f'{name} = "{tmp_path / name}"' for name in names)]))
    access = access_of(load(config).serve)
    server = Server(ServeConfig(tmp_path / "checkpoints", "127.0.0.1:0", grace_s=0.1, access=access))
    await server.start()
    await asyncio.wait_for(server.ready(), 300)
    config.write_text(f'{config.read_text()}\nlisten = "{server.address}"')
    yield Place(server, config)
    await server.stop()


async def test_the_certificate_vouches_for_itself_and_a_token_is_asked_for(place: Place, tmp_path: Path) -> None:
    given = await place.complete("--token-file", str(tmp_path / "token"))
    assert given.exit_code == 0, given.output
    assert (await place.complete(MIDSTREAM_TOKEN=TOKEN)).stdout == given.stdout
    without = await place.complete()
    assert without.exit_code == 1
    assert without.output == (
        f"Error: the server at {place.server.address} asks for a token: put it into MIDSTREAM_TOKEN, or name a file "
        "that holds it, with --token-file or as server_token_file of [lsp]\n"
    )
    assert "does not know this token" in (await place.complete(MIDSTREAM_TOKEN="x")).output
    elsewhere = await place.complete("--tls-name", "other", MIDSTREAM_TOKEN=TOKEN)
    assert "or that is of another name" in elsewhere.output


async def test_what_is_served_is_said(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "asks for a token" in await asyncio.to_thread(answers, place.settings)
    monkeypatch.setenv("MIDSTREAM_TOKEN", TOKEN)
    said = await asyncio.to_thread(answers, place.settings)
    assert said.startswith(f"{place.server.address} serves step-00000001-")
    await place.server.stop()
    assert "no completion server answers" in await asyncio.to_thread(answers, place.settings)


async def test_what_lsp_says_of_tls_wins(place: Place) -> None:
    own = options(place.settings, place.server.address)
    assert own.server == place.server.address
    assert (own.ca, own.tls_name) == (str(place.settings.serve.certificate), "code.example.org")
    assert options(place.settings, "10.0.0.1:50151").ca == ""
    for line in ('ca = "/x"', "tls = true"):
        place.config.write_text(f"{place.config.read_text()}\n[lsp]\n{line}")
        assert options(place.settings, place.server.address).tls_name == ""
        place.config.write_text(place.config.read_text().partition("\n[lsp]")[0])
    place.config.write_text(f'{place.config.read_text()}\nclient_ca = "{place.settings.serve.certificate}"')
    with pytest.raises(ServerError, match="wants a certificate of its clients: name yours and its key"):
        asking(place.settings, place.server.address)


@pytest.mark.parametrize(
    ("server", "listen", "own"),
    [
        ("127.0.0.1:1", "127.0.0.1:1", True),
        ("localhost:1", "0.0.0.0:1", True),
        ("[::1]:1", "[::]:1", True),
        ("box:1", "box:1", True),
        ("127.0.0.1:2", "127.0.0.1:1", False),
        ("box:1", "0.0.0.0:1", False),
        ("127.0.0.1:1", "10.0.0.1:1", False),
    ],
)
def test_a_server_of_this_machine_is_told_by_its_address(server: str, listen: str, own: bool) -> None:
    assert is_own(server, listen) is own
