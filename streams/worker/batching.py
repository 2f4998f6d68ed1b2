"""Which records a stage that takes many works on together: enough of one partition for a Frame, soon enough for all."""

from __future__ import annotations

from typing import Any

from streams.frame import MAX_BYTES

FRAME_BYTES = MAX_BYTES * 15 // 16
"""Records of a partition that make one Frame; its documents take somewhat more bytes than they."""
TAKE_RECORDS = 512
TAKE_BYTES = 6 << 20
"""No more is held, of all partitions together. Less than the largest source record, so that two of these are never
held at once."""
HELD_S = 0.5
"""No record waits longer for others while more come."""


class Batching:
    """Records that were fetched and are not worked on yet, by partition, each partition's in their order."""

    def __init__(self) -> None:
        self._events: dict[tuple[str, int], list[Any]] = {}
        self._bytes: dict[tuple[str, int], int] = {}
        self._since: dict[tuple[str, int], float] = {}
        """When the first record that is held came, seconds of the event loop's clock."""

    def add(self, event: Any, size: int, now: float) -> list[Any]:
        """Hold the record, `size` bytes; returns what is to be worked on before that, if any: whole partitions."""
        key = (event.message.topic, event.message.partition)
        due: list[Any] = []
        if self._bytes.get(key, 0) + size > FRAME_BYTES:
            due += self._release(key)
        for old in [k for k, since in self._since.items() if now - since > HELD_S]:
            due += self._release(old)
        while self._events and (self._total + size > TAKE_BYTES or self._count >= TAKE_RECORDS):
            due += self._release(max(self._bytes, key=self._bytes.__getitem__))
        self._events.setdefault(key, []).append(event)
        self._bytes[key] = self._bytes.get(key, 0) + size
        self._since.setdefault(key, now)
        return due

    def release(self) -> list[Any]:
        """Everything that is held."""
        return [event for key in list(self._events) for event in self._release(key)]

    @property
    def _total(self) -> int:
        return sum(self._bytes.values())

    @property
    def _count(self) -> int:
        return sum(map(len, self._events.values()))

    def _release(self, key: tuple[str, int]) -> list[Any]:
        self._bytes.pop(key, None)
        self._since.pop(key, None)
        return self._events.pop(key, [])
