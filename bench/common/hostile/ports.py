"""Other protocols at any port, HTTP/2 by hand, and the metrics page."""

from __future__ import annotations

import struct
from collections.abc import Awaitable, Callable

from common.hostile.wire import abandoned, exchange, fields, post
from common.hostile.world import Draw, Kind, World

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, DATA = 1, 3, 4, 6, 7, 8, 9, 0
END_STREAM, END_HEADERS = 1, 4
PATIENCE_S = 1.0
"""A port need not answer another protocol; it may wait for more."""
PATH = "/midstream.v1.InfillService/Infill"


def hello(draw: Draw) -> bytes:
    """The first record of TLS, with the canary as the name of the server."""
    name = draw.text.strip(" =").encode()
    names = struct.pack("!HHBH", len(name) + 5, len(name) + 3, 0, len(name)) + name
    extensions = struct.pack("!H", 0) + names
    body = (
        b"\x03\x03"
        + draw.data(32)
        + b"\0"
        + b"\0\2\x13\x01"
        + b"\1\0"
        + struct.pack("!H", len(extensions))
        + extensions
    )
    shake = b"\1" + struct.pack("!I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack("!H", len(shake)) + shake


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def literals(*pairs: tuple[str, str]) -> bytes:
    """Headers without a table: each name and value as it is."""
    return b"".join(b"\0" + _string(name) + _string(value) for name, value in pairs)


def _string(text: str) -> bytes:
    data = text.encode()
    if len(data) < 127:
        return bytes((len(data),)) + data
    length, rest = [127], len(data) - 127
    while rest >= 128:
        length.append(rest % 128 + 128)
        rest //= 128
    return bytes((*length, rest)) + data


def asking(world: World, *more: tuple[str, str]) -> bytes:
    """Headers of a call."""
    return literals(
        (":method", "POST"), (":scheme", "http"), (":path", PATH), (":authority", "x"), ("te", "trailers"),
        ("content-type", "application/grpc"), ("authorization", f"Bearer {world.token}"), *more,
    )  # fmt: skip


def _begun(*frames: bytes) -> bytes:
    return PREFACE + frame(SETTINGS, 0, 0) + b"".join(frames)


def _rapid_reset(world: World, draw: Draw) -> bytes:
    """Streams that are begun and reset, one after the other."""
    headers = asking(world)
    return _begun(*(
        frame(HEADERS, END_HEADERS, stream, headers) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08")
        for stream in range(1, 2_001, 2)
    ))  # fmt: skip


def _endless_headers(world: World, draw: Draw) -> bytes:
    more = literals((draw.text.strip(" ="), "x" * 16_000))
    return _begun(frame(HEADERS, 0, 1, asking(world)), *(frame(CONTINUATION, 0, 1, more) for _ in range(200)))


def _pings(world: World, draw: Draw) -> bytes:
    return _begun(*(frame(PING, 0, 0, draw.data(8, str(n))) for n in range(2_000)))


def _settings(world: World, draw: Draw) -> bytes:
    return _begun(*(frame(SETTINGS, 0, 0, struct.pack("!HI", 4, draw.below(1 << 31, str(n)))) for n in range(2_000)))


def _no_window(world: World, draw: Draw) -> bytes:
    """A call whose answer may not be sent."""
    message = b"\x0a" + bytes((len(draw.text),)) + draw.text.encode()
    data = frame(DATA, END_STREAM, 1, struct.pack("!BI", 0, len(message)) + message)
    small = frame(SETTINGS, 0, 0, struct.pack("!HI", 4, 0))
    return PREFACE + small + frame(HEADERS, END_HEADERS, 1, asking(world)) + data


def _length_lies(world: World, draw: Draw) -> bytes:
    """A message that is said to have 4 GiB."""
    data = frame(DATA, END_STREAM, 1, struct.pack("!BI", 0, (1 << 32) - 1) + draw.text.encode())
    return _begun(frame(HEADERS, END_HEADERS, 1, asking(world)), data)


def _never_ended(world: World, draw: Draw) -> bytes:
    data = frame(DATA, 0, 1, struct.pack("!BI", 0, 100) + draw.text.encode())
    return _begun(frame(HEADERS, END_HEADERS, 1, asking(world)), data)


def _random_frames(world: World, draw: Draw) -> bytes:
    frames = (
        frame(
            draw.below(12, f"k{n}"),
            draw.below(256, f"f{n}"),
            draw.below(8, f"s{n}"),
            draw.data(draw.below(40, f"l{n}")),
        )
        for n in range(20)
    )
    return _begun(*frames)


def _goodbye(world: World, draw: Draw) -> bytes:
    """With words for the server's log, and a line's end in them."""
    said = f"{draw.text}\n2026-01-01 00:00:00,000 midstream.server {draw.text}\x1b[2J\x00".encode()
    return _begun(frame(GOAWAY, 0, 0, struct.pack("!II", 0, 2) + said))


def _huge_frame(world: World, draw: Draw) -> bytes:
    return _begun(b"\xff\xff\xff\0\0" + struct.pack("!I", 1) + draw.data(1 << 16))


def _to(name: str, port: str, make: Callable[[World, Draw], bytes], weight: int = 10) -> Kind:
    async def act(world: World, draw: Draw) -> str:
        return await exchange(getattr(world, port), make(world, draw), PATIENCE_S, half=bool(draw.below(2, "half")))

    return Kind(f"{port}: {name}", act, weight)


def _everywhere(name: str, make: Callable[[World, Draw], bytes], weight: int = 5) -> tuple[Kind, ...]:
    return tuple(_to(name, port, make, weight) for port in ("http", "rpc", "metrics"))


def _stays(world: World, draw: Draw, port: int) -> Awaitable[str]:
    return abandoned(port, b"", "close", 0.5)


def _get(path: str, *more: str) -> Callable[[World, Draw], bytes]:
    def make(world: World, draw: Draw) -> bytes:
        lines = [f"GET {path} HTTP/1.1", "host: x", "connection: close", *more]
        return "".join(f"{line}\r\n" for line in lines).replace("CANARY", draw.text.strip(" =")).encode() + b"\r\n"

    return make


KINDS = (
    *_everywhere("TLS", lambda world, draw: hello(draw)),
    *_everywhere("random bytes", lambda world, draw: draw.data(1 + draw.below(3_000, "size")), 10),
    *_everywhere("zeros", lambda world, draw: bytes(10_000), 3),
    *_everywhere("lines", lambda world, draw: f"{draw.text}\r\n".encode() * 200, 3),
    _to("HTTP/2", "http", lambda world, draw: PREFACE + frame(SETTINGS, 0, 0) + draw.text.encode(), 10),
    _to("HTTP/2", "metrics", lambda world, draw: PREFACE + frame(SETTINGS, 0, 0) + draw.text.encode(), 5),
    _to("HTTP/1", "rpc", lambda world, draw: post(world, "/infill", fields("/infill", draw.text)), 10),
    _to("streams begun and reset", "rpc", _rapid_reset, 3),
    _to("headers without an end", "rpc", _endless_headers, 3),
    _to("pings", "rpc", _pings, 3),
    _to("settings", "rpc", _settings, 3),
    _to("a window of nothing", "rpc", _no_window),
    _to("a message of 4 GiB", "rpc", _length_lies),
    _to("a message that never ends", "rpc", _never_ended),
    _to("random frames", "rpc", _random_frames, 20),
    _to("words at leaving", "rpc", _goodbye, 5),
    _to("a frame of 16 MiB", "rpc", _huge_frame, 5),
    Kind("http: nothing is said", lambda world, draw: _stays(world, draw, world.http), 5),
    Kind("rpc: nothing is said", lambda world, draw: _stays(world, draw, world.rpc), 5),
    Kind("metrics: nothing is said", lambda world, draw: _stays(world, draw, world.metrics), 5),
    _to("a path", "metrics", _get("/CANARY?name[]=CANARY")),
    _to("a header of 100,000 characters", "metrics", _get("/metrics", "x: CANARY" + "y" * 100_000), 3),
    _to("names that are wanted", "metrics", _get("/metrics?name[]=CANARY", "accept: CANARY")),
)  # fmt: skip
