"""Where each partition's next Frame begins, and the guard against silent jumps (architecture §2.3, §2.9)."""

from __future__ import annotations

from collections.abc import Iterable

from streams.kafka.connection import Connection
from streams.kafka.log import records_between


class Jump(RuntimeError):
    """Records between the committed offset and the first one delivered are missing."""


class Expired(RuntimeError):
    """Records that a group has not read were deleted by retention."""


def check_committed(connection: Connection, group: str, topics: Iterable[str]) -> None:
    """Raises Expired when a committed offset lies below what the log still holds, and names what was lost.

    Without this the broker's answer would be an error in the middle of a fetch, or, with another
    setting, a silent jump.
    """
    names = list(topics)
    committed = connection.group_offsets(group)
    first = connection.beginning_offsets(names)
    lost = [
        f"{topic}/{partition} offsets {committed[topic, partition]} to {start - 1}"
        for (topic, partition), start in sorted(first.items())
        if committed.get((topic, partition), start) < start
    ]
    if lost:
        raise Expired(
            f"Deleted before group {group} had read them: {'; '.join(lost)}. They cannot be had back. "
            "To go on without them, start over with another prefix and ingest again; raise the topics' retention first."
        )


class Positions:
    def __init__(self, connection: Connection, group: str) -> None:
        self._connection = connection
        self._group = group
        self._next: dict[tuple[str, int], int] = {}

    def forget(self) -> None:
        self._next.clear()

    def start(self, topic: str, partition: int, offset: int) -> int:
        """Where the Frame that holds the record at `offset` begins.

        After an assignment that is the committed offset. A record beyond it is accepted only when
        the log holds none between them (a transaction's markers take offsets, too).
        """
        key = (topic, partition)
        if key not in self._next:
            self._next[key] = self._committed(topic, partition)
        self.no_jump(topic, partition, self._next[key], offset)
        return self._next[key]

    def no_jump(self, topic: str, partition: int, expected: int, offset: int) -> None:
        """Raises Jump when the log holds a record in [expected, offset)."""
        if offset > expected and records_between(self._connection, topic, partition, expected, offset):
            raise Jump(
                f"{topic}/{partition}: the record at {offset} came before the one at {expected}; "
                "the worker begins again at the committed offset"
            )

    def reached(self, topic: str, partition: int, offset: int) -> None:
        self._next[topic, partition] = offset

    def _committed(self, topic: str, partition: int) -> int:
        committed = self._connection.group_offsets(self._group).get((topic, partition))
        if committed is None:
            raise Jump(f"{topic}/{partition} has no committed offset: run `midstream topics create` first")
        return committed
