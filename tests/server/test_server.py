"""A real server on a free port, a small model that has learnt forty files, real clients."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from server.app import CannotListen, ServeConfig, Server
from server.client import AsyncClient, NotReady, ServerError, ServerUnreachable
from server.engine.job import Emit, Job, Prepared
from server.request import Finish, Piece, Until
from server.rpc import infill_pb2
from server.rpc.service import read
from tests.support.models.tiny import texts, write_checkpoint

PREFIX = texts()[20][:9]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """Up, and without a model."""
    server = Server(ServeConfig(tmp_path, listen="127.0.0.1:0", grace_s=0.2))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def ready(server: Server, tmp_path: Path) -> Server:
    write_checkpoint(tmp_path, 1)
    await asyncio.wait_for(server.ready(), 300)  # the step may have to be compiled
    return server


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.address) as client:
        yield client


def paced(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The engine makes a token only when the client has read all that came before: to be called at each piece."""
    made, read, changed = 0, 0, threading.Condition()
    submit, step = server.engine.submit, server.engine.step

    def counted(prepared: Prepared, emit: Emit) -> Job:
        def count(piece: Piece | Exception) -> None:
            nonlocal made
            made += 1
            emit(piece)

        return submit(prepared, count)

    def held() -> None:
        with changed:
            changed.wait_for(lambda: read >= made)
        step()

    def note() -> None:
        nonlocal read
        with changed:
            read += 1
            changed.notify()

    monkeypatch.setattr(server.engine, "submit", counted)
    monkeypatch.setattr(server.engine, "step", held)
    return note


async def test_pieces_add_up_to_the_answer(ready: Server, client: AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = await client.complete(PREFIX, path="m.py", max_tokens=20)
    note, pieces = paced(ready, monkeypatch), []
    async for piece in client.stream(PREFIX, path="m.py", max_tokens=20):
        pieces.append(piece)
        note()
    assert len(pieces) > 3 and "".join(p.text for p in pieces) == whole.text != ""
    assert [p.finish is Finish.NONE for p in pieces] == [True] * (len(pieces) - 1) + [False]
    assert whole.tokens <= 20 and whole.prompt_tokens > 5
    assert whole.model_version.startswith("step-00000001-")
    assert {p.model_version for p in pieces} == {whole.model_version}


async def test_the_model_says_what_it_is(ready: Server, client: AsyncClient) -> None:
    info = await client.model()
    assert (info.step, info.tokens, info.bits_per_byte, info.context) == (1, 100, 2.5, 128)
    assert (info.format, info.orders) == ("starcoder", ("psm", "spm"))


async def test_health_and_unavailable_until_there_is_a_model(
    server: Server, client: AsyncClient, tmp_path: Path
) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)

        async def status(service: str) -> int:
            return (await health.Check(health_pb2.HealthCheckRequest(service=service))).status

        service = "midstream.v1.InfillService"
        assert await status("") == await status(service) == health_pb2.HealthCheckResponse.NOT_SERVING
        for ask in (client.complete("x"), client.model()):
            with pytest.raises(NotReady, match="no checkpoint is loaded"):
                await ask
        write_checkpoint(tmp_path, 1)
        await asyncio.wait_for(server.ready(), 300)  # the step may have to be compiled
        assert await status("") == await status(service) == health_pb2.HealthCheckResponse.SERVING
        assert (await client.complete(PREFIX)).finish is not Finish.NONE


async def test_reflection_lists_the_service(server: Server) -> None:
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        requests = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        answers = [a async for a in stub.ServerReflectionInfo(requests)]
    names = {s.name for s in answers[0].list_services_response.service}
    assert {"midstream.v1.InfillService", "grpc.health.v1.Health"} <= names


async def test_cancelling_ends_the_generation(ready: Server, client: AsyncClient) -> None:
    """Nothing runs any more soon after, although thousands of tokens were asked for."""
    pieces = client.stream(PREFIX, max_tokens=64, temperature=3.0, seed=3)
    await anext(pieces)
    await pieces.aclose()
    async with asyncio.timeout(10):
        while ready.engine.active:
            await asyncio.sleep(0.005)
    at = ready.engine.rounds
    await asyncio.sleep(0.1)
    assert ready.engine.rounds == at < 64


async def test_a_deadline_returns_what_is_ready(ready: Server, client: AsyncClient) -> None:
    got = await client.complete(PREFIX, max_tokens=64, temperature=9.0, deadline_ms=1)
    assert got.finish is Finish.DEADLINE and got.tokens < 64


async def test_a_deadline_is_kept_while_a_step_takes_longer(
    ready: Server, client: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each alternative gets its end, and what the step computes stays in the cache."""
    going, step = threading.Event(), ready.engine.step
    monkeypatch.setattr(ready.engine, "step", lambda: going.wait() and step())
    got = await client.complete(PREFIX, temperature=1.0, alternatives=2, session="s", deadline_ms=30)
    assert [one.finish for one in (got, *got.others)] == [Finish.DEADLINE] * 2 and got.text == ""
    going.set()
    async with asyncio.timeout(20):
        while ready.engine.active:
            await asyncio.sleep(0.005)
    again = await client.complete(PREFIX, session="s")
    assert again.reused_tokens == again.prompt_tokens - 1 > 0


def test_the_call_s_own_deadline_counts_too() -> None:
    """Less is left than the margin: the answer is empty, and it is still an answer."""
    assert read(infill_pb2.InfillRequest(deadline_ms=60_000), 0.005).deadline <= time.monotonic()
    assert read(infill_pb2.InfillRequest(), None).deadline is None
    later = read(infill_pb2.InfillRequest(deadline_ms=60_000), 900.0).deadline
    assert later is not None and later - time.monotonic() <= 60


async def test_stops_and_lines(ready: Server, client: AsyncClient) -> None:
    whole = (await client.complete(PREFIX, path="m.py", max_tokens=24)).text
    assert "\n" in whole
    line = await client.complete(PREFIX, path="m.py", max_tokens=24, single_line=True)
    stopped = await client.complete(PREFIX, path="m.py", max_tokens=24, stop=("return",))
    assert (line.text, line.finish) == (whole.split("\n")[0], Finish.STOP)
    assert (stopped.text, stopped.finish) == (whole.split("return")[0], Finish.STOP)


async def test_a_session_reuses_its_tokens(ready: Server, client: AsyncClient) -> None:
    first = await client.complete(texts()[0], session="a", max_tokens=4)
    second = await client.complete(texts()[0] + "de", session="a", max_tokens=4)
    assert first.reused_tokens == 0 and second.prompt_tokens - second.reused_tokens <= 4


async def test_a_swap_under_load_drops_nothing(ready: Server, client: AsyncClient, tmp_path: Path) -> None:
    write = asyncio.to_thread(write_checkpoint, tmp_path, 2, 1)
    running = asyncio.create_task(write)
    versions: list[str] = []

    async def ask(n: int) -> None:
        while not versions or versions[-1][:13] != "step-00000002":
            got = await client.complete(PREFIX, session=f"s{n}", max_tokens=8)
            assert got.finish in (Finish.LENGTH, Finish.END_OF_TEXT)
            versions.append(got.model_version)

    async with asyncio.timeout(60):
        await asyncio.gather(*(ask(n) for n in range(3)))
    await running
    assert {v[:13] for v in versions} == {"step-00000001", "step-00000002"}
    assert (await client.model()).step == 2


async def test_what_is_wrong_with_a_request_is_said(ready: Server, client: AsyncClient) -> None:
    with pytest.raises(ServerError, match="not negative"):
        await client.complete(PREFIX, temperature=-1.0)
    with pytest.raises(ServerError, match="no room for the path"):
        await client.complete(PREFIX, path="é" * 300)
    for wrong, said in (
        ({"stop": ("x",) * 300_000}, "at most 64 strings"), ({"temperature": float("nan")}, "temperature"),
        ({"deadline_ms": -1}, "not negative"), ({"top_p": 2.0}, "top_p"),
    ):  # fmt: skip
        with pytest.raises(ServerError, match=f"INVALID_ARGUMENT: .*{said}"):
            await client.complete(PREFIX, **wrong)
    assert (await client.complete("x" * 8_000_000, "y" * 7_000_000)).prompt_tokens < 128


async def test_nobody_there_is_one_sentence() -> None:
    async with AsyncClient("127.0.0.1:1") as client:
        with pytest.raises(ServerUnreachable, match=r"no completion server answers at 127\.0\.0\.1:1"):
            await client.complete("x")


async def test_a_taken_address_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CannotListen, match=server.address):
        await Server(ServeConfig(tmp_path, listen=server.address)).start()


async def test_alternatives_and_log_probabilities_over_the_wire(ready: Server, client: AsyncClient) -> None:
    options = {"path": "m.py", "max_tokens": 6, "temperature": 1.5, "top_p": 0.9, "alternatives": 3, "logprobs": True}
    got = await client.complete(PREFIX, **options)
    assert len(got.others) == 2 and len({got.text, *(other.text for other in got.others)}) > 1
    for one in (got, *got.others):
        assert len(one.logprobs) == one.tokens and all(value <= 0 for value in one.logprobs)
    unsure = await client.complete(PREFIX, path="m.py", temperature=3.0, seed=1, least_confidence=0.99)
    assert unsure.finish is Finish.CONFIDENCE
    statement = await client.complete(PREFIX, path="m.py", until=Until.STATEMENT)
    assert statement.finish is Finish.STOP and statement.text.count("\n") == 1


async def test_a_call_that_is_past_its_deadline_leaves_its_line_in_the_cache(
    ready: Server, client: AsyncClient
) -> None:  # fmt: skip
    late = await client.complete(PREFIX + "x", path="m.py", deadline_ms=1, session="s")
    assert late.finish is Finish.DEADLINE
    async with asyncio.timeout(10):
        while ready.engine.active:
            await asyncio.sleep(0.005)
    again = await client.complete(PREFIX + "x", path="m.py", session="s")
    assert again.reused_tokens == again.prompt_tokens - 1
