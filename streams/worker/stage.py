"""A stage as the Faust shell drives it: what it reads, what it writes, and how it processes one partition's records."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from streams import frame as frames
from streams.document import Source
from streams.frame import Frame, Outcome
from streams.index import signatures
from streams.kafka.connection import Connection
from streams.kafka.producer import Delivery
from streams.pipeline import Pack, Prepare, Record, Redact
from streams.recipe import Thresholds
from streams.worker.attempts import Attempts
from streams.worker.counts import Counts

if TYPE_CHECKING:
    from streams.index.index import Index

SOURCES = ("commits", "issues", "notebooks", "files", "retries")


class Stage(Protocol):
    name: str
    inputs: tuple[str, ...]
    output: str
    watch: Watch
    takes_many: bool
    """Several records make a Frame (prepare); otherwise a record is one."""

    def forget(self) -> None:
        """Partitions were assigned anew."""
        ...

    async def process(
        self, delivery: Delivery, topic: str, partition: int, start: int, messages: Sequence[Any], began: float
    ) -> None:
        """Work on records of one partition in their order and deliver everything that comes of them."""
        ...


@dataclass(frozen=True)
class Watch:
    """What a worker leaves behind for others to see: its counters, and the record that it is at."""

    counts: Counts
    attempts: Attempts

    def begin(self, topic: str, partition: int, offset: int) -> None:
        self.attempts.begin(f"{topic}/{partition}/{offset}")

    def end(self, outcome: Outcome, began: float) -> None:
        self.attempts.done()
        self.counts.add(outcome, time.thread_time() - began)


class PrepareStage:
    name, inputs, output, takes_many = "prepare", SOURCES, "candidates", True

    def __init__(self, step: Prepare, topic_ids: dict[str, str], watch: Watch) -> None:
        self._step = step
        self._topic_ids = topic_ids
        self.watch = watch

    def forget(self) -> None:
        pass

    async def process(
        self, delivery: Delivery, topic: str, partition: int, start: int, messages: Sequence[Any], began: float
    ) -> None:
        source = Source(topic, self._topic_ids[topic], partition)
        self.watch.begin(topic, partition, messages[0].offset)
        outcomes = self._step(source, start, [_record(m) for m in messages])
        for outcome in outcomes:
            await delivery.outcome(outcome, 0)
            self.watch.end(outcome, began)
            began = time.thread_time()


class EachFrame:
    """Redact and pack: a Frame in, a Frame out."""

    takes_many = False

    def __init__(self, name: str, reads: str, writes: str, step: Redact | Pack, watch: Watch) -> None:
        self.name, self.inputs, self.output = name, (reads,), writes
        self._step = step
        self.watch = watch

    def forget(self) -> None:
        pass

    async def process(
        self, delivery: Delivery, topic: str, partition: int, start: int, messages: Sequence[Any], began: float
    ) -> None:
        for message in messages:
            self.watch.begin(topic, partition, message.offset)
            outcome = self._step(frames.decode(message.value))
            await delivery.outcome(outcome, partition)
            self.watch.end(outcome, began)


class DedupStage:
    """The index's one head. Its state begins anew with each assignment, from the log `signatures`."""

    name, inputs, output, takes_many = "dedup", ("candidates",), "unique", False

    def __init__(self, connection: Connection, thresholds: Thresholds, watch: Watch) -> None:
        self._connection = connection
        self._thresholds = thresholds
        self.watch = watch
        self._index: Index | None = None

    def forget(self) -> None:
        self._index = None

    async def process(
        self, delivery: Delivery, topic: str, partition: int, start: int, messages: Sequence[Any], began: float
    ) -> None:
        if self._index is None:
            from streams.worker.restore import restore  # with numba, 1.4 s and 80 MB that the other stages do without

            self._index = await asyncio.to_thread(restore, self._connection, self._thresholds, start)
            began = time.thread_time()
        for message in messages:
            self.watch.begin(topic, partition, message.offset)
            outcome, applied = self._judge(self._index, frames.decode(message.value), message.offset)
            await delivery.record("signatures", signatures.encode(applied))
            await delivery.outcome(outcome, applied.source.partition)
            self.watch.end(outcome, began)

    def _judge(self, index: Index, frame: Frame, offset: int) -> tuple[Outcome, signatures.Applied]:
        rest, rejections, applied = index.admit(frame, offset)
        return Outcome(rest, rejections), applied


def _record(message: Any) -> Record:
    headers = message.headers or {}
    return Record(
        offset=message.offset, key=message.key, value=message.value, headers=dict(headers),
        time_ms=int((message.timestamp or 0) * 1000),
    )  # fmt: skip
