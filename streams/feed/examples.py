"""The topic `examples` as a feed reads it: the rank's partitions assigned, no group, no jump (architecture §2.9)."""

from __future__ import annotations

import time
from pathlib import Path

from kafka.errors import OffsetOutOfRangeError

from streams import frame as frames
from streams.feed.feed import Feed, Limits, State, decode, fresh
from streams.feed.ledger import Ledger
from streams.feed.ranks import split
from streams.frame import Frame
from streams.kafka.connection import Connection
from streams.kafka.topics import check

TOPIC = "examples"
ENDS_EVERY_S = 1.0


class Lost(RuntimeError):
    """Records that the checkpoint has not read are gone from the log."""


class ExamplesLog:
    """A `streams.feed.feed.FrameLog` on Kafka."""

    def __init__(self, connection: Connection, offsets: list[int], closed: bool, rank: int = 0, ranks: int = 1) -> None:
        """`offsets`: of every partition; those of the rank are read.

        `closed`: the log ends where it ends now. Raises Lost when `offsets` are no longer all there.
        """
        self.partitions = len(offsets)
        owned = range(rank, self.partitions, ranks)
        first = connection.beginning_offsets([TOPIC])
        for p in owned:
            if offsets[p] < first[TOPIC, p]:
                raise Lost(
                    f"{TOPIC}/{p}: offsets {offsets[p]} to {first[TOPIC, p] - 1} were deleted by retention before they "
                    "were trained on. Raise the topic's retention, and start a new checkpoint folder."
                )
        self._consumer = connection.consumer({(TOPIC, p): offsets[p] for p in owned})
        self._partitions = {tp.partition: tp for tp in self._consumer.assignment()}
        self._closed = closed
        ends = connection.end_offsets([TOPIC])
        self._ends = {p: ends[TOPIC, p] for p in owned}
        self._asked = time.monotonic()

    def poll(self, timeout_s: float, enough: set[int]) -> list[tuple[int, int, Frame]]:
        if not self._partitions:  # more ranks than partitions
            time.sleep(timeout_s)
            return []
        for p, tp in self._partitions.items():
            (self._consumer.pause if p in enough else self._consumer.resume)(tp)
        try:
            polled = self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=64)
        except OffsetOutOfRangeError as error:
            raise Lost(f"{TOPIC}: an offset is out of range: records were deleted before they were read") from error
        return [
            (tp.partition, record.offset, frames.decode(record.value))
            for tp, records in polled.items()
            for record in records
            if not self._closed or record.offset < self._ends[tp.partition]
        ]

    def ended(self, partition: int, position: int) -> bool:
        return position >= self._end(partition)

    def lag(self, positions: list[int]) -> int:
        """Of the rank's partitions."""
        return sum(max(0, self._end(p) - positions[p]) for p in self._ends)

    def close(self) -> None:
        self._consumer.close()

    def _end(self, partition: int) -> int:
        if not self._closed and time.monotonic() - self._asked > ENDS_EVERY_S:
            found = self._consumer.end_offsets(list(self._partitions.values()))
            self._ends = {p: found[tp] for p, tp in self._partitions.items()}
            self._asked = time.monotonic()
        return self._ends[partition]


def open_feed(
    connection: Connection, checkpoints: Path, tokenizer: str, limits: Limits, state: bytes | None,
    rank: int = 0, ranks: int = 1,
) -> Feed:  # fmt: skip
    """One rank's feed of a checkpoint (`state`, which any number of ranks wrote), or of a new run.

    Refuses re-created topics. A rank beyond the partitions gets its part of the open rows, and nothing after them.
    """
    first = check(connection)
    whole: State = decode(state) if state is not None else fresh(tokenizer, first.topics[TOPIC].starts, first.marks)
    own = split(whole, ranks)[rank]
    log = ExamplesLog(connection, own.offsets, limits.closed, rank, ranks)
    ledger = Ledger(checkpoints / "ledger.bin", rank, ranks)
    ledger.settle(own.ledgers)
    return Feed(log, ledger, limits, own)
