"""The language server before a completion server that asks for a token."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from server.access.config import Access
from server.app import ServeConfig, Server
from tests.support.editors.editor import INVOKED, editing
from tests.support.models.tiny import texts, write_checkpoint

HEAD = texts()[20][:9]


async def test_a_refusal_is_told_once_and_a_new_token_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIDSTREAM_TOKEN", raising=False)
    tokens, mine = tmp_path / "tokens", tmp_path / "mine"
    tokens.write_text(f"ann sha256:{hashlib.sha256(b'right').hexdigest()}")
    tokens.chmod(0o600)
    mine.write_text("wrong")
    write_checkpoint(tmp_path / "checkpoints", 1)
    config = ServeConfig(tmp_path / "checkpoints", "127.0.0.1:0", grace_s=0.2, access=Access(tokens=tokens))
    server = Server(config)
    await server.start()
    await asyncio.wait_for(server.ready(), 300)
    options: dict[str, object] = {"invoked_ms": 60_000, "server_token_file": str(mine)}
    try:
        async with editing(tmp_path, server.address, options=options) as editor:
            editor.open("m1.py", HEAD)
            for _ in range(3):
                assert await editor.ask("m1.py", (0, len(HEAD)), INVOKED) is None
            assert editor.shown == [f"Midstream: the server at {server.address} does not know this token"]
            mine.write_text("right\n")
            item = await editor.ask("m1.py", (0, len(HEAD)), INVOKED)
            assert item is not None and item.insert_text
            assert len(editor.shown) == 1 and editor.logged[-1] == "Midstream: the server answers again"
    finally:
        await server.stop()
