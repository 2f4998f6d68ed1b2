"""Over HTTP: requests whose heads, lengths, times or ends are wrong."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from common.hostile.wire import (
    abandoned,
    closed,
    drip,
    exchange,
    fields,
    head,
    opened,
    post,
    route,
)
from common.hostile.world import PLACE, Act, Draw, Kind, World

HELD_S = 1.0
"""For which a slow one holds its connection."""
Make = Callable[[World, Draw], bytes]


def _sent(name: str, make: Make, weight: int = 10, half: bool = False, patience_s: float = 10.0) -> Kind:
    """`make`: world and draw to the bytes."""

    async def act(world: World, draw: Draw) -> str:
        return await exchange(world.http, make(world, draw), patience_s, half)

    return Kind(name, act, weight)


def _body(draw: Draw) -> bytes:
    return fields("/v1/completions", draw.text)


def _with(*more: str, body: bool = True, method: str = "POST", path: str = "/v1/completions") -> Make:
    """A head with more lines; CANARY in them is the draw's text."""

    def make(world: World, draw: Draw) -> bytes:
        lines = [line.replace("CANARY", draw.text.strip()) for line in more]
        where = path.replace("CANARY", draw.text.strip(" ="))
        return head(world, where, *lines, "connection: close", method=method) + b"\r\n" + (_body(draw) if body else b"")

    return make


def _chunks(data: bytes) -> Make:
    """A body of chunks that begins so."""

    def make(world: World, draw: Draw) -> bytes:
        return _with("transfer-encoding: chunked", body=False)(world, draw) + data

    return make


def _token(form: str) -> Make:
    def make(world: World, draw: Draw) -> bytes:
        line = form.replace("CANARY", draw.text.strip()).replace("TOKEN", world.token)
        return post(world, route(draw), _body(draw), *([line] if line else []), token="")

    return make


def _many_headers(world: World, draw: Draw) -> bytes:
    return head(world, route(draw), *(f"x-{n}: {draw.text}" for n in range(10_000))) + b"\r\n"


def _long_header(world: World, draw: Draw) -> bytes:
    return head(world, route(draw), f"x-long: {draw.text}{'y' * (1 << 20)}") + b"\r\n"


def _long_path(world: World, draw: Draw) -> bytes:
    return head(world, f"/{draw.text.strip(' =')}{'z' * 200_000}", "connection: close", method="GET") + b"\r\n"


def _pipelined(world: World, draw: Draw) -> bytes:
    """Good ones and bad ones in one write."""
    one = _body(draw)
    good = head(world, "/v1/completions", f"content-length: {len(one)}") + b"\r\n" + one
    bad = head(world, "/v1/completions", "content-length: 1") + b"\r\n{"
    return b"".join(good if draw.below(3, str(n)) else bad for n in range(20)) + post(world, "/nowhere", b"{}")


def _mutated(world: World, draw: Draw) -> bytes:
    data = bytearray(post(world, route(draw), _body(draw)))
    for n in range(1 + draw.below(6, "changes")):
        data[draw.below(len(data), f"at{n}")] = draw.below(256, f"to{n}")
    return bytes(data)


def _cut(how: str, after_s: float = 0.0) -> Act:
    """Goes away in the middle of a request."""

    async def act(world: World, draw: Draw) -> str:
        data = post(world, route(draw), _body(draw))
        return await abandoned(world.http, data[: draw.below(len(data), "cut")], how, after_s)

    return act


def _gone(how: str) -> Act:
    """Sends a whole request for a long answer and goes away without reading, sooner or later."""

    async def act(world: World, draw: Draw) -> str:
        path = route(draw)
        body = fields(path, draw.text, stream=bool(draw.below(2, "stream"))).replace(b": 4", b": 400")
        return await abandoned(world.http, post(world, path, body), how, draw.below(100, "after") / 1000)

    return act


async def _slow_reader(world: World, draw: Draw) -> str:
    """Asks for a stream, takes a few bytes of it with a small buffer, waits, and goes."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    plain.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        await loop.sock_connect(plain, (PLACE, world.http))
        body = fields("/completion", draw.text * 3, stream=True, logprobs=1).replace(b": 4", b": 4000")
        await loop.sock_sendall(plain, post(world, "/completion", body))
        data = b""
        for _ in range(5):
            data += await loop.sock_recv(plain, 8)
            await asyncio.sleep(HELD_S / 5)
        return data.split()[1].decode() if data.startswith(b"HTTP/") else "closed"
    except OSError as error:
        return type(error).__name__
    finally:
        plain.close()


def _dripping(what: str) -> Act:
    """Head or body come a byte at a time, and never whole."""

    async def act(world: World, draw: Draw) -> str:
        body = _body(draw)
        begun = head(world, "/infill", f"content-length: {len(body)}") + b"\r\n"
        slow, first = (begun, b"") if what == "head" else (body, begun)
        try:
            _, writer = await opened(world.http)
        except OSError as error:
            return type(error).__name__
        with contextlib.suppress(OSError):
            writer.write(first)
            async for part in drip(slow, 0.05, int(HELD_S / 0.05)):
                writer.write(part)
                await writer.drain()
        await closed(writer)
        return "left"

    return act


async def _limited(world: World, draw: Draw) -> str:
    """With a token that may ask little."""
    return await exchange(world.http, post(world, route(draw), _body(draw), token=world.limited))


KINDS = (
    _sent("head: no token", _token(""), 20),
    _sent("head: a wrong token", _token("authorization: Bearer CANARY"), 20),
    _sent("head: a token that is no text", _token("authorization: Bearer \udcff\udcfeCANARY")),
    _sent("head: two tokens", _token("authorization: Bearer TOKEN\r\nauthorization: Bearer CANARY")),
    _sent("head: another scheme", _token("authorization: Basic CANARY")),
    Kind("head: a token that may ask little", _limited, 20),
    _sent("head: 10,000 headers", _many_headers, 5),
    _sent("head: a header of a megabyte", _long_header, 5),
    _sent("head: a path of 200,000 characters", _long_path, 5),
    _sent("head: a path with a line's end", _with(method="GET", path="/CANARY%0d%0ax:y/../../etc/passwd", body=False)),
    _sent("head: an unknown path", _with(method="GET", path="/CANARY", body=False)),
    _sent("head: a name of a model in the path", _with(method="GET", path="/v1/models/CANARY", body=False)),
    _sent("head: an unknown method", _with("content-length: 0", method="KANARIE7Q", body=False)),
    _sent("head: CONNECT", _with(method="CONNECT", path="CANARY:443", body=False)),
    _sent("head: TRACE", _with(method="TRACE", body=False)),
    _sent("head: OPTIONS of another origin", _with("origin: http://CANARY", method="OPTIONS", body=False)),
    _sent("head: a version that is none", lambda world, draw: b"POST /infill HTTP/9.9\r\n\r\n"),
    _sent("head: without a version", lambda world, draw: f"GET /{draw.text}\r\n\r\n".encode()),
    _sent("head: no host", lambda world, draw: b"GET /health HTTP/1.1\r\n\r\n"),
    _sent("head: an upgrade", _with("upgrade: websocket", "connection: upgrade", "sec-websocket-key: CANARY")),
    _sent("head: an upgrade to HTTP/2", _with("upgrade: h2c", "connection: upgrade", "http2-settings: AAAA")),
    _sent("head: a header without a name", _with(": CANARY")),
    _sent("head: a zero byte in a header", _with("x-a: CANARY\x00b")),
    _sent("head: pipelined", _pipelined, 10),
    _sent("head: mutated", _mutated, 60, half=True),
    _sent("length: too large, then shut", _with("content-length: 100000"), 10, half=True),
    _sent("length: too small", _with("content-length: 3")),
    _sent("length: negative", _with("content-length: -1")),
    _sent("length: no number", _with("content-length: CANARY")),
    _sent("length: beyond all numbers", _with(f"content-length: {'9' * 5000}")),
    _sent("length: two of them", _with("content-length: 10", "content-length: 20")),
    _sent("length: and chunks", _with("content-length: 10", "transfer-encoding: chunked"), patience_s=2.0),
    _sent("chunks: size is no number", _with("transfer-encoding: chunked"), patience_s=2.0),
    _sent("chunks: size beyond all", _chunks(b"f" * 40 + b"\r\n")),
    _sent("chunks: a negative size", _chunks(b"-5\r\nhello")),
    _sent("chunks: a long extension", _chunks(b"1;" + b"x" * 300_000), 3),
    _sent("chunks: never ended, then shut", _chunks(b"5\r\nhello\r\n"), 10, half=True),
    _sent("chunks: another coding", _with("transfer-encoding: gzip, CANARY")),
    Kind("left: before a word", lambda world, draw: abandoned(world.http, b"", draw.of(("close", "reset"))), 20),
    Kind("left: in the middle", _cut("close"), 20),
    Kind("left: reset in the middle", _cut("reset", 0.02), 20),
    Kind("left: before the answer", _gone("close"), 20),
    Kind("left: reset before the answer", _gone("reset"), 20),
    _sent("left: half closed", lambda world, draw: post(world, route(draw), _body(draw)), 20, half=True),
    Kind("slow: reader", _slow_reader, 10),
    Kind("slow: head", _dripping("head"), 10),
    Kind("slow: body", _dripping("body"), 10),
)  # fmt: skip
