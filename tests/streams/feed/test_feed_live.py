"""The feed of a log that goes on: what is live is trained on first, and nobody waits for a row that does not fill."""

from __future__ import annotations

import time

import pytest

from streams.feed.feed import Feed
from streams.feed.state import decode
from tests.support.documents.feeding import CONTEXT, feed, filled
from tests.support.simulation.memory import MemoryLedger
from tests.support.simulation.world import World, topic_id


def told(world: World, bulk: bool) -> World:
    """All examples are of a present tree, or all are live."""
    for example in (e for frames in world.frames["examples"] for frame in frames for e in frame.examples):
        example.bulk = bulk
    return world


def hand_out(opened: Feed, timeout_s: float = 0.1) -> int:
    """Batches until there is none."""
    handed = 0
    while opened.next(timeout_s) is not None:
        handed += 1
        opened.trained(handed)
    return handed


def test_rows_are_flushed_when_nothing_more_comes() -> None:
    opened = feed(filled(1), closed=False, idle_s=0.0, rows=50)
    batch = opened.next(1.0)
    assert batch is not None and batch.flushed and batch.share < 1
    assert opened.summary()["waiting"] == 4
    opened.trained(1)
    assert opened.summary()["waiting"] == 0 and opened.summary()["trained"] == 4
    assert isinstance(decode(opened.state()).marks[f"{topic_id('files')}:0"], int)


def test_rows_are_handed_on_when_a_live_one_has_waited_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though Frames keep coming: none of them makes the feed idle."""
    monkeypatch.setattr("streams.feed.feed.LOOKS", 0)
    opened = feed(told(filled(2), bulk=False), closed=False, idle_s=1e9, wait_s=0.0, rows=50)
    first = opened.next(1.0)
    assert first is not None and first.flushed
    opened.trained(1)
    assert 0 < opened.summary()["trained"] < opened.summary()["documents"] + opened.summary()["lag"]


@pytest.mark.parametrize("window", [0, 500])
def test_what_is_not_live_waits_until_its_row_is_full(window: int) -> None:
    """However long it waited in the shuffle: half-empty rows would cost the trainer as much as full ones."""
    opened = feed(told(filled(20), bulk=True), closed=False, idle_s=1e9, wait_s=0.0, shuffle=window)
    assert hand_out(opened) > 5
    state = decode(opened.state())
    assert state.flushed_rows == 0 and state.full_rows > 5


@pytest.mark.parametrize("wait_s", [0.0, 1e9])
def test_a_live_example_overtakes_what_is_not_live(wait_s: float) -> None:
    """Whether its row is full or is closed for it, it stands in the first Batch, and not in one of the last."""
    world = told(filled(30), bulk=True)
    last = next(f for f in reversed(world.frames["examples"][1]) if f.examples).examples[-1]
    last.bulk = False
    if wait_s:
        last.ids = last.ids[:2] * CONTEXT
    book = MemoryLedger()
    opened = feed(world, closed=False, idle_s=1e9, wait_s=wait_s, rows=1, book=book)
    assert opened.next(0.1) is not None
    opened.trained(1)
    assert (1, last.offset, last.index) in {(e.partition, e.offset, e.index) for e in book.entries}
    waiting = opened.summary()["waiting"]
    assert waiting > 20 and hand_out(opened) > 10


def test_the_time_of_a_step_makes_nobody_idle() -> None:
    opened = feed(told(filled(1), bulk=True), closed=False, idle_s=0.2, rows=50)
    assert opened.next(0.0) is None
    time.sleep(0.3)
    assert opened.next(0.0) is None
    assert opened.next(5.0) is not None


def test_an_idle_feed_closes_no_more_rows_than_a_batch_has() -> None:
    """A Frame that comes now need not wait behind all the others."""
    opened = feed(told(filled(30), bulk=True), closed=False, idle_s=0.0, rows=1, open_bins=8)
    while (batch := opened.next(0.1)) is not None and not batch.flushed:
        opened.trained(1)
    before = len(decode(opened.state()).open_bins)
    assert batch is not None and before > 2
    opened.trained(1)
    assert opened.next(0.1) is not None
    assert len(decode(opened.state()).open_bins) == before - 1
