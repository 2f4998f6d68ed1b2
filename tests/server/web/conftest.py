"""A server with its HTTP face on a free port, a small model that has learnt forty files, an engine that can be held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from server.app import ServeConfig, Server
from server.client import AsyncClient
from tests.support.models.tiny import write_checkpoint
from tests.support.programs.engine_gate import Gate


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Server]:
    """Up, and without a model."""
    server = Server(ServeConfig(tmp_path, listen="127.0.0.1:0", grace_s=0.2, http="127.0.0.1:0"))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def server(bare: Server, tmp_path: Path) -> Server:
    write_checkpoint(tmp_path, 1)
    await asyncio.wait_for(bare.ready(), 300)  # the step may have to be compiled
    return bare


@pytest.fixture
async def http(bare: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{bare.http}", timeout=300) as client:
        yield client


@pytest.fixture
async def rpc(bare: Server) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(bare.address) as client:
        yield client


@pytest.fixture
async def gate(server: Server) -> AsyncIterator[Gate]:
    gate = Gate(server.engine)
    yield gate
    gate.go()
