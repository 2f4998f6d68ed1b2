"""Where a stage's group begins, put right before a worker joins it (architecture §2.9, §2.11).

A group may have lost its offsets (the broker's recovery drops them, or they expired), or stand beyond the end of a log
that lost its tail. Marks hold what was taken, so an offset that is too low costs time alone, and one beyond the end is
set to the end: what was not taken is found when the marks are compared.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from streams.document import Source
from streams.index import signatures
from streams.index.signatures import Head
from streams.kafka.connection import Connection, GroupInUse, Offsets
from streams.kafka.log import read
from streams.kafka.positions import Expired
from streams.kafka.topics import genesis
from streams.stages import STAGE

log = logging.getLogger("midstream.streams")

FILLER = b"filler"
"""Key of the empty records that fill `candidates` up to the last offset that has an Applied record."""
PATIENCE_S = 30
LATEST = 8
"""Records of `signatures` among which the last offset of `candidates` stands: zombies write a few again."""


class Behind(RuntimeError):
    """`signatures` lacks the record of an offset below the committed one: dedup must begin there."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"signatures has no record of candidates offset {offset}: dedup begins again there")
        self.offset = offset


def go_back(connection: Connection, group: str, errors: Sequence[BaseException]) -> None:
    """Set dedup's group, which this worker has left, to where the index's log ends too early."""
    for error in errors:
        if isinstance(error, Behind):
            try:
                connection.commit(group, {("candidates", 0): error.offset})
            except GroupInUse:
                log.warning("another dedup has joined: it finds the same")


def settle(connection: Connection, stage: str) -> Offsets:
    """The offsets that were put right, with a line in the log for each; none when all were.

    Raises Expired when retention deleted what the group has not read.
    """
    group, topics = connection.group(stage), STAGE[stage].reads
    if stage == "dedup":
        _fill_up(connection)
    committed = connection.group_offsets(group)
    first, ends = connection.beginning_offsets(topics), connection.end_offsets(topics)
    _refuse_expired(group, committed, first)
    lacking = [key for key in sorted(ends) if key not in committed]
    changes = {key: end for key, end in ends.items() if committed.get(key, end) > end}
    for (topic, partition), end in sorted(changes.items()):
        log.error("%s/%d ends at %d, below the committed offset %d: the log lost its tail. %s goes on at its end; run "
                  "`midstream repair`", topic, partition, end, committed[topic, partition], stage)  # fmt: skip
    if lacking:
        changes |= {key: max(at, first[key]) for key, at in _defaults(connection, stage, lacking, first).items()}
        log.error("group %s has lost its offsets: it begins at %s", group,
                  ", ".join(f"{topic}/{p} {changes[topic, p]}" for topic, p in lacking))  # fmt: skip
    try:
        connection.commit(group, changes)
    except GroupInUse as error:  # a group with a member cannot be altered, and that member has its offsets
        log.warning("%s; its offsets stay as they are", error)
    return changes


def fill(connection: Connection, end: int, upto: int) -> None:
    """Empty records at [end, upto), so that nothing new gets an offset that was judged before."""
    log.error(
        "candidates ends at %d, but its records up to %d were taken: the log lost its tail. Empty records fill it up; "
        "run `midstream repair` to bring back what was lost",
        end, upto - 1,
    )  # fmt: skip
    producer = connection.producer()
    try:
        for future in [
            producer.send(connection.topic("candidates"), key=FILLER, value=b"", partition=0) for _ in range(end, upto)
        ]:
            future.get(timeout=PATIENCE_S)
    finally:
        producer.close()


def heads(connection: Connection, start: int = 1) -> Iterator[Head]:
    """The Applied records of `signatures` without their insertions, from `start` on."""
    for logged in read(connection, "signatures", 0, start=start):
        if logged.key is None and (head := signatures.decode_head_or_none(logged.value, logged.offset)):
            yield head


def marks_below(connection: Connection, upto: int | None = None) -> dict[str, int]:
    """Dedup's marks by `Source.key`, after the records of `candidates` below `upto` (all of them: None).

    The first record of an offset counts, in the order of the offsets.
    """
    marks = dict(genesis(connection).marks)
    first: dict[int, Head] = {}
    for head in heads(connection):
        if upto is None or head.offset < upto:
            first.setdefault(head.offset, head)
    for _, head in sorted(first.items()):
        key = head.source.key
        if head.form == "back":
            marks[key] = head.upto
        elif head.form == "frame":
            marks[key] = max(marks.get(key, 0), head.upto)
    return marks


def _fill_up(connection: Connection) -> None:
    """At once, and not when the next record comes: that one would get an offset that was judged before."""
    end = connection.end_offsets(["candidates"])["candidates", 0]
    last = max((head.offset for head in _last_heads(connection)), default=-1)
    if last >= end:
        fill(connection, end, last + 1)


def _refuse_expired(group: str, committed: Offsets, first: Offsets) -> None:
    lost = expired(committed, first)
    if lost:
        raise Expired(
            f"Deleted before group {group} had read them: {'; '.join(lost)}. `midstream repair` says what of it can be "
            "had back and goes on without the rest; raise the topics' retention first."
        )


def expired(committed: Offsets, first: Offsets) -> list[str]:
    """`topic/partition offsets A to B` that no longer stand there and that the group has not read."""
    return [
        f"{topic}/{partition} offsets {committed[topic, partition]} to {start - 1}"
        for (topic, partition), start in sorted(first.items())
        if committed.get((topic, partition), start) < start
    ]


def _defaults(connection: Connection, stage: str, keys: list[tuple[str, int]], first: Offsets) -> Offsets:
    """Prepare goes on at dedup's mark, dedup at its last Applied record, the others at what is left."""
    if stage == "prepare":
        marks, ids = marks_below(connection), genesis(connection).topics
        return {(t, p): marks.get(Source(t, ids[t].id, p).key, 0) for t, p in keys}
    if stage == "dedup":
        last = max((head.offset for head in _last_heads(connection)), default=first["candidates", 0])
        return {("candidates", 0): last}
    return {key: first[key] for key in keys}


def _last_heads(connection: Connection) -> list[Head]:
    end = connection.end_offsets(["signatures"])["signatures", 0]
    return list(heads(connection, max(1, end - LATEST)))
