"""What a gRPC request may hold: each field's bounds over a real channel, and messages that are too much altogether."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from server.app import MAX_MESSAGE, ServeConfig, Server
from server.client import AsyncClient
from server.rpc import infill_pb2, infill_pb2_grpc
from tests.support.models.tiny import texts, write_checkpoint

PREFIX = texts()[20][:9]
NAN, INF = float("nan"), float("inf")
LEAST_32, MOST_32, LEAST_64, MOST_64 = -(2**31), 2**31 - 1, -(2**63), 2**63 - 1
REFUSED: list[tuple[dict[str, Any], str]] = [
    *(({name: value}, said) for value in (NAN, INF, -INF, -1.0, 1e300)
      for name, said in (("temperature", "temperature is"), ("top_p", "top_p is"), ("least_confidence", "top_p is"))),
    ({"temperature": 1e-40}, "temperature is"),
    *(({"max_tokens": value}, "max_tokens is not negative") for value in (-1, LEAST_32)),
    *(({"deadline_ms": value}, "deadline_ms is not negative") for value in (-1, LEAST_32)),
    *(({"alternatives": value, "temperature": 1.0}, "from 1 to 16 alternatives")
      for value in (-1, 17, LEAST_32, MOST_32)),
    ({"alternatives": 2}, "above 0"),
    ({"stop": ["x"] * 65}, "stop has at most 64 strings of at most 256"),
    ({"stop": ["x"] * 300_000}, "stop has at most 64 strings of at most 256"),
    ({"stop": ["x" * 257]}, "stop has at most 64 strings of at most 256"),
    *(({name: "é" * 4097}, "at most 4096 characters") for name in ("path", "language", "session", "model")),
    *(({"until": value}, "until is a number from 0 to 3") for value in (4, -1, MOST_32)),
]  # fmt: skip
TAKEN: list[dict[str, Any]] = [
    {"max_tokens": 1, "deadline_ms": MOST_32},
    {"temperature": -0.0, "top_p": -0.0, "least_confidence": -0.0, "max_tokens": 1},
    {"temperature": 0.001, "max_tokens": 1},
    {"stop": ["x" * 256] * 64, "max_tokens": 1},
    {"stop": [""], "max_tokens": 1},
    {"session": "é" * 4096, "language": "x" * 4096, "max_tokens": 1},
    {"until": 3, "max_tokens": 1},
]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    write_checkpoint(tmp_path, 1)
    server = Server(ServeConfig(tmp_path, listen="127.0.0.1:0", grace_s=0.2))
    await server.start()
    await asyncio.wait_for(server.ready(), 300)
    yield server
    await server.stop()


@pytest.fixture
async def channel(server: Server) -> AsyncIterator[grpc.aio.Channel]:
    options = [("grpc.max_send_message_length", -1)]
    async with grpc.aio.insecure_channel(server.address, options=options) as channel:
        yield channel


@pytest.fixture
def stub(channel: grpc.aio.Channel) -> infill_pb2_grpc.InfillServiceStub:
    return infill_pb2_grpc.InfillServiceStub(channel)


async def infill(stub: infill_pb2_grpc.InfillServiceStub, **fields: Any) -> list[infill_pb2.InfillResponse]:
    return [response async for response in stub.Infill(infill_pb2.InfillRequest(**{"prefix": PREFIX, **fields}))]


async def test_what_is_out_of_bounds_is_said(stub: infill_pb2_grpc.InfillServiceStub) -> None:
    for fields, said in REFUSED:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await infill(stub, **fields)
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT, (fields, error.value)
        assert said in (error.value.details() or ""), fields
    for fields in TAKEN:
        assert (await infill(stub, **fields))[-1].finish_reason, fields
    assert (await infill(stub, max_tokens=MOST_32))[-1].tokens <= 64, "half of the context"


async def test_each_seed_is_one(stub: infill_pb2_grpc.InfillServiceStub) -> None:
    """The whole range, and each gives its own text, the same one again."""
    seen = dict[int, str]()
    for seed in (LEAST_64, -1, 0, 1, 2**32, MOST_64):
        texts = set[str]()
        for _ in range(2):
            pieces = await infill(stub, seed=seed, temperature=20.0, max_tokens=12)
            texts.add("".join(piece.text for piece in pieces))
        (seen[seed],) = texts
    assert len(set(seen.values())) == len(seen)


async def test_the_bounds_of_a_score(stub: infill_pb2_grpc.InfillServiceStub) -> None:
    for middle, said in (
        ("", "middle is empty"), ("def f():\n" * 40, r"middle has \d+ tokens, and this model scores at most 64"),
        ("x" * 15_000_000, "middle has too many tokens: this model scores at most 64"),
    ):  # fmt: skip
        with pytest.raises(grpc.aio.AioRpcError, match=said) as error:
            await stub.Score(infill_pb2.ScoreRequest(prefix=PREFIX, middle=middle))
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len((await stub.Score(infill_pb2.ScoreRequest(prefix=PREFIX, middle="x"))).logprobs) >= 1


async def test_a_model_that_is_not_there_is_named_in_short(stub: infill_pb2_grpc.InfillServiceStub) -> None:
    for ask in (
        stub.Model(infill_pb2.ModelRequest(model="é" * 1_000_000)), infill(stub, model="é" * 4096),
        stub.Score(infill_pb2.ScoreRequest(prefix=PREFIX, middle="x", model="é" * 4096)),
    ):  # fmt: skip
        with pytest.raises(grpc.aio.AioRpcError, match=r"no model 'é{128}…' is served here") as error:
            await ask
        assert error.value.code() is grpc.StatusCode.NOT_FOUND


async def test_a_message_that_is_none_is_said(channel: grpc.aio.Channel) -> None:
    for method, responses in (("Infill", "unary_stream"), ("Score", "unary_unary"), ("Model", "unary_unary")):
        for data in (b"\x0a\x02\xc3\x28", b"\xff\xff", b"\x0a\x7f"):  # no UTF-8, no field, no end
            call = getattr(channel, responses)(f"/midstream.v1.InfillService/{method}")(data)
            with pytest.raises(grpc.aio.AioRpcError, match="no message of the method") as error:
                _ = [one async for one in call] if responses == "unary_stream" else await call
            assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_too_much_is_refused_and_the_server_lives(
    channel: grpc.aio.Channel, stub: infill_pb2_grpc.InfillServiceStub
) -> None:
    with pytest.raises(grpc.aio.AioRpcError, match="larger than max") as error:
        await infill(stub, prefix="x" * (MAX_MESSAGE + 1))
    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    floods = (
        [(f"x-{n}", "v" * 100) for n in range(5_000)], [("x-long", "v" * 1_000_000)],
        [("authorization", "Bearer " + "v" * 100_000)],
    )  # fmt: skip
    for metadata in floods:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await channel.unary_unary("/midstream.v1.InfillService/Model")(b"", metadata=tuple(metadata))
        assert error.value.code() in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE)
    assert await infill(stub, max_tokens=1)


async def test_a_long_line_keeps_nobody_waiting(server: Server, stub: infill_pb2_grpc.InfillServiceStub) -> None:
    """While lines of 15 MB are asked about, others are answered."""
    long = [
        asyncio.create_task(infill(stub, prefix="x" * (15_000_000 + n), until=until, path="m.py", max_tokens=2))
        for n, until in enumerate((0, 2, 3))
    ]
    async with AsyncClient(server.address) as other:
        while not all(task.done() for task in long):
            assert (await other.complete(PREFIX, max_tokens=1)).tokens == 1
    for task in long:
        assert (await task)[-1].prompt_tokens < 128
