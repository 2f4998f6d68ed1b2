"""The audit: the ids of every source record's documents held against the ids that were trained on.

Nothing is subtracted: each document is looked for by its id among the trained, the waiting, the
rejected and the dead, and what is nowhere is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from streams.document import Origin, Source
from streams.feed import ledger
from streams.feed.state import FeedState, ranges
from streams.frame import decode_rejections_or_none
from streams.kafka.connection import Connection
from streams.kafka.log import read
from streams.kafka.topics import Genesis, check
from streams.pipeline import Record, count_documents
from streams.stages import SOURCES

Id = tuple[str, int, int, int]
"""Topic id, partition, offset, index."""


@dataclass
class Audit:
    events: int = 0
    documents: int = 0
    trained: int = 0
    waiting: int = 0
    skipped: int = 0
    """A piece of it was in a Batch that gave no finite gradient."""
    rejected: dict[str, int] = field(default_factory=dict)
    """By rule."""
    dead_letters: int = 0
    in_flight: int = 0
    """Above the feed's marks: still on the way."""
    lost: int = 0
    trained_twice: int = 0
    pieces: int = 0
    given_up: dict[str, int] = field(default_factory=dict)
    """Offsets, not documents, that `midstream repair --accept-loss` went on without, by the stretch of the source."""


def audit(connection: Connection, checkpoints: Path, state: FeedState) -> Audit:
    """The account of all that the source topics hold, at or above where the run began, against one checkpoint's feed
    state and ledger."""
    genesis = check(connection)
    result = Audit()
    entries = ledger.read(checkpoints, state.ledger)
    pieces = Counter((e.topic_id, e.partition, e.offset, e.index, e.piece) for e in entries)
    trained = {key[:4] for key in pieces}
    waiting = {_id(item.origin) for item in state.waiting}
    dead = {_id(Origin.parse(d)) for d in state.dead}
    skipped = {_id(Origin.parse(d)) for d in state.skipped}
    rules = _rules(connection, genesis)
    rejected: Counter[str] = Counter()
    for key in _documents(connection, genesis, state.began, result):
        result.documents += 1
        if key[2] >= state.marks.get(f"{key[0]}:{key[1]}", 0):
            result.in_flight += 1
        elif key in waiting:
            result.waiting += 1
        elif key in skipped:
            result.skipped += 1
        elif key in trained:
            result.trained += 1
        elif key in dead:
            result.dead_letters += 1
        elif key in rules:
            rejected[rules[key]] += 1
        else:
            result.lost += 1
    result.rejected = dict(sorted(rejected.items()))
    result.trained_twice = sum(n > 1 for n in pieces.values())
    result.pieces = len(pieces)
    result.given_up = _given_up(state)
    return result


def _given_up(state: FeedState) -> dict[str, int]:
    """What an earlier version gave up was counted and not named."""
    stretches: dict[str, int] = {}
    for key, count in sorted(state.counts.items(), key=lambda item: (item[1].topic, item[0])):
        source = f"{count.topic}/{key.rpartition(':')[2]}"
        stretches |= {f"{source} offsets {ranges([s])}": s[1] - s[0] for s in count.given_up}
        unnamed = count.lost - sum(upto - start for start, upto in count.given_up)
        stretches |= {f"{source} offsets not named": unnamed} if unnamed else {}
    return stretches


def _documents(connection: Connection, genesis: Genesis, began: dict[str, int], result: Audit) -> Iterator[Id]:
    """Every document of every source record that is left, from where the run began; a record that is no event counts
    as one."""
    left = connection.beginning_offsets(SOURCES)
    for topic in SOURCES:
        start = genesis.topics[topic]
        for partition, first in enumerate(start.starts):
            source = Source(topic, start.id, partition)
            begin = max(first, left[topic, partition], began.get(f"{start.id}:{partition}", 0))
            for logged in read(connection, topic, partition, begin):
                result.events += 1
                record = Record(logged.offset, logged.key, logged.value, logged.headers)
                for index in range(count_documents(source, record)):
                    yield start.id, partition, logged.offset, index


def _rules(connection: Connection, genesis: Genesis) -> dict[Id, str]:
    """The rule of every rejected document; the last record of a repeat counts."""
    rules: dict[Id, str] = {}
    for partition in range(len(genesis.topics["rejected"].starts)):
        for logged in read(connection, "rejected", partition):
            record = decode_rejections_or_none(logged.value)  # None: somebody else wrote it
            rules |= {_id(item.origin): item.rule for item in record.items} if record else {}
    return rules


def _id(origin: Origin) -> Id:
    return origin.topic_id, origin.partition, origin.offset, origin.index
