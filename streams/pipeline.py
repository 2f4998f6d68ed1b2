"""The four stages as plain functions: records or a Frame in, Outcomes out; no Kafka, no clock.

The same functions run in the Faust worker, in memory and in the tests. `call` is how a step is
applied to one document: directly, or in a child process when the worker is careful.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from model.example import Example
from streams import event as events
from streams import redact as redaction
from streams.document import Document, Origin, Part, Source
from streams.frame import MAX_BYTES, MAX_DOCUMENTS, DeadLetter, Frame, Outcome, Rejection, Tally, encode
from streams.pack.pack import Packer
from streams.pack.together import groups, pack_together
from streams.prepare.rules import Verdict
from streams.recipe import Recipe

log = logging.getLogger("midstream.streams")

Call = Callable[..., Any]
"""call(step, *arguments) -> the step's value; raises what the step raises."""

FORM = "midstream.form"
"""Header of a retry: what its value is, event or document."""


def directly(step: Callable[..., Any], *arguments: Any) -> Any:
    return step(*arguments)


@dataclass(frozen=True)
class Record:
    """A source record as Kafka gave it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    time_ms: int = 0


@dataclass
class _Prepared:
    """One record's share of a Frame."""

    tally: Tally
    documents: list[Document]
    rejections: list[Rejection]
    dead: list[DeadLetter]
    time_ms: int = 0


@dataclass(frozen=True)
class Prepare:
    recipe: Recipe
    call: Call = directly

    def __call__(self, source: Source, start: int, records: Sequence[Record]) -> list[Outcome]:
        """Frames of consecutive records of one source partition; the first begins at `start`."""
        outcomes: list[Outcome] = []
        group: list[_Prepared] = []
        count = size = 0
        for prepared in (self._record(source, r) for r in records):
            n, b = len(prepared.documents), sum(d.size for d in prepared.documents)
            if group and (count + n > MAX_DOCUMENTS or size + b > MAX_BYTES):
                outcomes.append(_frame(source, start, group))
                start, group, count, size = group[-1].tally.offset + 1, [], 0, 0
            group.append(prepared)
            count, size = count + n, size + b
        if group:
            outcomes.append(_frame(source, start, group))
        return outcomes

    def _record(self, source: Source, record: Record) -> _Prepared:
        replaces = ""
        try:
            replaces = _replaced(source, record)
            if replaces and not record.value:
                return _Prepared(Tally(record.offset, 0, replaces=replaces), [], [], [], record.time_ms)
            form = record.headers.get(FORM, b"") if source.topic == "retries" else b""
            documents = self.call(parse, record.value or b"", record.offset, form)
        except Exception as error:
            prepared = _whole_dead(source, record, error)
            prepared.tally.replaces = replaces
            return prepared
        return self._weigh(source, record, documents, replaces)

    def _weigh(self, source: Source, record: Record, documents: list[Document], replaces: str) -> _Prepared:
        from streams.prepare.prepare import weigh  # with numba, 1.4 s and 80 MB that redact and pack do without

        prepared = _Prepared(Tally(record.offset, len(documents), replaces=replaces), [], [], [], record.time_ms)
        for document in documents:
            try:
                weighed = self.call(weigh, document, self.recipe)
            except Exception as error:
                prepared.tally.dead.append(document.index)
                prepared.dead.append(_dead(source, document, "prepare", error))
                continue
            if isinstance(weighed, Verdict):
                prepared.tally.rejected.append(document.index)
                prepared.rejections.append(_rejection(source, document, weighed))
            else:
                prepared.documents.append(weighed)
        return prepared


@dataclass(frozen=True)
class Redact:
    call: Call = directly

    def __call__(self, frame: Frame) -> Outcome:
        return _each(frame, "redact", self.call, redact_document)


@dataclass(frozen=True)
class Pack:
    packer: Packer
    call: Call = directly

    def __call__(self, frame: Frame) -> Outcome:
        together, alone = groups(self.packer, frame.documents)
        examples: list[Example] = []
        for group in together:
            try:
                examples += self.call(pack_together, self.packer, group)
            except Exception:  # one of them is at fault, and dies by itself
                alone += group
        alone.sort(key=lambda d: (d.offset, d.index))
        outcome = _each(msgspec.structs.replace(frame, documents=alone), "pack", self.call, self.packer.pack)
        examples += (e for made in outcome.frame.documents for e in made)  # type: ignore[attr-defined]
        examples.sort(key=lambda e: (e.offset, e.index, e.piece))
        packed = msgspec.structs.replace(
            outcome.frame,
            documents=[],
            examples=examples,
            tokenizer=self.packer.tokenizer.hash,
            packing=self.packer.packing,
        )
        return Outcome(packed, dead=outcome.dead)


def parse(value: bytes, offset: int, form: bytes = b"") -> list[Document]:
    """The documents of a record's value. Raises msgspec.DecodeError on what is no event."""
    if form == b"document":
        document = msgspec.msgpack.decode(value, type=Document)
        document.offset, document.index = offset, 0
        return [document]
    from streams.prepare.prepare import explode

    return explode(events.decode(value), offset)


def redact_document(document: Document) -> Document:
    """Every part, its label too, without secrets and personal data; a retry's earlier redactions stay counted."""
    counts = Counter(document.redactions)

    def clean(text: str) -> str:
        made, kinds = redaction.replace(text)
        counts.update(kinds)
        return made

    parts = [Part(p.role, clean(p.text), clean(p.label)) for p in document.parts]
    return msgspec.structs.replace(document, parts=parts, redactions=dict(sorted(counts.items())))


def _each(frame: Frame, stage: str, call: Call, step: Callable[[Document], Any]) -> Outcome:
    """The step on every document of the Frame; an exception on one dead-letters that one."""
    made: list[Any] = []
    dead: list[DeadLetter] = []
    for document in frame.documents:
        try:
            made.append(call(step, document))
        except Exception as error:
            dead.append(_dead(frame.source, document, stage, error))
    tallies = _with_dead(frame.tallies, dead)
    return Outcome(msgspec.structs.replace(frame, documents=made, tallies=tallies), dead=tuple(dead))


def _with_dead(tallies: list[Tally], dead: list[DeadLetter]) -> list[Tally]:
    if not dead:
        return tallies
    by_offset: dict[int, list[int]] = {}
    for d in dead:
        by_offset.setdefault(d.origin.offset, []).append(d.origin.index)
    return [
        msgspec.structs.replace(t, dead=[*t.dead, *by_offset[t.offset]]) if t.offset in by_offset else t
        for t in tallies
    ]


def _frame(source: Source, start: int, group: list[_Prepared]) -> Outcome:
    frame = Frame(
        source=source, start=start, upto=group[-1].tally.offset + 1, tallies=[p.tally for p in group],
        documents=[d for p in group for d in p.documents], time_ms=min(p.time_ms for p in group),
    )  # fmt: skip
    rejections = tuple(r for p in group for r in p.rejections)
    return Outcome(frame, rejections, tuple(d for p in group for d in p.dead))


def _replaced(source: Source, record: Record) -> str:
    """The origin that a record of `retries` names in its key. Raises ValueError when it names none."""
    if source.topic != "retries":
        return ""
    return str(Origin.parse((record.key or b"").decode()))


def _whole_dead(source: Source, record: Record, error: Exception) -> _Prepared:
    origin = Origin(source.topic_id, source.partition, record.offset, 0)
    log.warning("prepare: %s died whole: %s", origin, _where(error))
    letter = DeadLetter(
        origin=origin, stage="prepare", error=type(error).__name__, form="event", value=record.value or b"", whole=True
    )
    return _Prepared(Tally(record.offset, 1, dead=[0]), [], [], [letter], record.time_ms)


def _dead(source: Source, document: Document, stage: str, error: Exception) -> DeadLetter:
    log.warning("%s: %s died: %s", stage, document.origin(source), _where(error))
    return DeadLetter(
        origin=document.origin(source), stage=stage, error=type(error).__name__, form="document", value=encode(document)
    )


def _where(error: Exception) -> str:
    """The error's class and the line that raised it; never its message, which may hold a user's text."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})"


def _rejection(source: Source, document: Document, verdict: Verdict) -> Rejection:
    return Rejection(
        origin=document.origin(source), stage="prepare", rule=verdict.rule, reason=verdict.reason,
        measure=float(verdict.measure), kind=document.kind, repository=document.repository, path=document.path,
    )  # fmt: skip
