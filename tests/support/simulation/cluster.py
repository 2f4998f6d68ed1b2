"""Kafka in memory, with what operators, retention and power cuts do to it, behind the methods of `Connection`.

Only Kafka is faked here: the real shell, stages, restore, repair and feed run on it (simulation.py beside this).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

from kafka import TopicPartition

from streams.kafka.topics import _write_identity
from streams.stages import TOPICS

PARTITIONS = 2
PREFIX = "m."
Key = tuple[str, int]


class Row(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp: int


class Log:
    """One partition."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.first = self.end = 0

    def append(self, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]], time: int) -> int:
        self.rows.append(Row(self.end, key, value, headers, time))
        self.end += 1
        return self.end - 1

    def mark(self) -> None:
        """A transaction's marker: an offset without a record."""
        self.end += 1

    def cut(self, count: int) -> None:
        """A power cut: the last records were acknowledged and never reached the disk."""
        if count and self.rows:
            self.end = self.rows[-min(count, len(self.rows))].offset
            del self.rows[-count:]

    def expire(self, below: int) -> None:
        """Retention."""
        self.first = max(self.first, min(below, self.end))
        self.rows = [row for row in self.rows if row.offset >= self.first]

    def since(self, offset: int, count: int) -> list[Row]:
        return [row for row in self.rows if row.offset >= offset][:count]


class Cluster:
    """The methods of `streams.kafka.connection.Connection` that the path uses."""

    prefix = PREFIX
    brokers = "memory"

    def __init__(self) -> None:
        self.logs: dict[Key, Log] = {(t.name, p): Log() for t in TOPICS for p in range(t.count(PARTITIONS))}
        self.groups: dict[str, dict[Key, int]] = defaultdict(dict)
        self._generation: dict[str, int] = defaultdict(int)
        self.clock = 1_000
        names = [topic.name for topic in TOPICS]
        _write_identity(self, names, False)  # type: ignore[arg-type]

    def make_again(self, topic: str) -> None:
        """Somebody deletes the topic, and with it what groups committed there; `topics create` makes it again."""
        for key in [key for key in self.logs if key[0] == topic]:
            self.logs[key] = Log()
            for committed in self.groups.values():
                committed.pop(key, None)
        self._generation[topic] += 1
        _write_identity(self, [topic], True)  # type: ignore[arg-type]

    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]] = ()
    ) -> int:  # type: ignore[assignment]
        self.clock += 1
        return self.logs[topic, partition].append(key, value, list(headers), self.clock)

    def topic(self, name: str) -> str:
        return PREFIX + name

    def group(self, stage: str) -> str:
        return "m-" + stage

    def topics(self) -> dict[str, tuple[str, int]]:
        return {
            t.name: (f"{n:02x}{self._generation[t.name]:02x}" * 8, t.count(PARTITIONS)) for n, t in enumerate(TOPICS)
        }

    def topic_ids(self, names: Iterable[str]) -> dict[str, str]:
        known = self.topics()
        return {name: known[name][0] for name in names}

    def beginning_offsets(self, names: Iterable[str]) -> dict[Key, int]:
        return {key: log.first for key, log in self.logs.items() if key[0] in set(names)}

    def end_offsets(self, names: Iterable[str], committed: bool = True) -> dict[Key, int]:
        return {key: log.end for key, log in self.logs.items() if key[0] in set(names)}

    def group_offsets(self, group: str) -> dict[Key, int]:
        return dict(self.groups[group])

    def commit(self, group: str, offsets: Mapping[Key, int]) -> None:
        self.groups[group].update(offsets)

    def consumer(self, starts: Mapping[Key, int] | None = None, **changes: Any) -> Consumer:
        return Consumer(self, dict(starts or {}))

    def producer(self, **changes: Any) -> Producer:
        return Producer(self)


class Consumer:
    """kafka-python's, as far as `streams.kafka.log` and `streams.feed.examples` use it."""

    def __init__(self, cluster: Cluster, starts: dict[Key, int]) -> None:
        self._cluster = cluster
        self._at = {TopicPartition(PREFIX + topic, p): at for (topic, p), at in starts.items()}
        self._paused: set[TopicPartition] = set()

    def assignment(self) -> set[TopicPartition]:
        return set(self._at)

    def position(self, tp: TopicPartition) -> int:
        return self._at[tp]

    def pause(self, tp: TopicPartition) -> None:
        self._paused.add(tp)

    def resume(self, tp: TopicPartition) -> None:
        self._paused.discard(tp)

    def poll(self, timeout_ms: int = 0, max_records: int | None = None) -> dict[TopicPartition, list[Any]]:
        polled: dict[TopicPartition, list[Any]] = {}
        for tp, at in self._at.items():
            log = self._log(tp)
            assert log.first <= at <= log.end, f"{tp} {at} is out of range"
            rows = [] if tp in self._paused else log.since(at, max_records or 500)
            if rows:
                polled[tp] = [SimpleNamespace(**row._asdict(), partition=tp.partition, topic=tp.topic) for row in rows]
                self._at[tp] = rows[-1].offset + 1
            elif tp not in self._paused:
                self._at[tp] = log.end
        return polled

    def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: self._log(tp).end for tp in partitions}

    def close(self) -> None:
        pass

    def _log(self, tp: TopicPartition) -> Log:
        return self._cluster.logs[tp.topic.removeprefix(PREFIX), tp.partition]


class Producer:
    """kafka-python's: what it sends is there at once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def send(self, topic: str, value: bytes | None = None, key: bytes | None = None, partition: int = 0) -> Any:
        offset = self._cluster.append(topic.removeprefix(PREFIX), partition, key, value)
        return SimpleNamespace(get=lambda timeout=None: SimpleNamespace(offset=offset))

    def close(self) -> None:
        pass
