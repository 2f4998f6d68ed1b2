"""Requests that are the same while one of them runs are answered once, and each reader has its own deadline and end."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from server import served
from server.asking import Answer, Asker
from server.engine.engine import Engine
from server.engine.job import Emit, Job, Prepared
from server.request import Finish, Piece, Request
from tests.support.models.tiny import texts, write_checkpoint

REQUEST = Request(prefix=texts()[1][:60], max_tokens=24)


class Counting(Engine):
    """Makes so many steps as it is told to, and keeps what was submitted."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs: list[Job] = []
        self._steps = threading.Semaphore(0)
        self._made = threading.Semaphore(0)

    def submit(self, prepared: Prepared, emit: Emit) -> Job:
        self.jobs.append(super().submit(prepared, emit))
        return self.jobs[-1]

    def step(self) -> None:
        self._steps.acquire()
        super().step()
        self._made.release()

    async def one(self) -> None:
        """A single step, made when this returns."""
        self.go(1)
        await asyncio.to_thread(self._made.acquire)
        await asyncio.sleep(0)

    def go(self, steps: int = 10_000) -> None:
        self._steps.release(steps)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Counting]:
    write_checkpoint(tmp_path, 40)
    engine = Counting()
    engine.offer(served.load(tmp_path / "step-00000040"))
    engine.start()
    yield engine
    engine.go()
    await asyncio.to_thread(engine.close)


async def whole(answer: Answer) -> tuple[str, Finish]:
    pieces: list[Piece] = [piece async for piece in answer]
    answer.close()
    return "".join(piece.text for piece in pieces), pieces[-1].finish


async def test_the_same_requests_are_answered_once(engine: Counting) -> None:
    asker = Asker(engine)
    answers = [await asker.ask(lambda: REQUEST) for _ in range(3)]
    engine.go()
    texts = await asyncio.gather(*map(whole, answers))
    assert len(engine.jobs) == 1 and len(set(texts)) == 1 and texts[0][0]
    assert await whole(await asker.ask(lambda: REQUEST)) == texts[0]
    assert len(engine.jobs) == 2  # the one before has ended
    await whole(await asker.ask(lambda: replace(REQUEST, seed=1)))
    assert len(engine.jobs) == 3


async def test_whoever_comes_later_reads_from_the_beginning(engine: Counting) -> None:
    asker = Asker(engine)
    first = await asker.ask(lambda: REQUEST)
    pieces = aiter(first)
    waiting = asyncio.ensure_future(anext(pieces))
    while not waiting.done():
        await engine.one()
    head = waiting.result().text
    second = await asker.ask(lambda: REQUEST)
    engine.go()
    text, _ = await whole(second)
    assert len(engine.jobs) == 1
    assert text == head + "".join([piece.text async for piece in pieces])


async def test_it_ends_when_the_last_reader_leaves(engine: Counting) -> None:
    asker = Asker(engine)
    one, two = [await asker.ask(lambda: REQUEST) for _ in range(2)]
    one.close()
    assert not engine.jobs[0].cancelled
    two.close()
    assert engine.jobs[0].cancelled
    three = await asker.ask(lambda: REQUEST)
    engine.go()
    assert (await whole(three))[1] is not Finish.CANCELLED and len(engine.jobs) == 2


async def test_each_has_its_own_deadline(engine: Counting) -> None:
    """One that would wait longer than the first has a job of its own; one that waits less reads the first's."""
    asker, now = Asker(engine), time.monotonic()
    first = await asker.ask(lambda: replace(REQUEST, deadline=now + 60))
    sooner = await asker.ask(lambda: replace(REQUEST, deadline=now + 0.01))
    assert len(engine.jobs) == 1
    assert await whole(sooner) == ("", Finish.DEADLINE)
    later = await asker.ask(lambda: REQUEST)
    assert len(engine.jobs) == 2
    engine.go()
    assert await whole(first) == await whole(later)


async def test_a_session_s_requests_replace_each_other(engine: Counting) -> None:
    asker = Asker(engine)
    answers = [await asker.ask(lambda: replace(REQUEST, session="s")) for _ in range(2)]
    engine.go()
    ends = [end for _, end in await asyncio.gather(*map(whole, answers))]
    assert len(engine.jobs) == 2 and ends[0] is Finish.CANCELLED and ends[1] is not Finish.CANCELLED


async def test_what_it_fails_with_reaches_every_reader(engine: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    asker = Asker(engine)
    answers = [await asker.ask(lambda: REQUEST) for _ in range(2)]
    await asyncio.sleep(0)
    engine.jobs[0].fail(MemoryError("none"))
    for answer in answers:
        with pytest.raises(MemoryError):
            await whole(answer)
