"""A Survey of a cluster: how far each part has come, and the logs' Frames without what is in them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from streams import frame as frames
from streams.document import Source
from streams.frame import Frame
from streams.index.signatures import Head
from streams.kafka.connection import Connection, Offsets
from streams.kafka.log import read
from streams.kafka.topics import Genesis, check
from streams.repair.plan import Span, Survey
from streams.repair.steps import Rewind
from streams.stages import SOURCES, STAGE, STAGES
from streams.worker.settle import heads

log = logging.getLogger("midstream.streams")


class KafkaLogs:
    """The logs of a `streams.repair.plan.Logs` on Kafka. What was read is kept: a plan asks for it many times."""

    def __init__(self, connection: Connection, takes: Callable[[Frame], bool] = lambda frame: True) -> None:
        """`takes`: whether the checkpoint can be trained on a Frame of `examples`; one that it cannot be trained on is
        passed over by the trainer, so it carries no mark on."""
        self._connection, self._takes = connection, takes
        topics = [stage.writes for stage in STAGES]
        self._first, self._ends = connection.beginning_offsets(topics), connection.end_offsets(topics)
        self._spans: dict[tuple[str, int, int, int], list[Span]] = {}
        first: dict[int, Head] = {}
        for head in heads(connection):
            first.setdefault(head.offset, head)
        self.applied = [head for _, head in sorted(first.items())]
        """The first Applied record of each offset of `candidates`, in their order."""

    def spans(self, topic: str, partition: int, start: int, upto: int | None = None) -> list[Span]:
        begin = max(start, self._first[topic, partition])
        end = min(self._ends[topic, partition] if upto is None else upto, self._ends[topic, partition])
        key = (topic, partition, begin, end)
        if key not in self._spans:
            self._spans[key] = list(self._read(*key))
        return self._spans[key]

    def _read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Span]:
        for logged in read(self._connection, topic, partition, start, end) if start < end else ():
            if logged.value:
                try:
                    head = frames.decode_head(logged.value)
                except frames.NoFrame:  # it carries no mark on
                    log.warning("%s/%d at %d holds no Frame: it is passed over", topic, partition, logged.offset)
                    continue
                back = head.t == "back"
                start, upto = (head.to, head.to) if back else (head.start, head.upto)
                damaged = frames.is_damaged(logged.value)
                misfit = topic == "examples" and not damaged and not self._takes(frames.decode(logged.value))
                yield Span(logged.offset, head.source, start, upto, back, damaged, misfit)

    def dedup_carries(self, source: Source, mark: int) -> int | None:
        return next(
            (s.offset for s in self._taken(0) if s.source == source and s.carries(mark) and self._stands(s)), None
        )

    def replays(self, start: int, upto: int) -> Iterator[Span]:
        return (span for span in self._taken(start) if span.offset < upto and self._stands(span))

    def _taken(self, start: int) -> Iterator[Span]:
        """What dedup took, each with the mark from which it did."""
        marks: dict[str, int] = {}
        for head in self.applied:
            key = head.source.key
            if head.form == "frame" and head.offset >= start and head.upto > marks.get(key, 0):
                yield Span(head.offset, head.source, marks.get(key, 0), head.upto)
            if head.form in ("frame", "back"):
                marks[key] = head.upto

    def _stands(self, span: Span) -> bool:
        """Whether `candidates` still holds, at the offset, the record that was taken there."""
        if not self._first["candidates", 0] <= span.offset < self._ends["candidates", 0]:
            return False
        logged = next(read(self._connection, "candidates", 0, span.offset, span.offset + 1), None)
        if logged is None or not logged.value:
            return False
        head = next(h for h in self.applied if h.offset == span.offset)
        try:
            return head.names(frames.decode_candidate(logged.value), logged.time_ms)
        except (frames.NoFrame, frames.Damaged):
            return False


def survey(
    connection: Connection, logs: KafkaLogs, feed_marks: Mapping[str, int], feed_offsets: Sequence[int]
) -> Survey:  # fmt: skip
    """`feed_marks` and `feed_offsets` are the newest checkpoint's; empty before the first. Raises TopicsError."""
    identity = check(connection)
    sources = [
        Source(topic, identity.topics[topic].id, partition)
        for topic in SOURCES
        for partition in range(len(identity.topics[topic].starts))
    ]
    committed = {stage.name: _committed(connection, stage.name) for stage in STAGES}
    first = connection.beginning_offsets(SOURCES)
    dedup = committed["dedup"]["candidates", 0]
    return Survey(
        sources={s.key: s for s in sources},
        first={s.key: first[s.topic, s.partition] for s in sources},
        prepare={s.key: committed["prepare"][s.topic, s.partition] for s in sources},
        dedup=dedup,
        dedup_marks=_dedup_marks(identity, logs.applied, dedup),
        redact={p: at for (_, p), at in committed["redact"].items()},
        pack={p: at for (_, p), at in committed["pack"].items()},
        feed=dict(enumerate(feed_offsets or identity.topics["examples"].starts)),
        feed_marks={**identity.marks, **feed_marks},
        expired=[r for stage in ("dedup", "redact", "pack") for r in _expired(connection, stage)],
    )


def _committed(connection: Connection, stage: str) -> Offsets:
    """Never below what is left: what was deleted shows as a gap between the marks."""
    topics = STAGE[stage].reads
    committed = connection.group_offsets(connection.group(stage))
    first, ends = connection.beginning_offsets(topics), connection.end_offsets(topics)
    if stage == "prepare":  # what the sources no longer hold is the plan's to see
        return {key: min(committed.get(key, 0), ends[key]) for key in ends}
    return {key: min(max(committed.get(key, 0), first[key]), ends[key]) for key in ends}


def _expired(connection: Connection, stage: str) -> Iterator[Rewind]:
    committed = connection.group_offsets(connection.group(stage))
    for (topic, partition), first in sorted(connection.beginning_offsets(STAGE[stage].reads).items()):
        if committed.get((topic, partition), first) < first:
            yield Rewind(stage, topic, partition, first)


def _dedup_marks(identity: Genesis, applied: Sequence[Head], upto: int) -> dict[str, int]:
    marks = dict(identity.marks)
    for head in applied:
        if head.offset < upto and head.form in ("frame", "back"):
            marks[head.source.key] = head.upto
    return marks
