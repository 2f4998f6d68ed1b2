"""Faults put into the path on purpose: each was once tried as the obvious rule, and each breaks the promise.

A mutant is a name and a context in which the path has that fault. The simulation has to break under every one of them.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import msgspec

from streams import deadletters, pipeline
from streams.feed.feed import Feed
from streams.feed.fit import Gate
from streams.frame import Frame, Gap, Outcome
from streams.index.index import Index
from streams.kafka.positions import Expired
from streams.kafka.producer import Delivery
from streams.pipeline import Prepare
from streams.repair import act, plan
from streams.repair.plan import Span
from streams.repair.steps import Rewind, TakeBack
from streams.worker import app, restore, settle
from streams.worker.stage import DedupStage


@contextmanager
def a_passed_frame_moves_the_mark() -> Iterator[None]:
    judge, apply = Index.judge, Index.apply

    def judged(self: Index, candidate: Any, offset: int, time_ms: int = 0) -> Any:
        result = judge(self, candidate, offset, time_ms)
        if result.applied.form == "passed":
            self.marks.advance(candidate.source, candidate.upto)
        return result

    def applied(self: Index, record: Any) -> None:
        apply(self, record)
        if record.form == "passed":
            self.marks.advance(record.source, record.frame_upto)

    with patch.object(Index, "judge", judged), patch.object(Index, "apply", applied):
        yield


@contextmanager
def the_feed_moves_its_mark_over_a_passed_frame() -> Iterator[None]:
    def passed(self: Feed, frame: Frame, below: int, what: str) -> None:
        self._marks.advance(frame.source, frame.upto)

    with patch.object(Feed, "_pass", passed):
        yield


@contextmanager
def a_rewind_above_the_mark() -> Iterator[None]:
    following = plan._next

    def above(survey: Any, logs: Any) -> Any:
        step = following(survey, logs)
        if isinstance(step, Rewind) and step.stage == "prepare":
            end = logs._connection.end_offsets([step.topic])[step.topic, step.partition]
            return replace(step, offset=min(step.offset + 1, end))
        return step

    with patch.object(plan, "_next", above), patch.object(plan, "PASSES", 20):
        yield


@contextmanager
def the_feed_stops_at_a_gap() -> Iterator[None]:
    def stop(self: Feed, frame: Frame, below: int, what: str) -> None:
        raise Gap("missing")

    with patch.object(Feed, "_pass", stop):
        yield


@contextmanager
def a_stale_offset_is_judged_anew() -> Iterator[None]:
    take = DedupStage._take

    async def anew(self: DedupStage, delivery: Any, restored: Any, message: Any, began: float) -> None:
        restored.pending.clear()
        await take(self, delivery, restored, message, began)

    with patch.object(DedupStage, "_take", anew):
        yield


@contextmanager
def no_back() -> Iterator[None]:
    record = act._record
    with patch.object(act, "_record", lambda step: None if isinstance(step, TakeBack) else record(step)):
        yield


@contextmanager
def refusal_in_place_of_the_end() -> Iterator[None]:
    right = settle.settle

    def refuse(connection: Any, stage: str) -> Any:
        topics = settle.STAGE[stage].reads
        committed, ends = connection.group_offsets(connection.group(stage)), connection.end_offsets(topics)
        if any(committed.get(key, end) > end for key, end in ends.items()):
            raise Expired("beyond the end")
        return right(connection, stage)

    room = "tests.support.simulation"
    with patch(f"{room}.workers.settle", refuse), patch(f"{room}.simulation.settle", refuse):
        yield


@contextmanager
def an_empty_value_as_a_retry() -> Iterator[None]:
    retry, expand = deadletters.retry, pipeline.expand_record

    def removed(topic: str, record: Any) -> Any:
        return pipeline.Expansion([]) if topic == "retries" and record.value == b"" else expand(topic, record)

    def anyhow(origin: str, form: str, value: bytes) -> Any:
        return retry(origin, form, value) if value else deadletters.Retry(
            origin.encode(), b"", [(pipeline.FORM, form.encode())], deadletters.Origin.parse(origin).partition
        )  # fmt: skip

    with patch.object(deadletters, "retry", anyhow), patch.object(pipeline, "expand_record", removed):
        yield


@contextmanager
def an_event_split_over_frames() -> Iterator[None]:
    call = Prepare.__call__

    def split(self: Prepare, *arguments: Any) -> Iterator[Outcome]:
        for outcome in call(self, *arguments):
            frame = outcome.frame
            halves = [[d for d in frame.documents if d.index % 2 == n] for n in (0, 1)]
            if all(halves) and len(frame.tallies) == 1:
                (tally,) = frame.tallies
                for n, half in enumerate(halves):
                    share = msgspec.structs.replace(
                        tally, seen=len(half) + (len(tally.rejected) + len(tally.dead)) * (not n),
                        rejected=tally.rejected if not n else [], dead=tally.dead if not n else [],
                    )  # fmt: skip
                    part = msgspec.structs.replace(frame, documents=half, tallies=[share])
                    yield Outcome(part, () if n else outcome.rejections, () if n else outcome.dead)
            else:
                yield outcome

    with patch.object(Prepare, "__call__", split):
        yield


class _SignatureLast:
    def __init__(self, delivery: Any) -> None:
        self._delivery, self._later = delivery, []

    async def record(self, *arguments: Any) -> None:
        self._later.append(arguments)

    async def outcome(self, *arguments: Any) -> Any:
        return await self._delivery.outcome(*arguments)

    async def flush(self) -> None:
        for arguments in self._later:
            await self._delivery.record(*arguments)


@contextmanager
def the_frame_before_the_signature() -> Iterator[None]:
    take = DedupStage._take

    async def late(self: DedupStage, delivery: Any, restored: Any, message: Any, began: float) -> None:
        turned = _SignatureLast(delivery)
        await take(self, turned, restored, message, began)  # type: ignore[arg-type]
        await turned.flush()

    with patch.object(DedupStage, "_take", late):
        yield


@contextmanager
def the_frame_before_what_fell_out() -> Iterator[None]:
    deliver, fallen = Delivery.outcome, Delivery._fallen

    async def turned(self: Delivery, outcome: Outcome, partition: int, given: Any = ()) -> Any:
        delivered = await deliver(self, outcome, partition, given)
        await fallen(self, delivered)
        return delivered

    async def nothing(self: Delivery, parts: Sequence[Outcome]) -> None:
        return None

    with patch.object(Delivery, "outcome", turned), patch.object(Delivery, "_fallen", nothing):
        yield


@contextmanager
def no_filter_below_the_committed_offset() -> Iterator[None]:
    source = textwrap.dedent(inspect.getsource(app.Shell.work))
    assert "if e.message.offset >= start" in source
    namespace: dict[str, Any] = {}
    exec(source.replace("if e.message.offset >= start", "if True"), vars(app) | {}, namespace)
    with patch.object(app.Shell, "work", namespace["work"]):
        yield


@contextmanager
def restore_unbounded() -> Iterator[None]:
    rebuild = restore.rebuild

    def everything(index: Any, records: Any, first: int, begin: int, there: int = 0) -> Any:
        applied = list(records)
        return rebuild(index, applied, first, max([begin, *(record.offset + 1 for record in applied)]))

    with patch.object(restore, "rebuild", everything):
        yield


@contextmanager
def a_head_that_is_gone_ends_the_trainer() -> Iterator[None]:
    def within(partition: int, offset: int, first: int, end: int) -> int:
        if offset < first:
            raise Expired("deleted before it was trained on")
        return min(offset, end)

    with patch("tests.support.simulation.simulation.within", within):
        yield


@contextmanager
def a_misfit_is_refused_for_ever() -> Iterator[None]:
    def refuse(self: Gate, partition: int, offset: int, frame: Frame) -> bool:
        if wrong := self._fit.misfit(frame, "examples"):
            raise wrong
        return False

    with patch.object(Gate, "passes", refuse):
        yield


@contextmanager
def a_misfit_moves_the_mark() -> Iterator[None]:
    take = Feed._take_frame

    def taken(self: Feed, partition: int, offset: int, frame: Frame) -> None:
        take(self, partition, offset, frame)
        if not self._gate._fit.takes(frame) and frame.start <= self._marks[frame.source]:
            self._marks.advance(frame.source, frame.upto)

    with patch.object(Feed, "_take_frame", taken):
        yield


@contextmanager
def a_misfit_leads_on() -> Iterator[None]:
    def carries(self: Span, mark: int) -> bool:
        return not (self.back or self.damaged) and self.start <= mark < self.upto

    with patch.object(Span, "carries", carries):
        yield


MUTANTS: tuple[Callable[[], AbstractContextManager[None]], ...] = (
    a_passed_frame_moves_the_mark, the_feed_moves_its_mark_over_a_passed_frame, a_rewind_above_the_mark,
    the_feed_stops_at_a_gap, a_stale_offset_is_judged_anew, no_back, refusal_in_place_of_the_end,
    an_empty_value_as_a_retry, an_event_split_over_frames, the_frame_before_the_signature,
    the_frame_before_what_fell_out, no_filter_below_the_committed_offset, restore_unbounded,
    a_head_that_is_gone_ends_the_trainer, a_misfit_is_refused_for_ever, a_misfit_moves_the_mark, a_misfit_leads_on,
)  # fmt: skip
