"""Where each partition's next Frame begins, and the guard against silent jumps (architecture §2.3, §2.9)."""

from __future__ import annotations

from streams.kafka.connection import Connection
from streams.kafka.log import records_between


class Jump(RuntimeError):
    """Records between the committed offset and the first one delivered are missing."""


class Expired(RuntimeError):
    """Records that a group has not read were deleted by retention."""


class Positions:
    def __init__(self, connection: Connection, group: str) -> None:
        self._connection = connection
        self._group = group
        self._next: dict[tuple[str, int], int] = {}

    def forget(self) -> None:
        self._next.clear()

    def known(self, topic: str, partition: int) -> int | None:
        """Where the next Frame begins, when that is known without asking the cluster."""
        return self._next.get((topic, partition))

    def start(self, topic: str, partition: int, offset: int) -> int:
        """Where the Frame that holds the record at `offset` begins.

        After an assignment that is the committed offset. A record beyond it is accepted only when
        the log holds none between them (a transaction's markers take offsets, too).
        """
        begin = self.next(topic, partition)
        self.no_jump(topic, partition, begin, offset)
        return begin

    def next(self, topic: str, partition: int) -> int:
        """Where the next Frame begins."""
        key = (topic, partition)
        if key not in self._next:
            self._ask()
        if key not in self._next:
            raise Jump(f"{topic}/{partition} has no committed offset: run `midstream topics create` first")
        return self._next[key]

    def only_markers(self, topic: str, partition: int, upto: int) -> bool:
        """Whether there are offsets below `upto` that were not taken, and none of them holds a record."""
        begin = self.next(topic, partition)
        return begin < upto and not records_between(self._connection, topic, partition, begin, upto)

    def no_jump(self, topic: str, partition: int, expected: int, offset: int) -> None:
        """Raises Jump when the log holds a record in [expected, offset)."""
        if offset > expected and records_between(self._connection, topic, partition, expected, offset):
            raise Jump(
                f"{topic}/{partition}: the record at {offset} came before the one at {expected}; "
                "the worker begins again at the committed offset"
            )

    def reached(self, topic: str, partition: int, offset: int) -> None:
        self._next[topic, partition] = offset

    def _ask(self) -> None:
        """All partitions of the group at once: a question is a connection. What is known already has gone further."""
        for key, committed in self._connection.group_offsets(self._group).items():
            self._next.setdefault(key, committed)
