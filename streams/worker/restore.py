"""The index from its log: the records below the committed offset of `candidates`, in order, each once."""

from __future__ import annotations

import logging

from streams.frame import Gap
from streams.index import signatures
from streams.index.index import Index
from streams.kafka.connection import Connection
from streams.kafka.log import read
from streams.kafka.topics import genesis
from streams.recipe import Thresholds

log = logging.getLogger("midstream.streams")


def restore(connection: Connection, thresholds: Thresholds, upto: int) -> Index:
    """The index as it was when `candidates` was committed at `upto`.

    Records at or above `upto` are left out: their Frames come again and get the same verdicts.
    Raises Gap when a record is missing, WrongIndex when the settings were others.
    """
    first = genesis(connection)
    starts = {(t.id, p): offset for t in first.topics.values() for p, offset in enumerate(t.starts)}
    index = Index(thresholds, starts)
    expected = first.topics["candidates"].starts[0]
    for logged in read(connection, "signatures", 0, start=1):
        record = signatures.decode(logged.value or b"")
        if record.offset >= upto or record.offset < expected:
            continue
        if record.offset > expected:
            raise Gap(f"signatures has no record of candidates offset {expected}: the index cannot be rebuilt")
        index.apply(record)
        expected += 1
    if expected < upto:
        raise Gap(f"signatures ends at candidates offset {expected}, but {upto} is committed: records were lost")
    log.info("index: %d documents restored", len(index))
    return index
