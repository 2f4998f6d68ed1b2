"""Single records of a topic, in any order: what replay draws."""

from __future__ import annotations

import time
from typing import Any

from kafka.errors import OffsetOutOfRangeError

from streams.kafka.connection import Connection

PATIENCE_S = 5.0
"""For one record; a broker that takes longer counts as away."""
FETCH_BYTES = 256 << 10
"""Asked for at a time; a larger record comes whole."""


class Gone(RuntimeError):
    """Retention has passed the offset."""

    def __init__(self, first: int) -> None:
        super().__init__(f"the log begins at {first}")
        self.first = first


class Earlier:
    """Reads by a consumer a partition, made when its first record is asked for."""

    def __init__(self, connection: Connection, topic: str) -> None:
        self._connection, self._topic = connection, topic
        self._consumers: dict[int, Any] = {}

    def read(self, partition: int, offset: int) -> Any | None:
        """The record at the offset, or the next one behind offsets that hold none; None: none came in time. Raises
        Gone, and kafka's errors."""
        if partition not in self._consumers:
            start = {(self._topic, partition): offset}
            self._consumers[partition] = self._connection.consumer(start, max_partition_fetch_bytes=FETCH_BYTES)
        consumer = self._consumers[partition]
        (assigned,) = consumer.assignment()
        consumer.seek(assigned, offset)
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            try:
                polled = consumer.poll(timeout_ms=200, max_records=1)
            except OffsetOutOfRangeError:
                first = consumer.beginning_offsets([assigned])[assigned]
                raise Gone(first) from None
            for records in polled.values():
                for record in records:
                    if record.offset >= offset:
                        return record
        return None

    def close(self) -> None:
        while self._consumers:
            self._consumers.popitem()[1].close()
