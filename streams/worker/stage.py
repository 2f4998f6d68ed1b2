"""A stage as the Faust shell drives it: what it reads, what it writes, and how it processes one partition's records."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from streams import frame as frames
from streams import letter as letters
from streams.document import Source
from streams.frame import Back, Damaged, Frame, NoFrame, Outcome
from streams.index import signatures
from streams.kafka.producer import Delivery
from streams.pipeline import Pack, Prepare, Record
from streams.redact.stage import Redact
from streams.stages import SOURCES
from streams.worker.attempts import Attempts
from streams.worker.counts import Counts
from streams.worker.watchdog import Watchdog

if TYPE_CHECKING:
    from streams.index.index import Judged
    from streams.worker.restore import Restored

log = logging.getLogger("midstream.streams")


class Disagreement(RuntimeError):
    """A record of `candidates` got other verdicts than the first time: our own bug, and dedup stops."""


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

    async def pass_over(self, delivery: Delivery, topic: str, partition: int, start: int, upto: int) -> None:
        """Deliver that [start, upto) holds no record; asked of a stage that takes many."""
        ...


@dataclass(frozen=True)
class Watch:
    """What a worker leaves behind for others to see: its counters, and the record that it is at."""

    counts: Counts
    attempts: Attempts
    watchdog: Watchdog
    errors: list[BaseException] = field(default_factory=list)
    """What ended the worker."""

    def begin(self, topic: str, partition: int, offset: int) -> None:
        self.watchdog.beat()
        self.attempts.begin(f"{topic}/{partition}/{offset}")

    def passed(self, topic: str, partition: int, offset: int) -> None:
        """The record at `offset` brought nothing that could be taken."""
        self.attempts.done(topic, partition, offset + 1)
        self.counts.count("passed")

    def foreign(self, topic: str, partition: int, offset: int) -> None:
        """The record at `offset` is none of ours."""
        self.attempts.done(topic, partition, offset + 1)
        self.counts.count("foreign")

    def end(self, topic: str, partition: int, upto: int, delivered: Sequence[Outcome], began: float) -> None:
        """What came of the records below `upto` is delivered."""
        self.attempts.done(topic, partition, upto)
        for outcome in delivered:
            self.counts.add(outcome, time.thread_time() - began)
            began = time.thread_time()

    def report(self) -> None:
        """Called once a second by the event loop."""
        self.watchdog.beat()
        self.counts.report()


class PrepareStage:
    name, output, takes_many = "prepare", "candidates", True
    inputs: tuple[str, ...] = SOURCES

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
        step = replace(self._step, begin=partial(self.watch.begin, topic, partition))
        for outcome in step(source, start, (_record(m) for m in messages)):
            delivered = await delivery.outcome(outcome, 0)
            self.watch.end(topic, partition, outcome.frame.upto, delivered, began)
            began = time.thread_time()

    async def pass_over(self, delivery: Delivery, topic: str, partition: int, start: int, upto: int) -> None:
        source = Source(topic, self._topic_ids[topic], partition)
        await delivery.frame(Frame(source=source, start=start, upto=upto, tallies=[]), 0)


class _OneByOne:
    """A stage that takes one record at a time."""

    name: str
    watch: Watch

    def __init__(self, topic_id: str) -> None:
        """`topic_id`: of the topic that it reads."""
        self._topic_id = topic_id

    async def _pass_foreign(self, delivery: Delivery, topic: str, message: Any) -> None:
        """Somebody else's record: nothing of ours is in it, so marks prove that nothing is missing."""
        source = Source(topic, self._topic_id, message.partition)
        letter = letters.of_foreign(source, message.offset, message.value or b"", self.name)
        await delivery.letter(source, letter)
        self.watch.foreign(topic, message.partition, message.offset)

    async def pass_over(self, delivery: Delivery, topic: str, partition: int, start: int, upto: int) -> None:
        raise RuntimeError("only a stage of source topics meets a transaction's markers")


class EachFrame(_OneByOne):
    """Redact and pack: a Frame in, a Frame out."""

    takes_many = False

    def __init__(
        self, name: str, reads: str, writes: str, step: Redact | Pack, watch: Watch, topic_id: str
    ) -> None:  # fmt: skip
        super().__init__(topic_id)
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
            frame = frames.decode_or_none(message.value, f"{topic}/{partition} at {message.offset}")
            if frame is None:
                await self._pass_foreign(delivery, topic, message)
                continue
            delivered = await delivery.outcome(self._step(frame), partition, frame.documents)
            self.watch.end(topic, partition, message.offset + 1, delivered, began)


class DedupStage(_OneByOne):
    """The index's one head. Its state begins anew with each assignment, from the log `signatures`."""

    name, output, takes_many = "dedup", "unique", False
    inputs: tuple[str, ...] = ("candidates",)

    def __init__(self, restore: Callable[[int], Restored], watch: Watch, topic_id: str) -> None:
        """`restore`: committed offset of `candidates` to the index as it was there; called in a thread."""
        super().__init__(topic_id)
        self._restore = restore
        self.watch = watch
        self._restored: Restored | None = None

    def forget(self) -> None:
        self._restored = None

    async def process(
        self, delivery: Delivery, topic: str, partition: int, start: int, messages: Sequence[Any], began: float
    ) -> None:
        if self._restored is None:
            self._restored = await asyncio.to_thread(self._restore, start)
            began = time.thread_time()
        for message in messages:
            self.watch.begin(topic, partition, message.offset)
            await self._take(delivery, self._restored, message, began)
            marks = dict(self._restored.index.marks.items())
            self.watch.counts.put(marks=marks, candidates=message.offset + 1)

    async def _take(self, delivery: Delivery, restored: Restored, message: Any, began: float) -> None:
        """Judge the record unless it was judged before; its Applied record goes first, then what falls out."""
        time_ms = int((message.timestamp or 0) * 1000)
        candidate, foreign = _candidate(message, message.offset in restored.pending)
        earlier = restored.pending.pop(message.offset, None)
        if earlier is not None and not earlier.names(candidate, time_ms):
            restored.index.apply(earlier)
            log.error(
                "candidates/0 at %d holds another record than dedup took there: it is passed over", message.offset
            )
            self.watch.passed("candidates", 0, message.offset)
            return
        if earlier is not None:
            candidate = restored.index.as_before(candidate, earlier)
        judged = restored.index.judge(candidate, message.offset, time_ms)
        if earlier is not None and earlier.insertions != judged.applied.insertions:
            raise Disagreement(
                f"candidates/0 at {message.offset} was judged otherwise before: the index is not the log's"
            )
        if earlier is None:
            await delivery.record("signatures", signatures.encode(judged.applied))
        if foreign:
            await self._pass_foreign(delivery, "candidates", message)
            return
        if judged.frame is None:
            self._untaken(judged)
            return
        outcome = Outcome(judged.frame, judged.rejections)
        delivered = await delivery.outcome(outcome, judged.frame.source.partition)
        self.watch.end("candidates", 0, message.offset + 1, delivered, began)

    def _untaken(self, judged: Judged) -> None:
        record = judged.applied
        if record.form == "passed":
            log.error(
                "%s: offsets %d to %d are missing before a Frame in candidates, which is passed over; "
                "run `midstream repair`", record.source, record.upto, record.frame_start - 1,
            )  # fmt: skip
        self.watch.passed("candidates", 0, record.offset)


def _candidate(message: Any, judged: bool) -> tuple[Frame | Back | None, bool]:
    """A record of `candidates`, None for one that brings nothing; and whether that is because it is none of ours.

    `judged`: the offset has an Applied record, so nothing depends on what stands there now. Raises Damaged otherwise.
    """
    value = message.value
    try:
        return (frames.decode_candidate(value, f"candidates/0 at {message.offset}") if value else None), False
    except NoFrame:
        return None, True
    except Damaged:
        if judged:
            return None, False
        raise


def _record(message: Any) -> Record:
    headers = message.headers or {}
    return Record(
        offset=message.offset, key=message.key, value=message.value, headers=dict(headers),
        time_ms=int((message.timestamp or 0) * 1000),
    )  # fmt: skip
