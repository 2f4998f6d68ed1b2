"""The shuffle between log and rows, and replay: keyed, bounded, and the same after every restart."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.example import Batch, Example
from streams.feed.feed import Feed
from streams.feed.ledger import Entry
from streams.feed.replay import PAUSE, TRIES
from streams.feed.shuffle import LIVE_SHARE, Shuffle
from streams.feed.state import BinItem, decode
from tests.support.documents.feeding import feed, filled
from tests.support.simulation.memory import MemoryLedger
from tests.support.simulation.world import World, topic_id

WINDOW = 800


def item(offset: int, tokens: int = 10, bulk: bool = True, topic: str = "ab" * 16) -> BinItem:
    ids = np.zeros(tokens, "<u2").tobytes()
    return BinItem(Example(offset=offset, index=0, ids=ids, text_bytes=tokens, bulk=bulk), topic, 0)


def through(shuffle: Shuffle, items: list[BinItem]) -> list[int]:
    """Offsets in the order that they leave in, all flushed at the end."""
    out: list[int] = []
    for each in items:
        shuffle.add(each, 0.0)
        out += [left.example.offset for left, _ in shuffle.due()]
    return out + [left.example.offset for left, _ in shuffle.flush()]


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=80), st.integers(0, 3))
def test_nothing_stays_longer_than_a_window_and_nothing_is_lost(sizes: list[tuple[int, bool]], seed: int) -> None:
    shuffle, entered = Shuffle(WINDOW, seed), 0
    inside: dict[int, int] = {}
    for n, (tokens, bulk) in enumerate(sizes):
        entered += tokens
        shuffle.add(item(n, tokens, bulk), 0.0)
        inside[n] = entered + (WINDOW if bulk else WINDOW // LIVE_SHARE)
        for left, _ in shuffle.due():
            inside.pop(left.example.offset)
        assert all(latest > entered for latest in inside.values())
        assert shuffle.tokens == sum(sizes[o][0] for o in inside)
    assert sorted(left.example.offset for left, _ in shuffle.flush()) == sorted(inside)
    assert not len(shuffle) and not shuffle.tokens


def test_repositories_that_came_one_behind_the_other_are_mixed() -> None:
    order = through(Shuffle(WINDOW), [item(n) for n in range(80)])
    assert sorted(order) == list(range(80)) and order != list(range(80))
    switches = sum((a < 40) != (b < 40) for a, b in pairwise(order))
    assert switches > 8
    assert order != through(Shuffle(WINDOW, seed=1), [item(n) for n in range(80)])
    assert through(Shuffle(0), [item(n) for n in range(80)]) == list(range(80))


@given(st.lists(st.integers(1, 60), min_size=1, max_size=60), st.integers(0, 59))
def test_a_shuffle_goes_on_from_its_state(sizes: list[int], stop: int) -> None:
    items = [item(n, tokens, n % 3 > 0) for n, tokens in enumerate(sizes)]
    straight = through(Shuffle(WINDOW), items)
    first = Shuffle(WINDOW)
    out: list[int] = []
    for each in items[:stop]:
        first.add(each, 0.0)
        out += [left.example.offset for left, _ in first.due()]
    assert out + through(Shuffle(WINDOW, held=first.held), items[stop:]) == straight


def test_what_is_live_leaves_when_it_has_waited_and_bulk_stays() -> None:
    shuffle = Shuffle(1_000_000)
    for n in range(6):
        shuffle.add(item(n, bulk=n % 2 == 0), float(n))
    assert shuffle.oldest_live == 1
    assert sorted(left.example.offset for left, _ in shuffle.flush(before=4.0)) == [1, 3]
    assert shuffle.oldest_live == 5 and len(shuffle) == 4


@pytest.fixture(scope="module")
def world() -> World:
    return filled()


def drained(world: World, **limits: object) -> tuple[Feed, MemoryLedger, list[Batch]]:
    """The feed at its end, its ledger, and by Batch the text bytes, examples and replayed ones."""
    book = MemoryLedger()
    opened = feed(world, None, book, **limits)
    batches: list[Batch] = []
    while (batch := opened.next(0.0)) is not None:
        batches.append(batch)
        opened.trained(len(batches))
    assert opened.drained
    return opened, book, batches


@pytest.mark.parametrize("share", [0.05, 0.25])
def test_replay_has_its_share_and_is_counted_apart(world: World, share: float) -> None:
    plain, book, batches = drained(world)
    opened, again, more = drained(world, replay=share, shuffle=WINDOW)
    assert Counter(_where(again.entries)) == Counter(_where(book.entries))
    assert opened.counts == plain.counts
    assert sum(b.text_bytes for b in more) == sum(b.text_bytes for b in batches)
    fresh, replayed = sum(b.tokens for b in batches), sum(b.replayed_tokens for b in more)
    assert sum(b.tokens for b in more) == fresh + replayed
    assert abs(replayed / (fresh + replayed) - share) < 0.02
    summary = opened.summary()
    assert summary["replayed"] == sum(b.replayed for b in more) and summary["replayed_tokens"] == replayed


def test_the_same_log_gives_the_same_replays(world: World) -> None:
    one, two = (drained(world, replay=0.25, shuffle=WINDOW)[2] for _ in range(2))
    assert all((a.ids_BT == b.ids_BT).all() for a, b in zip(one, two, strict=True))
    other = drained(world, replay=0.25, shuffle=WINDOW, seed=1)[2]
    assert [b.ids_BT.tolist() for b in one] != [b.ids_BT.tolist() for b in other]


def test_what_was_replaced_is_never_replayed(world: World) -> None:
    """Half of the documents are discarded before anything is replayed."""
    gone = {f"{topic_id('files')}:{e.source.partition}:{x.offset}:{x.index}"
            for p in world.frames["examples"] for e in p for x in e.examples if x.offset % 2}  # fmt: skip
    opened = feed(world, None, None, replay=0.25)
    opened._s.replaced |= gone  # what a removal's tally leaves behind
    seen: set[str] = set()
    step = 0
    while opened.next(0.0) is not None:
        step += 1
        seen |= {str(i.origin) for row in opened._handed for i in row if i.replayed}
        opened.trained(step)
    assert seen and seen.isdisjoint(gone)


def test_a_shuffled_feed_goes_on_from_its_checkpoint(world: World) -> None:
    straight = [b.ids_BT for b in drained(world, replay=0.25, shuffle=WINDOW)[2]]
    kept: bytes | None = None
    stopped, book = [], MemoryLedger()
    while True:
        opened = feed(world, kept, book, replay=0.25, shuffle=WINDOW)
        batch = opened.next(0.0)
        if batch is None:
            break
        stopped.append(batch.ids_BT)
        opened.trained(len(stopped))
        kept = opened.state()
    assert len(stopped) == len(straight) and all((a == b).all() for a, b in zip(straight, stopped, strict=True))
    assert kept is not None and decode(kept).replay.examples


def _where(entries: list[Entry]) -> list[tuple[str, int, int, int, int]]:
    return [(e.topic_id, e.partition, e.offset, e.index, e.piece) for e in entries]


def test_rows_that_a_flush_closes_get_replays_beside_what_they_have(world: World) -> None:
    """Of a log that is closed, those that are open at its end."""
    plain = drained(world, rows=1)[2]
    filled = drained(world, rows=1, replay=1e-9)[2]
    assert [b.text_bytes for b in filled] == [b.text_bytes for b in plain]
    for before, after in zip(plain, filled, strict=True):
        assert after.tokens - before.tokens == after.replayed_tokens
        assert not after.replayed_tokens or after.flushed
    room, left = (sum(b.capacity - b.tokens for b in batches if b.flushed) for batches in (plain, filled))
    assert left < room and all(b.replayed_tokens <= b.tokens / 2 for b in filled)


def test_a_young_log_is_not_read_again_and_again(world: World) -> None:
    """Nothing is trained on yet, so that nothing may be replayed: draws are put off."""
    opened = feed(world, None, None, replay=0.25, shuffle=1 << 20, rows=10_000)
    reads: list[tuple[int, int]] = []
    read = opened._log.earlier
    opened._log.earlier = lambda partition, offset: (reads.append((partition, offset)), read(partition, offset))[1]
    batch = opened.next(0.0)
    assert batch is not None and not batch.replayed_tokens
    assert 0 < len(reads) <= TRIES * (1 + batch.tokens * 0.25 / 0.75 / PAUSE)
