"""Bytes to a port, and what becomes of the connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterable, Iterable
from typing import Any

from common.hostile.world import PLACE, Draw, World

PATIENCE_S = 10.0
"""For the first line of an answer."""
ROUTES = ("/v1/completions", "/v1/fim/completions", "/infill", "/completion", "/api/generate", "/fim/completions")
Data = bytes | Iterable[bytes] | AsyncIterable[bytes]


def head(world: World, path: str, *more: str, token: str | None = None, method: str = "POST") -> bytes:
    """Request line and headers, without the empty line. token: None: the known one; empty: none."""
    given = world.token if token is None else token
    lines = [f"{method} {path} HTTP/1.1", "host: x", *([f"authorization: Bearer {given}"] if given else []), *more]
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape")


def post(world: World, path: str, body: bytes, *more: str, token: str | None = None) -> bytes:
    """A whole request, after which the server closes."""
    return head(world, path, f"content-length: {len(body)}", "connection: close", *more, token=token) + b"\r\n" + body


def fields(path: str, text: str, **more: Any) -> bytes:
    """A body that the path takes."""
    name = "input_prefix" if path == "/infill" else "prompt"
    given = {name: text, "stream": False, **more}
    given |= {"options": {"num_predict": 4}} if path.startswith("/api/") else {"max_tokens": 4, "n_predict": 4}
    return json.dumps(given).encode()


async def opened(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(PLACE, port)


async def exchange(port: int, data: Data, patience_s: float = PATIENCE_S, half: bool = False) -> str:
    """Sends all of it and reads to the first line. `half`: the client's side is shut then."""
    try:
        reader, writer = await opened(port)
    except OSError as error:
        return type(error).__name__
    try:
        with contextlib.suppress(OSError):
            await _send(writer, data)
            if half:
                writer.write_eof()
        return await answer(reader, patience_s)
    finally:
        await closed(writer)


async def _send(writer: asyncio.StreamWriter, data: Data) -> None:
    if isinstance(data, bytes):
        data = (data,)
    if isinstance(data, AsyncIterable):
        async for part in data:
            writer.write(part)
            await writer.drain()
        return
    for part in data:
        writer.write(part)
        await writer.drain()


async def answer(reader: asyncio.StreamReader, patience_s: float = PATIENCE_S) -> str:
    """The status, or what became of the connection; what else comes is read, up to a megabyte."""
    try:
        async with asyncio.timeout(patience_s):
            line = await reader.readline()
            if line:
                await reader.read(1 << 20)
    except TimeoutError:
        return "silent"
    except OSError:
        return "reset"
    except ValueError:
        return "no line"
    if not line:
        return "closed"
    return line.split()[1].decode(errors="replace") if line.startswith(b"HTTP/") else "no http"


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def abandoned(port: int, data: bytes, how: str, after_s: float = 0.0) -> str:
    """Sends and goes away: `close`, or `reset`, which throws away what is under way."""
    try:
        _, writer = await opened(port)
    except OSError as error:
        return type(error).__name__
    with contextlib.suppress(OSError):
        writer.write(data)
        await writer.drain()
    await asyncio.sleep(after_s)
    if how == "reset":
        sock: socket.socket = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return "left"
    await closed(writer)
    return "left"


async def drip(data: bytes, every_s: float, most: int) -> AsyncIterable[bytes]:
    """A byte at a time, at most so many of them."""
    for at in range(min(most, len(data))):
        yield data[at : at + 1]
        await asyncio.sleep(every_s)


def route(draw: Draw) -> str:
    return draw.of(ROUTES, "route")
