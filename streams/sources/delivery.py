"""Puts events into their topics and knows what Kafka acknowledged."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from streams.event import TOPIC_OF, Event
from streams.kafka.connection import Connection
from streams.sources.meter import Flight, Lane, Meter
from streams.sources.record import records
from streams.sources.texts.text import Counts
from streams.stages import SOURCES

WINDOW_BYTES = 16 * 1024 * 1024
"""Bytes sent and not yet acknowledged; beyond this, `send` waits for the oldest."""
PATIENCE_S = 130
"""A little longer than the producer itself goes on trying."""


class Undelivered(Exception):
    """A record was not acknowledged: everything since the last `confirm` may be missing."""


class EventDelivery:
    """Use as a context manager: leaving it without an error confirms."""

    def __init__(self, connection: Connection, meter: Meter | None = None) -> None:
        """`meter`: is told of every record."""
        self._connection = connection
        self._producer = connection.producer()
        self._meter = meter
        self._topic_ids = connection.topic_ids(SOURCES) if meter else {}
        self._waiting: deque[tuple[Any, int, Flight | None]] = deque()
        self._waiting_bytes = 0
        self.sent: Counter[str] = Counter()
        """Records by topic."""
        self.bytes = 0
        self.left_out: Counts = Counter()

    def __enter__(self) -> EventDelivery:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        try:
            if error is None:
                self.confirm()
        finally:
            self._producer.close(timeout=5)

    def send(self, event: Event, lane: Lane = "live", left_out: Counts | None = None) -> None:
        """Hands the event on; raises Undelivered when an earlier one has failed. What no record holds is counted in
        `left_out`, else in the delivery's own."""
        name = TOPIC_OF[type(event)]
        key = event.repository.key.encode()
        for value in records(event, self.left_out if left_out is None else left_out):
            flight = self._meter.send(lane, len(value)) if self._meter else None
            self._waiting.append((self._hand_on(name, key, value), len(value), flight))
            self._waiting_bytes += len(value)
            self.sent[name] += 1
            self.bytes += len(value)
        while self._waiting and (self._waiting_bytes > WINDOW_BYTES or self._waiting[0][0].is_done):
            self._await_oldest()

    def _hand_on(self, name: str, key: bytes, value: bytes) -> Any:
        try:
            return self._producer.send(self._connection.topic(name), key=key, value=value)
        except Exception as error:  # its buffer stayed full, or the record is none that it takes
            raise _undelivered(error) from error

    def collect(self) -> None:
        """Notes what Kafka has acknowledged meanwhile, without waiting: the meter knows by it where records are. Raises
        Undelivered."""
        while self._waiting and self._waiting[0][0].is_done:
            self._await_oldest()

    def confirm(self) -> None:
        """Returns when Kafka has acknowledged everything sent so far. Raises Undelivered."""
        while self._waiting:
            self._await_oldest()

    def _await_oldest(self) -> None:
        future, size, flight = self._waiting.popleft()
        self._waiting_bytes -= size
        try:
            told = future.get(timeout=PATIENCE_S)
            if flight is not None:
                name = told.topic.removeprefix(self._connection.prefix)
                flight.source, flight.offset = f"{self._topic_ids[name]}:{told.partition}", told.offset
        except Exception as error:
            raise _undelivered(error) from error


def _undelivered(error: Exception) -> Undelivered:
    return Undelivered(
        f"Kafka did not acknowledge a record ({type(error).__name__}). What was confirmed before is safe; "
        f"run the same command again: it sends what may be missing."
    )
