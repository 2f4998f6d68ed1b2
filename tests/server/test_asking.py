"""Requests that are the same while one of them runs are answered once, and each reader has its own deadline and end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server import served
from server.asking import Answer, Asker
from server.engine.engine import Engine
from server.request import Finish, Piece, Request
from tests.support.models.tiny import texts, write_checkpoint
from tests.support.programs.engine_gate import Gate

REQUEST = Request(prefix=texts()[1][:60], max_tokens=24)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    write_checkpoint(tmp_path, 40)
    engine = Engine()
    engine.offer(served.load(tmp_path / "step-00000040"))
    yield engine
    await asyncio.to_thread(engine.close)


@pytest.fixture
async def gate(engine: Engine) -> AsyncIterator[Gate]:
    gate = Gate(engine)
    engine.start()
    yield gate
    gate.go()


@pytest.fixture
async def asker(engine: Engine, gate: Gate) -> AsyncIterator[Asker]:
    asker = Asker(engine)
    yield asker
    asker.close()


async def whole(answer: Answer) -> tuple[str, Finish]:
    pieces: list[Piece] = [piece async for piece in answer]
    answer.close()
    return "".join(piece.text for piece in pieces), pieces[-1].finish


async def test_the_same_requests_are_answered_once(asker: Asker, gate: Gate) -> None:
    answers = [await asker.ask(lambda: REQUEST) for _ in range(3)]
    gate.go()
    texts = await asyncio.gather(*map(whole, answers))
    assert len(gate.jobs) == 1 and len(set(texts)) == 1 and texts[0][0]
    assert await whole(await asker.ask(lambda: REQUEST)) == texts[0]
    assert len(gate.jobs) == 2  # the one before has ended
    await whole(await asker.ask(lambda: replace(REQUEST, seed=1)))
    assert len(gate.jobs) == 3


async def test_whoever_comes_later_reads_from_the_beginning(asker: Asker, gate: Gate) -> None:
    first = await asker.ask(lambda: REQUEST)
    pieces = aiter(first)
    waiting = asyncio.ensure_future(anext(pieces))
    while not waiting.done():
        await gate.one()
    head = waiting.result().text
    second = await asker.ask(lambda: REQUEST)
    gate.go()
    text, _ = await whole(second)
    assert len(gate.jobs) == 1
    assert text == head + "".join([piece.text async for piece in pieces])


async def test_it_ends_when_the_last_reader_leaves(asker: Asker, gate: Gate) -> None:
    one, two = [await asker.ask(lambda: REQUEST) for _ in range(2)]
    one.close()
    assert not gate.jobs[0].cancelled
    two.close()
    assert gate.jobs[0].cancelled
    three = await asker.ask(lambda: REQUEST)
    gate.go()
    assert (await whole(three))[1] is not Finish.CANCELLED and len(gate.jobs) == 2


async def test_each_has_its_own_deadline(asker: Asker, gate: Gate) -> None:
    """One that would wait longer than the first has a job of its own; one that waits less reads the first's."""
    now = time.monotonic()
    first = await asker.ask(lambda: replace(REQUEST, deadline=now + 60))
    sooner = await asker.ask(lambda: replace(REQUEST, deadline=now + 0.01))
    assert len(gate.jobs) == 1
    assert await whole(sooner) == ("", Finish.DEADLINE)
    later = await asker.ask(lambda: REQUEST)
    assert len(gate.jobs) == 2
    gate.go()
    assert await whole(first) == await whole(later)


async def test_a_session_s_requests_replace_each_other(asker: Asker, gate: Gate) -> None:
    answers = [await asker.ask(lambda: replace(REQUEST, session="s")) for _ in range(2)]
    gate.go()
    ends = [end for _, end in await asyncio.gather(*map(whole, answers))]
    assert len(gate.jobs) == 2 and ends[0] is Finish.CANCELLED and ends[1] is not Finish.CANCELLED


async def test_what_it_fails_with_reaches_every_reader(asker: Asker, gate: Gate) -> None:
    answers = [await asker.ask(lambda: REQUEST) for _ in range(2)]
    await asyncio.sleep(0)
    gate.jobs[0].fail(MemoryError("none"))
    for answer in answers:
        with pytest.raises(MemoryError):
            await whole(answer)
