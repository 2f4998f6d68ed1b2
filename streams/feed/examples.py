"""The topic `examples` as a feed reads it: the rank's partitions assigned, no group, no jump (architecture §2.9)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from kafka.errors import KafkaError, OffsetOutOfRangeError

from streams import frame as frames
from streams.feed import ledger
from streams.feed.feed import Feed
from streams.feed.ledger import Ledger
from streams.feed.ranks import split
from streams.feed.state import FeedState, Limits, offsets_in
from streams.frame import Frame
from streams.kafka.connection import Connection, Unreachable
from streams.kafka.earlier import Earlier, Gone
from streams.kafka.log import read
from streams.kafka.topics import check

log = logging.getLogger("midstream.streams")
Answer = TypeVar("Answer")

TOPIC = "examples"
ENDS_EVERY_S = 1.0
ENDS_TIMEOUT_MS = 1_000
"""A broker that is away must not keep the trainer from a signal for long."""
AWAY_EVERY_S = 60.0
"""Seconds between two lines of the log that say that the broker is away."""


class ExamplesLog:
    """A `streams.feed.log.FrameLog` on Kafka. While no broker answers there is nothing new, however long it takes."""

    def __init__(self, connection: Connection, offsets: list[int], closed: bool, rank: int = 0, ranks: int = 1) -> None:
        """`offsets`: of every partition; those of the rank are read, from what is left of them.

        `closed`: the log ends where it ends now.
        """
        self.partitions = len(offsets)
        owned = range(rank, self.partitions, ranks)
        first, ends = connection.beginning_offsets([TOPIC]), connection.end_offsets([TOPIC])
        self._first = {p: first[TOPIC, p] for p in owned}
        """What lies below is gone, so nothing is known of it."""
        self._ends = {p: ends[TOPIC, p] for p in owned}
        self._asked = time.monotonic()
        self._closed, self._connection = closed, connection
        starts = {(TOPIC, p): within(p, offsets[p], self._first[p], self._ends[p]) for p in owned}
        self._consumer: Any = connection.consumer(starts)
        self._partitions = {tp.partition: tp for tp in self._consumer.assignment()}
        self._away_said: float | None = None
        self._replayed = Earlier(connection, TOPIC)

    def poll(self, timeout_s: float, enough: set[int]) -> list[tuple[int, int, Frame | None]]:
        if not self._partitions:  # more ranks than partitions
            time.sleep(timeout_s)
            return []
        for p, tp in self._partitions.items():
            (self._consumer.pause if p in enough else self._consumer.resume)(tp)
        self._drop_what_is_used_up()
        polled = self._patient(lambda: self._consumer.poll(timeout_ms=int(timeout_s * 1000), max_records=64), {})
        return [
            (tp.partition, record.offset, _frame(tp.partition, record))
            for tp, records in polled.items()
            for record in records
            if not self._closed or record.offset < self._ends[tp.partition]
        ]

    def _drop_what_is_used_up(self) -> None:
        """kafka-python 3.0 parks the records that it holds of a paused partition, and gives them back only while it has
        no other records in hand; an object of which all were taken counts as such. Then the partition is neither given
        back nor fetched, for ever."""
        fetcher = getattr(self._consumer, "_fetcher", None)
        if fetcher is not None and not getattr(fetcher, "_next_partition_records", True):
            fetcher._next_partition_records = None

    def ended(self, partition: int, position: int) -> bool:
        return max(position, self._first[partition]) >= self._end(partition)

    def lag(self, positions: list[int]) -> int:
        """Of the rank's partitions."""
        return sum(max(0, self._end(p) - max(positions[p], self._first[p])) for p in self._ends)

    def find(self, partition: int, start: int, wanted: Callable[[Frame], bool]) -> int | None:
        begin, end = max(start, self._first[partition]), self._end(partition)
        for logged in read(self._connection, TOPIC, partition, begin, end):
            frame = _frame(partition, logged)
            if frame is not None and wanted(frame):
                return logged.offset
        return None

    def first(self, partition: int) -> int:
        return self._first[partition]

    def earlier(self, partition: int, offset: int) -> tuple[bool, Frame | None]:
        try:
            record = self._patient(lambda: self._replayed.read(partition, offset), None)
        except Gone as gone:
            self._first[partition] = max(self._first[partition], gone.first)
            return True, None
        return (False, None) if record is None else (True, _frame(partition, record))

    def close(self) -> None:
        self._replayed.close()
        self._consumer.close()

    def _end(self, partition: int) -> int:
        if not self._closed and time.monotonic() - self._asked > ENDS_EVERY_S:
            partitions = list(self._partitions.values())
            ends = self._patient(lambda: self._consumer.end_offsets(partitions, timeout_ms=ENDS_TIMEOUT_MS), None)
            if ends is not None:
                self._ends = {p: ends[tp] for p, tp in self._partitions.items()}
                self._back()
            self._asked = time.monotonic()
        return self._ends[partition]

    def _patient(self, ask: Callable[[], Answer], otherwise: Answer) -> Answer:
        """The answer, or `otherwise` while the broker is away. Raises what waiting does not mend, TopicsError too."""
        try:
            return ask()
        except OffsetOutOfRangeError:
            self._patient(self._settle, None)
        except Unreachable as error:
            self._away(error)
        except KafkaError as error:
            if not getattr(error, "retriable", False):
                raise
            self._away(error)
        return otherwise

    def _settle(self) -> None:
        """The log has lost its tail or its front under us: go on at its end, or at what is left."""
        tps = list(self._partitions.values())
        first = self._consumer.beginning_offsets(tps, timeout_ms=ENDS_TIMEOUT_MS)
        ends = self._consumer.end_offsets(tps, timeout_ms=ENDS_TIMEOUT_MS)
        for p, tp in self._partitions.items():
            self._first[p] = first[tp]
            self._consumer.seek(tp, within(p, self._consumer.position(tp), first[tp], ends[tp]))

    def _away(self, error: Exception) -> None:
        if self._away_said is None or time.monotonic() - self._away_said > AWAY_EVERY_S:
            log.warning("%s: the broker does not answer (%s); it is asked until it does", TOPIC, type(error).__name__)
            self._away_said = time.monotonic()
            with suppress(Unreachable, KafkaError):
                if self._connection.ready():
                    check(self._connection)  # a topic that was deleted looks as a broker that is away

    def _back(self) -> None:
        if self._away_said is not None:
            log.warning("%s: the broker answers again", TOPIC)
            self._away_said = None


def _frame(partition: int, record: Any) -> Frame | None:
    """None for what brings nothing. No group's offset leads the trainer over a damaged record, so it does not stop
    there: what was in it is missing before the next Frame, an alarm until `midstream repair` sends it again."""
    place = f"{TOPIC}/{partition} at {record.offset}"
    try:
        return frames.decode_or_none(record.value, place)
    except frames.Damaged as error:
        log.error("%s", error)
        return None


def open_feed(
    connection: Connection, checkpoints: Path, start: FeedState, limits: Limits, reign: int = 0, rank: int = 0,
    ranks: int = 1,
) -> Feed:  # fmt: skip
    """One rank's feed of a checkpoint's state (which any number of ranks wrote), or of a new run's.

    Refuses re-created topics; the marks of those that were added since the state was written begin where the topics
    did. A rank beyond the partitions gets its part of the open rows, and nothing after them. Raises CheckpointError
    when the ledgers are shorter than the state says.
    """
    identity = check(connection)
    begins, topic = identity.marks, identity.topics[TOPIC]
    ledger.check(checkpoints, start.ledger)
    own = split(start, ranks)[rank]
    if own.marks.keys() <= begins.keys():  # otherwise it is another cluster's, which its first Frame tells
        own.marks = begins | own.marks
    first, ends = connection.beginning_offsets([TOPIC]), connection.end_offsets([TOPIC])
    offsets = offsets_in(own, topic.id, topic.starts)
    own.offsets = [within(p, at, first[TOPIC, p], ends[TOPIC, p]) for p, at in enumerate(offsets)]
    own.examples = topic.id
    log = ExamplesLog(connection, own.offsets, limits.closed, rank, ranks)
    try:
        return Feed(log, Ledger(checkpoints, reign, rank), limits, own)
    except BaseException:
        log.close()
        raise


def within(partition: int, offset: int, first: int, end: int) -> int:
    """The offset, or the log's end where it has lost its tail, or what is left where its head was deleted: what comes
    there is held against the marks, so nothing of it is taken that does not follow on what was taken."""
    if offset > end:
        log.warning(
            "%s/%d ends at %d, and %d was to be read next: the log has lost its tail. Reading goes on at its end; what "
            "is missing shows in the marks", TOPIC, partition, end, offset,
        )  # fmt: skip
    if offset < first:
        log.warning(
            "%s/%d: offsets %d to %d were deleted before they were trained on. Reading goes on at %d; what is missing "
            "shows in the marks, and `midstream repair` brings it back or says what of it is lost. Raise the topic's "
            "retention", TOPIC, partition, offset, first - 1, first,
        )  # fmt: skip
    return max(first, min(offset, end))
