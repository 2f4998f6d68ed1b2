"""A server with both faces that asks for tokens."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.access.config import Access
from server.app import ServeConfig, Server
from tests.support.models.tiny import write_checkpoint

TOKENS = {
    "free": "",
    "slow": "rate=2/m",
    "single": "concurrent=1",
    "web": "models=other",
}
"""Each is its own name behind `token-of-`."""


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    path = tmp_path / "tokens"
    lines = [
        f"{name} sha256:{hashlib.sha256(secret(name).encode()).hexdigest()} {more}" for name, more in TOKENS.items()
    ]
    path.write_text("\n".join(lines))
    path.chmod(0o600)
    return path


def secret(name: str) -> str:
    return f"token-of-{name}"


@pytest.fixture
async def guarded(tmp_path: Path, tokens: Path) -> AsyncIterator[Server]:
    write_checkpoint(tmp_path / "a", 1)
    write_checkpoint(tmp_path / "b", 40)
    access = Access(tokens=tokens, metrics="127.0.0.1:0")
    server = Server(
        ServeConfig(
            tmp_path / "a", listen="127.0.0.1:0", grace_s=0.2, models={"other": tmp_path / "b"}, http="127.0.0.1:0",
            access=access,
        )
    )  # fmt: skip
    await server.start()
    async with asyncio.timeout(300):
        while len(server.engine.models) < 2:
            await asyncio.sleep(0.02)
    yield server
    await server.stop()
