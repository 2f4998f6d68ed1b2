"""The number of ranks may change between runs: nothing is lost, nothing is trained twice (architecture §2.5)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams import frame as frames
from streams.feed import ledger
from streams.feed.examples import open_feed
from streams.feed.feed import Feed
from streams.feed.ledger import Ledger
from streams.feed.left import first_state
from streams.feed.ranks import merge, split
from streams.feed.state import FeedState, Limits, decode, encode, fresh, retryable
from streams.frame import Frame
from streams.kafka.connection import Connection
from streams.kafka.topics import create
from tests.support.documents.lanes import ROW, TOKENIZER, TOPICS, Log, expected, lane, logs, some

run = st.tuples(st.integers(1, 5), st.integers(1, 12), st.integers(1, 4), st.booleans())
"""Ranks, rounds of steps, rounds between checkpoints, whether it ends in a crash."""


Continual = tuple[int, float]
"""Window of the shuffle, tokens, and share of replay."""
PLAIN, MIXED = (0, 0.0), (6 * ROW, 0.25)


class Cluster:
    """Ranks in lock step over one folder of ledgers; a crash forgets what no checkpoint holds."""

    def __init__(self, log: list[list[Frame]], folder: Path, continual: Continual = PLAIN) -> None:
        self.log, self.folder, self.continual = log, folder, continual
        starts = {f"{t}:{p}": 0 for t in TOPICS.values() for p in range(len(log))}
        self.checkpoint = encode(fresh(TOKENIZER, [0] * len(log), starts))
        self.step = self.reign = 0
        self.drained = False

    @contextmanager
    def started(self, ranks: int) -> Iterator[list[Feed]]:
        books: list[Ledger] = []
        opened: list[Feed] = []
        self.reign += 1
        for rank in range(ranks):
            state = split(decode(self.checkpoint), ranks)[rank]
            books.append(Ledger(self.folder, self.reign, rank))
            shuffle, replay = self.continual
            limits = Limits(row_tokens=ROW, rows=2, open_bins=4, closed=True, shuffle=shuffle, replay=replay)
            opened.append(Feed(Log(self.log, list(state.offsets)), books[-1], limits, state))
        yield opened
        for book in books:
            book.close()

    def run(self, ranks: int, rounds: int, every: int, crash: bool, skip: int = 0) -> None:
        """`skip`: of so many steps, each rank's Batch of one gives no finite gradient."""
        with self.started(ranks) as opened:
            for n in range(1, rounds + 1):
                self.step += 1
                for rank, feed in enumerate(opened):
                    if feed.next(0.0) is not None:
                        if skip and self.step % skip == rank:
                            feed.skipped()
                        else:
                            feed.trained(self.step)
                if n % every == 0 or (n == rounds and not crash):
                    self.checkpoint = encode(merge([decode(feed.state()) for feed in opened]))
            self.drained = all(feed.drained for feed in opened)

    @property
    def state(self) -> FeedState:
        return decode(self.checkpoint)

    def entries(self) -> list[ledger.Entry]:
        return list(ledger.read(self.folder, self.state.ledger))


def trained(cluster: Cluster) -> Counter[tuple[str, int, int, int, int]]:
    return Counter((e.topic_id, e.partition, e.offset, e.index, e.piece) for e in cluster.entries())


def check_conserved(state: FeedState) -> None:
    in_bins = {str(h.origin) for h in state.waiting}
    assert sum(c.waiting for c in state.counts.values()) == len(in_bins)


@settings(deadline=None, max_examples=120, suppress_health_check=list(HealthCheck))
@given(
    st.lists(lane, min_size=1, max_size=5), st.lists(run, max_size=6), st.integers(1, 5),
    st.sampled_from((PLAIN, MIXED)),
)  # fmt: skip
def test_every_document_is_trained_once_whatever_the_ranks(
    lanes: list[Any], runs: list[Any], last: int, continual: Continual
) -> None:
    log = logs(lanes)
    with TemporaryDirectory() as folder:
        cluster = Cluster(log, Path(folder), continual)
        for ranks, rounds, every, crash in runs:
            cluster.run(ranks, rounds, every, crash)
            check_conserved(cluster.state)
        cluster.run(last, 200, 200, crash=False)
        assert cluster.drained and trained(cluster) == expected(log)
    check_counts(log, cluster.state)


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    st.lists(lane, min_size=1, max_size=4), st.lists(run, max_size=4), st.integers(1, 4), st.integers(2, 5),
    st.sampled_from((PLAIN, MIXED)),
)  # fmt: skip
def test_what_is_skipped_is_counted_and_named_whatever_the_ranks(
    lanes: list[Any], runs: list[Any], last: int, skip: int, continual: Continual
) -> None:
    log = logs(lanes)
    with TemporaryDirectory() as folder:
        cluster = Cluster(log, Path(folder), continual)
        for ranks, rounds, every, crash in runs:
            cluster.run(ranks, rounds, every, crash, skip)
            check_conserved(cluster.state)
        cluster.run(last, 200, 200, crash=False, skip=skip)
        assert cluster.drained
        rows, state = trained(cluster), cluster.state
    assert not (state.pieces_left or state.shared)
    of = {f"{t}:{p}:{o}:{i}": 0 for t, p, o, i, _ in expected(log)}
    for t, p, o, i, _ in rows:
        of[f"{t}:{p}:{o}:{i}"] += 1
    assert max(rows.values(), default=1) == 1 and state.skipped <= of.keys()
    whole = Counter(f"{t}:{p}:{o}:{i}" for t, p, o, i, _ in expected(log))
    assert {name for name, n in of.items() if n < whole[name]} == state.skipped
    counts = state.counts.values()
    assert sum(c.skipped for c in counts) == len(state.skipped) and not sum(c.waiting for c in counts)
    assert sum(c.trained for c in counts) == len(of) - len(state.skipped)


def check_counts(log: list[list[Frame]], state: FeedState) -> None:
    """Conservation, the documents that died and those that were replaced, by partition and over all."""
    tallies = {(f.source.topic_id, p, t.offset): t for p, lane in enumerate(log) for f in lane for t in f.tallies}
    assert not (state.pieces_left or state.shared or state.open_bins or state.rows or state.delayed)
    for key, count in state.counts.items():
        topic_id, partition = key.split(":")
        own = [t for (t_id, p, _), t in tallies.items() if (t_id, p) == (topic_id, int(partition))]
        dead, rejected = sum(len(t.dead) for t in own), sum(t.rejected_count for t in own)
        assert (count.documents, count.dead, count.rejected) == (sum(t.seen for t in own), dead, rejected)
        assert count.trained == count.documents - dead - rejected
    dead = {f"{t}:{p}:{o}:{i}" for (t, p, o), tally in tallies.items() for i in tally.dead}
    assert set(retryable(state)) == dead - {t.replaces for t in tallies.values()}


@pytest.mark.parametrize("continual", [PLAIN, (6 * ROW, 0.0), MIXED])
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_as_many_ranks_go_on_as_if_nothing_had_been(tmp_path: Path, ranks: int, continual: Continual) -> None:
    straight = Cluster(some(), tmp_path / "straight", continual)
    straight.run(ranks, 100, 100, crash=False)
    stopped = Cluster(some(), tmp_path / "stopped", continual)
    while not stopped.drained:
        stopped.run(ranks, 1, 1, crash=False)
    assert straight.drained and bool(continual[1]) == bool(straight.state.replay.examples)
    states = [msgspec.structs.replace(cluster.state, ledger={}) for cluster in (straight, stopped)]
    assert encode(states[0]) == encode(states[1])
    for rank in range(ranks):
        books = [of_rank(cluster, rank) for cluster in (straight, stopped)]
        assert books[0] == books[1] and books[0]


def of_rank(cluster: Cluster, rank: int) -> list[ledger.Entry]:
    """One rank's entries of all reigns."""
    names = {ledger.file_name(n, rank) for n in range(cluster.reign + 1)}
    return list(ledger.read(cluster.folder, {n: size for n, size in cluster.state.ledger.items() if n in names}))


def test_pieces_of_one_document_come_to_lie_on_several_ranks(tmp_path: Path) -> None:
    """The case that only `merge` can count."""
    cluster = Cluster(some(), tmp_path)
    shared = 0
    for _ in range(20):
        cluster.run(1, 1, 1, crash=False)
        parts = split(cluster.state, 3)
        shared += any(s.shared for s in parts)
        assert merge(parts).counts == cluster.state.counts
        assert merge(parts).pieces_left == cluster.state.pieces_left
    assert shared > 3


def test_a_rank_that_is_no_more_leaves_its_ledger_and_what_was_undone_does_not_count(tmp_path: Path) -> None:
    cluster = Cluster(some(), tmp_path)
    cluster.run(3, 3, 3, crash=False)
    known = cluster.entries()
    cluster.run(5, 4, 100, crash=True)
    assert (tmp_path / "ledger-r2-4.bin").exists() and cluster.entries() == known
    cluster.run(2, 1, 1, crash=False)
    assert set(known) < set(cluster.entries())
    assert {"ledger-r1.bin", "ledger-r1-1.bin", "ledger-r1-2.bin"} < cluster.state.ledger.keys()
    assert not any(name.startswith("ledger-r2") for name in cluster.state.ledger)


def test_a_checkpoint_of_before_there_were_ranks_is_read() -> None:
    fields = {"rank", "ranks", "shared", "ledger", "shares", "began", "skipped", "packing", "delayed", "replay"}
    state = fresh(TOKENIZER, [3, 4], {f"{TOPICS['files']}:0": 7})
    old = {k: v for k, v in msgspec.to_builtins(state).items() if k not in fields}
    assert decode(msgspec.msgpack.encode(old)) == state and split(state, 1) == [state]


def test_what_is_not_one_state_of_each_rank_is_refused() -> None:
    state = fresh(TOKENIZER, [0, 0, 0], {f"{TOPICS['files']}:0": 7})
    parts = split(state, 3)
    for wrong in (parts[:2], [parts[0], parts[0], parts[2]], [*parts, state]):
        with pytest.raises(ValueError, match="each rank"):
            merge(wrong)
    with pytest.raises(ValueError, match="merge it first"):
        split(parts[1], 2)


@pytest.mark.broker
def test_one_rank_then_three_then_two_on_a_real_broker(bare_connection: Connection, tmp_path: Path) -> None:
    """The real `examples` of four partitions; the three ranks crash once after their checkpoint."""
    create(bare_connection, 4)
    ids = bare_connection.topic_ids(["files"])
    log = [[with_topic(f, ids["files"]) for f in lane] for lane in some()]
    produce(bare_connection, log)
    state: bytes | None = None
    for reign, (ranks, rounds, kept) in enumerate(((1, 5, True), (3, 3, True), (3, 2, False), (2, 100, True)), 1):
        opened = [
            open_feed(
                bare_connection, tmp_path, decode(state) if state else first_state(bare_connection, TOKENIZER),
                Limits(ROW, 2, 4, closed=True), reign, rank, ranks,
            )
            for rank in range(ranks)
        ]  # fmt: skip
        for step in range(rounds):
            for feed in opened:
                if feed.next(2.0 if not feed.drained else 0.0) is not None:
                    feed.trained(step)
        done = all(feed.drained for feed in opened)
        state = encode(merge([decode(feed.state()) for feed in opened])) if kept else state
        for feed in opened:
            feed.close()
    assert done and state is not None
    times = Counter(
        (e.topic_id, e.partition, e.offset, e.index, e.piece) for e in ledger.read(tmp_path, decode(state).ledger)
    )
    assert times == expected(log)
    check_counts(log, decode(state))


def with_topic(found: Frame, topic_id: str) -> Frame:
    return msgspec.structs.replace(found, source=msgspec.structs.replace(found.source, topic_id=topic_id))


def produce(connection: Connection, log: list[list[Frame]]) -> None:
    with connection.producer() as producer:
        sent = [
            producer.send(connection.topic("examples"), frames.encode(f), partition=p)
            for p, lane in enumerate(log)
            for f in lane
        ]
        for future in sent:
            future.get(timeout=30)
