"""The index from its log, and where dedup begins (architecture §2.11).

`signatures` is the truth of what dedup took: an offset of `candidates` that has a record is never judged anew. Records
below the offset at which dedup begins are applied here; those at or above it wait until their offset is read again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from streams.index import signatures
from streams.index.index import Index
from streams.index.signatures import Applied
from streams.kafka.connection import Connection
from streams.kafka.log import read
from streams.kafka.topics import genesis
from streams.recipe import Thresholds
from streams.worker.settle import Behind, fill

log = logging.getLogger("midstream.streams")


@dataclass
class Restored:
    """The index as it was before the record of `candidates` that comes next."""

    index: Index
    pending: dict[int, Applied] = field(default_factory=dict)
    """Records of offsets that dedup took before and that are read again."""

    @property
    def end(self) -> int:
        """One past the last offset of `candidates` that has a record waiting; 0 when none waits."""
        return max(self.pending, default=-1) + 1


def rebuild(index: Index, records: Iterable[Applied], first: int, begin: int, there: int = 0) -> Restored:
    """The index after the records of [first, begin), by offset, the first record of each alone.

    `there`: the first offset that `candidates` still holds. What was deleted below it before dedup had read it has no
    record, and is passed: the marks show what it was. Raises Behind when another record is missing, WrongIndex when the
    settings were others.
    """
    restored, expected = Restored(index), first
    waiting = restored.pending
    for record in records:
        if record.offset >= expected:
            waiting.setdefault(record.offset, record)
        while expected < begin and expected in waiting:
            index.apply(waiting.pop(expected))
            expected += 1
    while expected < begin:
        if expected in waiting:
            index.apply(waiting.pop(expected))
        elif expected >= there:
            raise Behind(expected)
        else:
            log.error("candidates/0 at %d was deleted before dedup had read it: run `midstream repair`", expected)
        expected += 1
    return restored


def restore(connection: Connection, thresholds: Thresholds, committed: int, folder: Path | None = None) -> Restored:
    """The index as dedup needs it to go on at `committed`, or at the end of `candidates` where that lies before it.

    `folder`: on whose disk its sets of shingles lie.
    Fills `candidates` up when its tail was lost. Raises Behind and WrongIndex as `rebuild`.
    """
    start = genesis(connection)
    end = connection.end_offsets(["candidates"])["candidates", 0]
    logged = (r for r in read(connection, "signatures", 0, start=1) if r.key is None)
    records = (record for r in logged if (record := signatures.decode_or_none(r.value, r.offset)))
    index = Index(thresholds, start.marks, folder)
    there = connection.beginning_offsets(["candidates"])["candidates", 0]
    restored = rebuild(index, records, start.topics["candidates"].starts[0], min(committed, end), there)
    if restored.end > end:
        fill(connection, end, restored.end)
    log.info("index: %d documents restored, %d records wait to be read again", len(index), len(restored.pending))
    return restored
