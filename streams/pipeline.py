"""Prepare and pack as plain functions: records or a Frame in, Outcomes out; no Kafka, no clock. Dedup is
`streams.index`, redact `streams.redact.stage`.

The same functions run in the Faust worker, in memory and in the tests. `call` is how a step is
applied to one document: directly, or in a child process when the worker is careful.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from model.example import Example
from streams import letter as letters
from streams.document import Document, Origin, Source
from streams.each import Call, directly, each
from streams.event import MAX_RECORD_BYTES
from streams.frame import MAX_BYTES, MAX_DOCUMENTS, DeadLetter, Frame, Outcome, Rejection, Tally, encode
from streams.pack.pack import Packer
from streams.pack.together import groups, pack_together
from streams.prepare.expand import Expansion, expand
from streams.prepare.recipes.recipe import Recipe
from streams.prepare.rules.rule import Verdict

FORM = "midstream.form"
"""Header of a record of `retries`: what its value is, event or document; or that it is a removal and has none."""
REMOVAL = b"removal"


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
    documents: list[Document] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    time_ms: int = 0

    @property
    def size(self) -> int:
        """Bytes as encoded."""
        return len(encode(Frame(source=_NOWHERE, start=0, upto=0, tallies=[self.tally], documents=self.documents)))


_NOWHERE = Source("", "", 0)


class TooLarge(ValueError):
    """A source record is larger than one may be: a cluster checks the length of a batch when it is compressed."""


def unattended(offset: int) -> None:
    """Nobody wants to know which record is worked on."""


@dataclass(frozen=True)
class Prepare:
    recipe: Recipe
    call: Call = directly
    begin: Callable[[int], None] = unattended
    """Called with each record's offset before it is worked on."""

    def __call__(self, source: Source, start: int, records: Iterable[Record]) -> Iterator[Outcome]:
        """Frames of consecutive records of one source partition; the first begins at `start`.

        Each is made when it is asked for, so that no more than one is held.
        """
        group: list[_Prepared] = []
        count = size = 0
        for record in records:
            prepared = self._record(source, record)
            n, b = len(prepared.documents), prepared.size
            if group and (count + n > MAX_DOCUMENTS or size + b > MAX_BYTES):
                yield _frame(source, start, group)
                start, group, count, size = group[-1].tally.offset + 1, [], 0, 0
            group.append(prepared)
            count, size = count + n, size + b
        if group:
            yield _frame(source, start, group)

    def _record(self, source: Source, record: Record) -> _Prepared:
        self.begin(record.offset)
        replaces = ""
        try:
            replaces = _replaced(source, record)
            expansion = self.call(expand_record, source.topic, record)
        except Exception as error:
            letter = letters.of_event(source, record.offset, record.value or b"", error)
            dead = letter.without_value() if isinstance(error, TooLarge) else letter
            return _Prepared(Tally(record.offset, 1, dead=[0], replaces=replaces), dead=[dead], time_ms=record.time_ms)
        return self._weigh(source, record, expansion, replaces)

    def _weigh(self, source: Source, record: Record, expansion: Expansion, replaces: str) -> _Prepared:
        from streams.prepare.prepare import weigh  # with numba, 1.4 s and 80 MB that redact and pack do without

        rejected: list[int] = []
        prepared = _Prepared(Tally(record.offset, expansion.seen, replaces=replaces), time_ms=record.time_ms)
        for b in expansion.broken:
            prepared.dead.append(letters.of_element(source, record.offset, b.index, b.value, b.error))
        for document in expansion.documents:
            try:
                weighed = self.call(weigh, document, self.recipe)
            except Exception as error:
                prepared.dead.append(letters.of_document(source, document, "prepare", error))
                continue
            if isinstance(weighed, Verdict):
                rejected.append(document.index)
                prepared.rejections.append(_rejection(source, document, weighed))
            else:
                prepared.documents.append(weighed)
        dead = sorted(letter.origin.index for letter in prepared.dead)
        prepared.tally = prepared.tally.with_rejected(rejected).with_dead(dead)
        return prepared


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
        outcome = each(msgspec.structs.replace(frame, documents=alone), "pack", self.call, self.packer.pack)
        examples += (e for pieces in outcome.frame.documents for e in pieces)  # type: ignore[attr-defined]
        examples.sort(key=lambda e: (e.offset, e.index, e.piece))
        packed = msgspec.structs.replace(
            outcome.frame,
            documents=[],
            examples=examples,
            tokenizer=self.packer.tokenizer.hash,
            packing=self.packer.packing,
        )
        return Outcome(packed, dead=outcome.dead)


def expand_record(topic: str, record: Record) -> Expansion:
    """What a record of a source topic holds; a removal holds nothing.

    Raises TooLarge before anything is decoded, otherwise what `streams.prepare.expand.expand` does: then the record
    dies whole, and counts as one document.
    """
    form = record.headers.get(FORM, b"") if topic == "retries" else b""
    if topic == "retries" and (form == REMOVAL or record.value is None):
        return Expansion([])
    value = record.value or b""
    if len(value) > MAX_RECORD_BYTES:
        raise TooLarge
    if form != b"document":
        return expand(value, record.offset)
    document = msgspec.msgpack.decode(value, type=Document)
    document.offset, document.index = record.offset, 0
    return Expansion([document])


def count_documents(source: Source, record: Record) -> int:
    """Documents of a source record, as prepare counts them: one that dies whole is one."""
    try:
        _replaced(source, record)
        return expand_record(source.topic, record).seen
    except Exception:  # whatever it is, prepare could not read it either
        return 1


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


def _rejection(source: Source, document: Document, verdict: Verdict) -> Rejection:
    return Rejection(
        origin=document.origin(source), stage="prepare", rule=verdict.rule, reason=verdict.reason,
        measure=float(verdict.measure), kind=document.kind, repository=document.repository, path=document.path,
    )  # fmt: skip
