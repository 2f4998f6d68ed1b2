"""Connections that bring no head, too many of them, and heads that are too much; and pings over gRPC."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from server.app import ServeConfig, Server
from server.web.connection import Limits
from tests.support.models.tiny import write_checkpoint

HEAD = b"GET /props HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Callable[..., object]]:
    """A server without a model."""
    servers: list[Server] = []

    async def start(limits: Limits = Limits(), ping_s: float = 20.0) -> Server:  # noqa: B008
        config = ServeConfig(tmp_path, "127.0.0.1:0", grace_s=0.1, http="127.0.0.1:0", limits=limits, ping_s=ping_s)
        servers.append(Server(config))
        await servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        await server.stop()


async def opened(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = server.http.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def rest(reader: asyncio.StreamReader) -> bytes:
    """What still comes; nothing where the connection is reset, since the server reads no more of what was sent."""
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(60):
            return await reader.read()
    return b""


async def test_a_head_that_does_not_come_ends_the_connection(make) -> None:
    server = await make(Limits(head_s=0.3))
    for start in (b"", b"GET", HEAD):
        reader, writer = await opened(server)
        writer.write(start)
        for _ in range(4):  # a byte now and then does not help
            await asyncio.sleep(0.05)
            writer.write(b"x" if start == HEAD else b"")
        assert await rest(reader) == b""
        writer.close()
    reader, writer = await opened(server)  # the second head of a connection, too
    writer.write(HEAD + b"\r\n")
    assert b"503" in await reader.readuntil(b"\r\n\r\n")
    writer.write(HEAD)
    assert (await rest(reader)).count(b"HTTP/1.1") == 0
    writer.close()


async def test_a_request_that_takes_longer_than_a_head_goes_on(make) -> None:
    server = await make(Limits(head_s=0.2))
    reader, writer = await opened(server)
    writer.write(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
    await asyncio.sleep(0.6)
    writer.write(b"}")
    assert b" 503 " in await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def test_so_many_are_open_and_one_that_ends_makes_room(make) -> None:
    server = await make(Limits(connections=3))
    several = [await opened(server) for _ in range(3)]
    while len(server._web._server.server_state.connections) < 3:
        await asyncio.sleep(0.01)
    reader, writer = await opened(server)
    assert (await rest(reader)).startswith(b"HTTP/1.1 503 ")
    writer.close()
    several[0][1].close()
    while len(server._web._server.server_state.connections) > 2:
        await asyncio.sleep(0.01)
    reader, writer = several[0] = await opened(server)
    writer.write(HEAD + b"\r\n")
    assert b"HTTP/1.1 503 " in await reader.readuntil(b"\r\n\r\n"), "no model, but an answer"
    assert b"Loading model" in await reader.readuntil(b"}")
    for _, writer in several:
        writer.close()


async def test_a_head_that_is_too_much_is_refused(make) -> None:
    server = await make()
    async with httpx.AsyncClient(base_url=f"http://{server.http}") as http:
        answer = await http.get("/v1/models", headers={f"x-{n}": "v" for n in range(200)})
        assert answer.status_code == 431 and "at most 100 headers" in answer.json()["error"]["message"]
        assert (await http.get("/v1/models", headers={"x-long": "v" * 40_000})).status_code == 431
        assert (await http.get("/v1/models", headers={f"x-{n}": "v" for n in range(50)})).status_code == 200
    reader, writer = await opened(server)
    writer.write(b"GET /" + b"x" * 1_000_000)
    assert b" 200 " not in await rest(reader)
    writer.close()


@pytest.mark.parametrize(("ping_s", "lives"), [(0.1, True), (20.0, False)])
async def test_pings_over_grpc_at_the_rate_that_is_allowed(make, ping_s: float, lives: bool) -> None:
    """A client that pings every 200 ms, as one would every 20 s: its stream goes on; where that is too often, it is
    told so."""
    server = await make(ping_s=ping_s)
    options = [
        ("grpc.keepalive_time_ms", 200), ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
    ]  # fmt: skip
    async with grpc.aio.insecure_channel(server.address, options=options) as channel:
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watching.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        changed = asyncio.ensure_future(watching.read())
        if not lives:
            with pytest.raises(grpc.aio.AioRpcError, match=r"[Tt]oo many pings|too_many_pings"):
                await asyncio.wait_for(changed, 60)
            return
        await asyncio.sleep(3)
        assert not changed.done()
        await asyncio.to_thread(write_checkpoint, server.config.checkpoints, 1)
        async with asyncio.timeout(300):
            assert (await changed).status == health_pb2.HealthCheckResponse.SERVING
        watching.cancel()
