"""Every source record of a story, also when no log holds it any more."""

from __future__ import annotations

from collections.abc import Iterator

from streams.document import Origin, Source
from streams.pipeline import Record, count_documents, expand_record
from tests.support.simulation.cluster import Row

Place = tuple[str, int, int, int]
"""A document's topic id, partition, offset, index in the event."""


class Produced:
    def __init__(self, ids: dict[str, str]) -> None:
        """`ids`: of the source topics, by name."""
        self._names = {topic_id: name for name, topic_id in ids.items()}
        self._rows: dict[tuple[str, int, int], Row] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, topic_id: str, partition: int, row: Row) -> None:
        self._rows[topic_id, partition, row.offset] = row

    def value(self, topic_id: str, partition: int, offset: int) -> bytes | None:
        return self._rows[topic_id, partition, offset].value

    def documents(self) -> Iterator[Place]:
        """Of every source record."""
        for topic_id, partition, offset in self._rows:
            yield from self.documents_at(topic_id, partition, offset)

    def documents_at(self, topic_id: str, partition: int, offset: int) -> Iterator[Place]:
        """Of one record; none where there never was one (a transaction's marker)."""
        if (topic_id, partition, offset) in self._rows:
            topic, record = self._record(topic_id, partition, offset)
            for index in range(count_documents(Source(topic, topic_id, partition), record)):
                yield topic_id, partition, offset, index

    def texts(self, topic_id: str, partition: int, offset: int) -> list[str]:
        """The event's texts; none when it cannot be parsed."""
        try:
            return [d.parts[0].text for d in expand_record(*self._record(topic_id, partition, offset)).documents]
        except Exception:
            return []

    def text(self, origin: str) -> list[str]:
        """The text of one document, where it has one."""
        o = Origin.parse(origin)
        return self.texts(o.topic_id, o.partition, o.offset)[o.index : o.index + 1]

    def _record(self, topic_id: str, partition: int, offset: int) -> tuple[str, Record]:
        row = self._rows[topic_id, partition, offset]
        return self._names[topic_id], Record(row.offset, row.key, row.value, dict(row.headers))
