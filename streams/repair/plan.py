"""What is missing between the stages, and the steps that bring it back, from what the logs hold (architecture §2.10).

Pure: a Survey in, steps out. Marks are compared at every joint. A stage is set back to what the next one has taken and
never forward past it; what comes twice is dropped by the marks. Only what the source no longer holds is lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from streams.document import Source
from streams.repair.steps import PassOver, Resend, Rewind, Skip, Step, TakeBack

PASSES = 1_000
"""Steps are found one joint at a time; a plan that grows beyond this many is our own bug."""


@dataclass(frozen=True)
class Span:
    """A Frame, or a Back (`start` and `upto` are its target), where it stands in a log."""

    offset: int
    source: Source
    start: int
    upto: int
    back: bool = False
    damaged: bool = False
    """Its head can be read and the rest cannot: the stage that reads it stops there."""
    misfit: bool = False
    """Of `examples`: it was packed under another setting than the checkpoint's, so the trainer does not take it."""

    def carries(self, mark: int) -> bool:
        """Whether a mark is moved on by it."""
        return not (self.back or self.damaged or self.misfit) and self.start <= mark < self.upto


class Logs(Protocol):
    """The Frames' logs: `unique`, `clean` and `examples` by partition, `candidates` at partition 0."""

    def spans(self, topic: str, partition: int, start: int, upto: int | None = None) -> Iterable[Span]:
        """Of the records at [start, upto) that are still there, in order; upto None: to the end."""
        ...

    def dedup_carries(self, source: Source, mark: int) -> int | None:
        """The first offset of `candidates` at which dedup took a Frame that moved `mark` on, if just that Frame still
        stands there."""
        ...

    def replays(self, start: int, upto: int) -> Iterable[Span]:
        """What dedup hands on again when it begins at `start` of `candidates`, up to `upto`."""
        ...


@dataclass
class Survey:
    """How far each part has come. Offsets are the next ones, keyed by `Source.key` or by partition."""

    sources: dict[str, Source]
    first: dict[str, int]
    """The first offset that each source still holds."""
    prepare: dict[str, int]
    """Committed."""
    dedup: int
    """Committed in `candidates`."""
    dedup_marks: dict[str, int]
    """After the records of `candidates` below `dedup`."""
    redact: dict[int, int]
    """Committed in `unique`."""
    pack: dict[int, int]
    """Committed in `clean`."""
    feed: dict[int, int]
    """Of the newest checkpoint in `examples`."""
    feed_marks: dict[str, int]
    expired: list[Rewind] = field(default_factory=list)
    """Groups below what their logs still hold, and where these begin."""
    took_back: dict[str, int] = field(default_factory=dict)
    """Where this plan takes a source's mark back to: from there on everything flows again."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Up to where this plan passes what a source no longer holds, or sends it again."""
    dedup_end: int = 0
    """Where dedup stood before this plan."""

    def __post_init__(self) -> None:
        self.dedup_end = self.dedup

    def damaged_at(self, logs: Logs, offset: int) -> bool:
        """Whether the record at the offset of `candidates` is damaged."""
        return any(span.damaged for span in logs.spans("candidates", 0, offset, offset + 1))


@dataclass(frozen=True)
class Missing:
    """Offsets of a source that one part has taken and the next one will never see."""

    source: Source
    start: int
    upto: int
    before: str
    """The part that they do not reach."""

    def __str__(self) -> str:
        return f"{self.source}: offsets {self.start} to {self.upto - 1} do not reach {self.before}"


def missing(survey: Survey, logs: Logs) -> list[Missing]:
    """What lies nowhere on its way; empty when marks agree, or will once everything under way has been taken."""
    gaps: list[Missing] = []
    reach, ahead = reaches(survey, logs)[-1], dedup_reaches(survey, logs)
    for key, source in sorted(survey.sources.items()):
        if reach[key] < survey.dedup_marks[key]:
            gaps.append(Missing(source, reach[key], survey.dedup_marks[key], "the trainer"))
        upto = max(survey.prepare[key], survey.first[key])
        if ahead[key] < upto:
            gaps.append(Missing(source, ahead[key], upto, "dedup"))
    return gaps


def reaches(survey: Survey, logs: Logs) -> list[dict[str, int]]:
    """The feed's marks after what is in `examples`, then in `clean`, then in `unique`, then what dedup repeats."""
    marks, joints = dict(survey.feed_marks), []
    for topic, begins in (("examples", survey.feed), ("clean", survey.pack), ("unique", survey.redact)):
        for partition, start in sorted(begins.items()):
            carry(marks, logs.spans(topic, partition, start))
        joints.append(dict(marks))
    if survey.dedup < survey.dedup_end:
        carry(marks, logs.replays(survey.dedup, survey.dedup_end))
    return [*joints, marks]


def dedup_reaches(survey: Survey, logs: Logs) -> dict[str, int]:
    """Dedup's marks once it has taken what waits in `candidates`."""
    marks = dict(survey.dedup_marks)
    carry(marks, logs.spans("candidates", 0, survey.dedup_end))
    back = {key: min(mark, survey.took_back.get(key, mark)) for key, mark in marks.items()}
    return {key: max(mark, survey.skipped.get(key, mark)) for key, mark in back.items()}


def carry(marks: dict[str, int], spans: Iterable[Span]) -> None:
    """Move the marks over the Frames in order; what lies above a mark is passed over."""
    for span in spans:
        mark = marks.get(span.source.key)
        if mark is None:
            continue
        if span.back and not span.damaged:
            marks[span.source.key] = min(mark, span.upto)
        elif span.carries(mark):
            marks[span.source.key] = span.upto


def plan(survey: Survey, logs: Logs) -> list[Step]:
    """The steps after which nothing is missing but what a Skip names. Changes `survey` to what it will be then."""
    steps: list[Step] = [*survey.expired, *pass_damaged(survey, logs)]
    for _ in range(PASSES):
        following = _next(survey, logs)
        if following is None:
            return _merged(steps)
        steps.append(following)
        _apply(survey, following)
    raise RuntimeError(f"no end of repairs: {steps[-3:]}")


def pass_damaged(survey: Survey, logs: Logs) -> list[PassOver]:
    """Over the damaged records that stages stand at; what lay in them is then missing, like anything else.

    Of redact and pack, what lies before such a record may be above the committed offset, when the next stage has taken
    it. Dedup has to stand just there. Changes `survey`.
    """
    passed: list[PassOver] = []
    while survey.damaged_at(logs, survey.dedup):
        passed.append(PassOver("dedup", "candidates", 0, survey.dedup))
        survey.dedup = survey.dedup_end = survey.dedup + 1
    joints = reaches(survey, logs)
    for stage, topic, marks, committed in (
        ("pack", "clean", joints[0], survey.pack),
        ("redact", "unique", joints[1], survey.redact),
    ):
        for partition, start in sorted(committed.items()):
            for span in logs.spans(topic, partition, start):
                if span.damaged:
                    passed.append(PassOver(stage, topic, partition, span.offset))
                    committed[partition] = span.offset + 1
                elif marks.get(span.source.key, span.upto) < span.upto:
                    break
    return passed


def _next(survey: Survey, logs: Logs) -> Step | None:
    """The first joint that does not lead on."""
    joints = reaches(survey, logs)
    for key, source in sorted(survey.sources.items()):
        if key not in survey.took_back and joints[-1][key] < survey.dedup_marks[key]:
            return _downstream(survey, logs, source, [joint[key] for joint in joints])
    ahead = dedup_reaches(survey, logs)
    for key, source in sorted(survey.sources.items()):
        if ahead[key] < survey.first[key]:
            return _without_source(survey, logs, source, ahead[key])
        if survey.prepare[key] > ahead[key] or survey.prepare[key] < survey.first[key]:
            return Rewind("prepare", source.topic, source.partition, max(ahead[key], survey.first[key]))
    return None


def _without_source(survey: Survey, logs: Logs, source: Source, mark: int) -> Resend | Skip:
    """On from a mark that lies before what the source still holds: by what stands in `candidates`, where dedup passed
    over it, will do so, or took it before its mark went back; and over the rest."""
    ahead = [
        span
        for span in logs.spans("candidates", 0, 0)
        if span.source == source and span.upto > mark and not (span.back or span.damaged)
    ]
    carrying = [span for span in ahead if span.carries(mark)]
    if carrying:
        longest = max(carrying, key=lambda span: span.upto)
        return Resend(source, longest.offset, longest.start, longest.upto)
    return Skip(source, mark, min([survey.first[source.key], *(span.start for span in ahead)]))


def _downstream(survey: Survey, logs: Logs, source: Source, joints: list[int]) -> Step:
    """`joints`: the feed's mark after `examples`, after `clean`, after `unique`, after what dedup repeats."""
    p = source.partition
    for stage, topic, mark, committed in (
        ("pack", "clean", joints[0], survey.pack[p]),
        ("redact", "unique", joints[1], survey.redact[p]),
    ):
        for span in logs.spans(topic, p, 0, committed):
            if span.source == source and span.carries(mark):
                return Rewind(stage, topic, p, span.offset)
    offset = logs.dedup_carries(source, joints[-1])
    if offset is not None and offset < survey.dedup:
        return Rewind("dedup", "candidates", 0, offset)
    return TakeBack(source, joints[-1])


def _apply(survey: Survey, step: Step) -> None:
    match step:
        case Rewind("prepare", topic, partition, offset):
            key = next(k for k, s in survey.sources.items() if (s.topic, s.partition) == (topic, partition))
            survey.prepare[key] = offset
        case Rewind("dedup"):
            survey.dedup = step.offset
        case Rewind("redact"):
            survey.redact[step.partition] = step.offset
        case Rewind("pack"):
            survey.pack[step.partition] = step.offset
        case TakeBack(source, to):
            survey.took_back[source.key] = to
        case Skip(source, _, upto) | Resend(source, _, _, upto):
            survey.skipped[source.key] = upto


def _merged(steps: list[Step]) -> list[Step]:
    """Of several Rewinds of one partition the last, lowest one counts; the records for `candidates` go first. What is
    passed over goes before Rewinds, which may lead back before it."""
    rewinds = {(s.stage, s.topic, s.partition): s for s in steps if isinstance(s, Rewind)}
    others = [s for kind in (TakeBack, Skip | Resend, PassOver) for s in steps if isinstance(s, kind)]
    return [*others, *rewinds.values()]
