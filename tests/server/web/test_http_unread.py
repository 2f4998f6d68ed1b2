"""What of a body is left when the answer is sent is not read for ever: the connection ends."""

from __future__ import annotations

import asyncio
from itertools import repeat

import pytest

from server.app import Server

ENDLESS = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
"""A chunk of a megabyte."""
HEADS = {
    "length": b"content-length: 1000000000000",
    "chunks": b"transfer-encoding: chunked",
}


async def answered(server: Server, head: bytes, parts: object) -> bytes:
    """What comes back until the server closes, while parts are sent as long as it takes them."""
    host, _, port = server.http.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def send() -> None:
        try:
            for part in parts:  # pyright: ignore
                writer.write(part)
                await writer.drain()
        except ConnectionError:
            pass

    writer.write(head)
    sending = asyncio.create_task(send())
    try:
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize(
    "path", [b"POST /v1/completions", b"POST /infill", b"POST /nowhere", b"GET /health", b"PUT /infill"]
)
async def test_an_endless_body_ends_with_the_answer(server: Server, path: bytes, kind: str) -> None:
    head = path + b" HTTP/1.1\r\nhost: x\r\n" + HEADS[kind] + b"\r\n\r\n"
    async with asyncio.timeout(120):
        got = await answered(server, head, repeat(ENDLESS))
    assert not got or got.split()[1] in (b"413", b"404", b"200", b"405")


async def test_a_small_rest_is_read_and_the_connection_stays(server: Server) -> None:
    host, _, port = server.http.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    for _ in range(3):
        writer.write(b"POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.split()[1] == b"404" and b"connection: close" not in head.lower()
        size = next(int(line.split()[1]) for line in head.lower().splitlines() if line.startswith(b"content-length"))
        await reader.readexactly(size)
    writer.close()
