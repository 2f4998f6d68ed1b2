"""What a feed reads: the topic `examples`, partition by partition, as a log that is on Kafka or in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from streams.frame import Frame


class FrameLog(Protocol):
    """The topic `examples`, partition by partition; all of it, or the partitions of one rank."""

    partitions: int

    def poll(self, timeout_s: float, enough: set[int]) -> Sequence[tuple[int, int, Frame | None]]:
        """(partition, offset, Frame) in each partition's order, none of the partitions that have `enough`;
        empty when nothing came in time. None: somebody else wrote the record, or it is damaged."""
        ...

    def ended(self, partition: int, position: int) -> bool:
        """Nothing at or above `position` is known of this partition now."""
        ...

    def lag(self, positions: list[int]) -> int:
        """Records that are known and not read."""
        ...

    def find(self, partition: int, start: int, wanted: Callable[[Frame], bool]) -> int | None:
        """The first offset from `start` on of a Frame that is wanted; None: the log holds none now."""
        ...

    def first(self, partition: int) -> int:
        """The first offset that is still there."""
        ...

    def earlier(self, partition: int, offset: int) -> tuple[bool, Frame | None]:
        """Whether the record could be asked for, and its Frame where it holds one."""
        ...

    def close(self) -> None: ...
