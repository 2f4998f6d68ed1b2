"""Over gRPC: messages, fields, metadata and calls that are wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc

from common.hostile.bodies import HUGE, MIB, SENTINELS
from common.hostile.world import PLACE, Draw, Kind, World
from server.client import message

SERVICE = "/midstream.v1.InfillService/"
PATIENCE_S = 20.0
Metadata = list[tuple[str, str | bytes]]
Make = Callable[[Draw], bytes]


def _plain(data: bytes) -> bytes:
    return data


def authorized(world: World) -> Metadata:
    return [("authorization", f"Bearer {world.token}")]


async def _called(
    channel: Any, method: str, data: bytes, metadata: Metadata, timeout_s: float = PATIENCE_S, **more: Any
) -> str:  # fmt: skip
    """The status's name; OK where it was answered."""
    call = channel.unary_stream(method, request_serializer=_plain, response_deserializer=_plain)(
        data, metadata=metadata, timeout=timeout_s, **more
    )
    try:
        async for _ in call:
            pass
    except grpc.RpcError as error:
        return error.code().name  # pyright: ignore
    except (ValueError, TypeError) as error:  # the client's own library does not send it
        return f"not sent: {type(error).__name__}"
    return "OK"


def _kind(name: str, make: Make, weight: int = 10, method: str = "Infill", **more: Any) -> Kind:
    async def act(world: World, draw: Draw) -> str:
        return await _called(world.channel, SERVICE + method, make(draw), authorized(world), **more)

    return Kind(f"call: {name}", act, weight)


def _fields(**given: Any) -> Make:
    """A request whose fields are these; a callable is called with the draw."""

    def make(draw: Draw) -> bytes:
        values = {name: value(draw) if callable(value) else value for name, value in given.items()}
        prefix = values.pop("prefix", draw.text)
        return message(prefix, **({"max_tokens": 4} | values)).SerializeToString()

    return make


def _doubles(draw: Draw) -> bytes:
    number = draw.of((float("nan"), float("inf"), float("-inf"), -0.0, 1e308, -1.0, 5e-324))
    name = draw.of(("temperature", "top_p", "least_confidence"), "name")
    return message(draw.text, max_tokens=4, **{name: number}).SerializeToString()


def _integers(draw: Draw) -> bytes:
    """As varints that no field of 32 bits holds."""
    number = draw.of((1 << 31, (1 << 63) - 1, (1 << 64) - 1, 0x80000000))
    field = draw.of((5, 9, 13, 16, 11, 7), "field")
    return _fields()(draw) + varint(field << 3) + varint(number)


def varint(number: int) -> bytes:
    data = bytearray()
    while number >= 128:
        data.append(number % 128 + 128)
        number //= 128
    return bytes((*data, number))


def _invalid(draw: Draw) -> bytes:
    text = draw.text.encode() + draw.of((b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82"))
    field = draw.of((1, 2, 3, 4, 8, 10, 17), "field")
    return varint(field << 3 | 2) + varint(len(text)) + text


def _garbage(draw: Draw) -> bytes:
    return draw.data(draw.below(2_000, "size"))


def _nested(draw: Draw) -> bytes:
    """Groups inside of groups, of a field that is not known."""
    return b"\xa3\x06" * 100_000


def _mutated(draw: Draw) -> bytes:
    data = bytearray(_fields(stop=("\n",), path="m.py", session="s", seed=5, temperature=0.5)(draw))
    for n in range(1 + draw.below(4, "changes")):
        data[draw.below(len(data), f"at{n}")] = draw.below(256, f"to{n}")
    return bytes(data)


def _sentinels(draw: Draw) -> str:
    return draw.text.join(draw.of(SENTINELS, str(n)) for n in range(30)).replace("\ufffe", "")


def _token(form: Metadata, weight: int = 10) -> Callable[[str], Kind]:
    def named(name: str) -> Kind:
        async def act(world: World, draw: Draw) -> str:
            given: Metadata = [(key, str(value).replace("CANARY", draw.text.strip())) for key, value in form]
            given = [(key, str(value).replace("TOKEN", world.token)) for key, value in given]
            return await _called(world.channel, SERVICE + draw.of(("Infill", "Model", "Models", "Score")), b"", given)

        return Kind(f"call: {name}", act, weight)

    return named


async def _unknown(world: World, draw: Draw) -> str:
    method = draw.of(
        (f"/{draw.text.strip(' =')}/x", SERVICE + draw.text.strip(" ="), "/", "/grpc.health.v1.Health/None")
    )
    return await _called(world.channel, method, b"", authorized(world))


async def _metadata(world: World, draw: Draw) -> str:
    more: Metadata = [(f"x-{n}", draw.text + "y" * 100) for n in range(1_000)]
    return await _called(world.channel, SERVICE + "Infill", _fields()(draw), authorized(world) + more)


async def _late(world: World, draw: Draw) -> str:
    return await _called(world.channel, SERVICE + "Infill", _fields(max_tokens=400)(draw), authorized(world),
                         timeout_s=draw.below(30, "ms") / 1000)  # fmt: skip


async def _cancelled(world: World, draw: Draw) -> str:
    asking = _called(world.channel, SERVICE + "Infill", _fields(max_tokens=400)(draw), authorized(world))
    task = asyncio.create_task(asking)
    await asyncio.sleep(draw.below(50, "ms") / 1000)
    task.cancel()
    return (await asyncio.gather(task, return_exceptions=True))[0].__class__.__name__


async def _several(world: World, draw: Draw) -> str:
    """Where the method takes one message."""

    async def messages() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield _fields()(draw)

    call = world.channel.stream_stream(SERVICE + "Infill", request_serializer=_plain, response_deserializer=_plain)(
        messages(), metadata=authorized(world), timeout=PATIENCE_S
    )
    try:
        async for _ in call:
            pass
    except grpc.RpcError as error:
        return error.code().name  # pyright: ignore
    return "OK"


async def _slow_reader(world: World, draw: Draw) -> str:
    """On a connection of its own, with a window of next to nothing; then it is closed."""
    options = [("grpc.http2.lookahead_bytes", 1), ("grpc.http2.bdp_probe", 0), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"{PLACE}:{world.rpc}", options=options) as channel:
        call: Any = channel.unary_stream(SERVICE + "Infill", request_serializer=_plain, response_deserializer=_plain)
        running = call(_fields(max_tokens=4_000, logprobs=True)(draw), metadata=authorized(world))
        try:
            await running.read()
            await asyncio.sleep(0.5)
        except grpc.RpcError as error:
            return error.code().name  # pyright: ignore
    return "left"


async def _bomb(world: World, draw: Draw) -> str:
    """100 MiB of blanks, of which gzip leaves 100 kB."""
    data = b"\x0a" + varint(100 * MIB) + b" " * (100 * MIB)
    return await _called(world.channel, SERVICE + "Infill", data, authorized(world), compression=grpc.Compression.Gzip)


def _reflected(draw: Draw) -> bytes:
    name = draw.text.encode() * 1000
    return b"\x22" + varint(len(name)) + name


async def _reflection(world: World, draw: Draw) -> str:
    method = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    return await _called(world.channel, method, draw.of((_reflected(draw), _garbage(draw))), authorized(world))


def _score(draw: Draw) -> bytes:
    """A middle that is empty, long or none."""
    text = draw.of((b"", draw.text.encode() * 5_000, b"\xff"), "middle")
    return b"\x0a\x01x" + b"".join(varint(n << 3 | 2) + varint(len(text)) + text for n in (2, 3, 4))


KINDS = (
    _kind("15 MiB in one line", _fields(prefix=lambda draw: draw.text + "x" * HUGE), 1),
    _kind("17 MiB", lambda draw: b" " * (17 * MIB), 1),
    Kind("call: a message that gzip makes small", _bomb, 1),
    _kind("sentinels", _fields(prefix=_sentinels, suffix=_sentinels), 20),
    _kind("invalid UTF-8", _invalid, 20),
    _kind("garbage", _garbage, 20),
    _kind("groups", _nested, 5),
    _kind("mutated", _mutated, 60),
    _kind("doubles", _doubles, 30),
    _kind("integers", _integers, 30),
    _kind("score", _score, 20, "Score"),
    _kind("5,000 stops", _fields(stop=("x",) * 5_000), 5),
    _kind("a stop of a megabyte", _fields(stop=("x" * MIB,)), 3),
    _kind("no such model", _fields(model=lambda draw: draw.text), 20),
    _kind("a path of a megabyte", _fields(path=lambda draw: draw.text + "/" * MIB), 3),
    _kind("a session of a megabyte", _fields(session="s" * MIB), 3),
    _kind("a path with sentinels", _fields(path=_sentinels), 10),
    _kind("a session each", _fields(session=lambda draw: draw.text), 20),
    _kind("a billion alternatives", _fields(alternatives=1_000_000_000, temperature=1.0), 5),
    _kind("16 alternatives of all tokens", _fields(alternatives=16, temperature=1.0, max_tokens=2_000_000_000), 3),
    _kind("another method's message", _fields(), 5, "Score"),
    _token([])("no token"),
    _token([("authorization", "Bearer CANARY")], 20)("a wrong token"),
    _token([("authorization", "Bearer TOKEN"), ("authorization", "Bearer CANARY")])("two tokens"),
    _token([("authorization", "Bearer TOKEN, CANARY")])("two tokens in one"),
    Kind("call: an unknown method", _unknown, 20),
    Kind("call: 1,000 fields of metadata", _metadata, 5),
    Kind("call: late", _late, 20),
    Kind("call: cancelled", _cancelled, 20),
    Kind("call: several messages", _several, 5),
    Kind("call: slow reader", _slow_reader, 5),
    Kind("call: reflection", _reflection, 5),
)  # fmt: skip
