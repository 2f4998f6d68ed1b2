"""Reading a stretch of one partition from front to back: the index's log, dead letters, audits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streams.kafka.connection import Connection

POLL_MS = 500
PATIENCE = 60
"""Polls without a record after which a stretch that should hold some is given up."""


class Stalled(RuntimeError):
    """The broker did not hand out records that it says it has."""


@dataclass(frozen=True)
class Logged:
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    time_ms: int


def read(
    connection: Connection, topic: str, partition: int, start: int | None = None, upto: int | None = None
) -> Iterator[Logged]:
    """The records of [start, upto) in order; `start` defaults to the first that is there, `upto` to the present end.

    Offsets that hold no record (transaction markers) are passed over.
    """
    key = (topic, partition)
    first = connection.beginning_offsets([topic])[key] if start is None else start
    end = connection.end_offsets([topic])[key] if upto is None else upto
    if first >= end:
        return
    consumer = connection.consumer({key: first})
    try:
        yield from _until(consumer, end)
    finally:
        consumer.close()


def records_between(connection: Connection, topic: str, partition: int, start: int, upto: int) -> bool:
    """Whether the log holds a record in [start, upto)."""
    return next(read(connection, topic, partition, start, upto), None) is not None


def _until(consumer, end: int) -> Iterator[Logged]:  # pyright: ignore[reportMissingParameterType]
    (assigned,) = consumer.assignment()
    empty = 0
    while consumer.position(assigned) < end:
        polled = consumer.poll(timeout_ms=POLL_MS)
        empty = 0 if polled else empty + 1
        if empty > PATIENCE:
            raise Stalled(f"{assigned.topic}/{assigned.partition} ends at {end}, but nothing came for 30 s")
        for records in polled.values():
            for r in records:
                if r.offset >= end:
                    return
                yield Logged(r.partition, r.offset, r.key, r.value, dict(r.headers or []), r.timestamp)
