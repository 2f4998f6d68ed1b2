"""The near-duplicate index: a state machine over the totally ordered log `candidates` (architecture §4).

First seen wins; only what matches nothing is inserted. State is the table, the origin of every
document in it, and one mark per source partition. The same sequence of Frames gives the same
verdicts, and `apply` of what `admit` returned gives the same state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from streams.document import Document, Origin, Source
from streams.frame import Back, Frame, Rejection, Tally
from streams.index import signatures
from streams.index.minhash import fingerprint, former_fingerprints
from streams.index.rows import KINDS, of_documents, of_insertions, path_id, version
from streams.index.signatures import Applied, Form, Insertion
from streams.index.table import SignatureTable
from streams.marks import Marks, Standing
from streams.recipe import Thresholds


class WrongIndex(RuntimeError):
    """The log was written by an index of other settings."""


@dataclass(frozen=True)
class Judged:
    """What dedup makes of one record of `candidates`."""

    frame: Frame | None
    """What is kept, to be handed on; None: nothing of the record was taken."""
    rejections: tuple[Rejection, ...]
    applied: Applied
    """The record for `signatures`."""


class Index:
    def __init__(self, thresholds: Thresholds, starts: dict[str, int], folder: Path | None = None) -> None:
        """`starts` are the first marks by `Source.key`: the offsets that `topics create` committed. `folder`: on whose
        disk the sets of shingles lie; None: that of temporary files."""
        self.fingerprint = fingerprint(thresholds.near, thresholds.version)
        self._former = former_fingerprints(thresholds.near, thresholds.version)
        self._table = SignatureTable(thresholds.near, thresholds.version, folder)
        self.marks = Marks(dict(starts))
        self._sources: dict[tuple[str, int], int] = {}
        self._origins = np.zeros((4096, 3), np.int64)
        self._reached: dict[str, int] = {}
        """Of sources that were taken back: the highest mark before, by `Source.key`."""

    def __len__(self) -> int:
        return self._table.count

    @property
    def nbytes(self) -> int:
        """Bytes of memory; the sets of shingles lie in a file."""
        return self._table.nbytes + self._origins.nbytes

    @property
    def sets_nbytes(self) -> int:
        """Bytes of the file with the sets of shingles."""
        return self._table.sets_nbytes

    def judge(self, candidate: Frame | Back | None, offset: int, time_ms: int = 0) -> Judged:
        """What dedup makes of the record at `offset` of `candidates`, appended at `time_ms`; None: an empty one.

        Of a Frame, what is not below the mark is judged; of one that begins above the mark nothing is taken, and the
        mark stays. Raises UnknownSource.
        """
        if candidate is None:
            return self._untaken("empty", signatures.NOWHERE, 0, offset, time_ms)
        source = candidate.source
        if isinstance(candidate, Back):
            self._retreat(source, candidate.to)
            return self._untaken("back", source, self.marks[source], offset, time_ms)
        if self.marks.standing(candidate) is Standing.ABOVE:
            judged = self._untaken("passed", source, self.marks[source], offset, time_ms)
        else:
            judged = self._take(candidate, offset, time_ms)
        judged.applied.frame_start, judged.applied.frame_upto = candidate.start, candidate.upto
        return judged

    def apply(self, record: Applied) -> None:
        """Redo a record of the log. Raises WrongIndex when it was written under another fingerprint."""
        if record.form == "empty":  # it says nothing, and repair writes it without knowing the index
            return
        if record.fingerprint not in (self.fingerprint, *self._former):
            raise WrongIndex(
                f"the index in `signatures` was made with other settings (fingerprint {record.fingerprint}, "
                f"now {self.fingerprint}). Restore the old thresholds, or start over with a new prefix."
            )
        if record.form == "back":
            self._retreat(record.source, record.upto)
        for origin in record.removals:
            self._forget(Origin.parse(origin))
        places = self._table.append(of_insertions(record.insertions))
        for place, insertion in zip(places, record.insertions, strict=True):
            self._remember(int(place), record.source, insertion.offset, insertion.index)
        if record.form == "frame":
            self.marks.advance(record.source, record.upto)

    def as_before(self, candidate: Frame | Back | None, earlier: Applied) -> Frame | Back | None:
        """The candidate as the index that wrote `earlier` of it saw it: a former one knew no sets of shingles."""
        if not isinstance(candidate, Frame) or earlier.fingerprint not in self._former:
            return candidate
        documents = [msgspec.structs.replace(d, shingles=b"") for d in candidate.documents]
        return msgspec.structs.replace(candidate, documents=documents)

    def _untaken(self, form: Form, source: Source, mark: int, offset: int, time_ms: int) -> Judged:
        applied = Applied(
            offset=offset, source=source, upto=mark, fingerprint=self.fingerprint, form=form, time_ms=time_ms,
            v=1 if form == "empty" else signatures.VERSION,
        )  # fmt: skip
        return Judged(None, (), applied)

    def _take(self, frame: Frame, offset: int, time_ms: int) -> Judged:
        source, mark = frame.source, self.marks[frame.source]
        tallies = [t for t in frame.tallies if t.offset >= mark]
        removals = [t.replaces for t in tallies if t.replaces]
        upto = max(mark, frame.upto)
        documents = [d for d in frame.documents if d.offset >= mark]
        again = self._standing(source, mark, upto)
        removals += sorted(again - {str(d.origin(source)) for d in documents})
        for origin in removals:
            self._forget(Origin.parse(origin))
        unknown = [d for d in documents if str(d.origin(source)) not in again] if again else documents
        remaining, rejections, insertions = self._judge(source, unknown)
        if again:
            remaining = sorted(
                [*remaining, *(d for d in documents if d not in unknown)], key=lambda d: (d.offset, d.index)
            )
        self.marks.advance(source, upto)
        applied = Applied(
            offset=offset, source=source, upto=upto, fingerprint=self.fingerprint,
            insertions=insertions, removals=removals, time_ms=time_ms, v=signatures.VERSION,
        )  # fmt: skip
        rest = msgspec.structs.replace(
            frame, start=mark, upto=upto, tallies=_with_rejected(tallies, rejections),
            documents=[_without_sketch(d) for d in remaining],
        )  # fmt: skip
        return Judged(rest, tuple(rejections), applied)

    def _retreat(self, source: Source, to: int) -> None:
        mark = self.marks[source]
        self._reached[source.key] = max(mark, self._reached.get(source.key, 0))
        self.marks.retreat(source, to)

    def _standing(self, source: Source, start: int, upto: int) -> set[str]:
        """The origins of [start, upto) that stand in the index: only after a Back are there any."""
        if start >= self._reached.get(source.key, 0):
            return set()
        at = self._sources.get((source.topic_id, source.partition), -1)
        rows = self._origins[: self._table.count]
        here = (rows[:, 0] == at) & (rows[:, 1] >= start) & (rows[:, 1] < upto)
        return {str(self._origin(int(n))) for n in np.flatnonzero(here) if self._table.alive(int(n))}

    def _judge(
        self, source: Source, documents: Sequence[Document]
    ) -> tuple[list[Document], list[Rejection], list[Insertion]]:
        if not documents:
            return [], [], []
        paths = [path_id(d) for d in documents]
        versions = [version(d) for d in documents]
        matches = self._table.admit(of_documents(documents, paths, versions))
        remaining: list[Document] = []
        rejections: list[Rejection] = []
        insertions: list[Insertion] = []
        for i, d in enumerate(documents):
            match, path = int(matches.numbers[i]), paths[i]
            if match < 0:
                # A row that was written over within this Frame has the origin of the last one, as `apply` gives it.
                self._remember(int(matches.places[i]), source, d.offset, d.index)
                remaining.append(d)
                kind = KINDS.index(d.kind)
                insertions.append(
                    Insertion(d.offset, d.index, kind, d.exact, path, d.signature, versions[i], d.shingles)
                )
            else:
                rule = self._rule(match, path, bool(matches.exact[i]))
                rejections.append(self._rejection(source, d, rule, match, float(matches.similarities[i])))
        return remaining, rejections, insertions

    def _rule(self, match: int, path: int, exact: bool) -> str:
        """Why a document is dropped that repeats the one of number `match`."""
        if exact:
            return "exact_duplicate"
        if not self._table.same_path(match, path):
            return "near_duplicate"
        return "old_version" if self._table.is_thread(match) else "new_version"

    def _rejection(self, source: Source, d: Document, rule: str, match: int, alike: float) -> Rejection:
        matched = self._origin(match)
        return Rejection(
            origin=d.origin(source), stage="dedup", rule=rule, measure=alike, similarity=alike, matched=str(matched),
            reason=f"{alike:.3f} alike to {matched}", kind=d.kind, repository=d.repository, path=d.path,
        )  # fmt: skip

    def _remember(self, number: int, source: Source, offset: int, index: int) -> None:
        if number >= len(self._origins):
            grown = np.zeros((2 * len(self._origins), 3), np.int64)
            grown[: len(self._origins)] = self._origins
            self._origins = grown
        at = self._sources.setdefault((source.topic_id, source.partition), len(self._sources))
        self._origins[number] = (at, offset, index)

    def _origin(self, number: int) -> Origin:
        at, offset, index = (int(x) for x in self._origins[number])
        topic_id, partition = list(self._sources)[at]
        return Origin(topic_id, partition, offset, index)

    def _forget(self, origin: Origin) -> None:
        """Take a replaced origin out, wherever it stands; nothing happens when it was never inserted."""
        at = self._sources.get((origin.topic_id, origin.partition))
        if at is None:
            return
        rows = self._origins[: self._table.count]
        for number in np.flatnonzero((rows == (at, origin.offset, origin.index)).all(axis=1)):
            self._table.remove(int(number))


def _without_sketch(document: Document) -> Document:
    """What is handed on: signature and set of shingles are the index's alone, and do not compress."""
    return msgspec.structs.replace(document, signature=b"", shingles=b"")


def _with_rejected(tallies: list[Tally], rejections: Sequence[Rejection]) -> list[Tally]:
    if not rejections:
        return tallies
    by_offset: dict[int, list[int]] = {}
    for r in rejections:
        by_offset.setdefault(r.origin.offset, []).append(r.origin.index)
    return [t.with_rejected(by_offset[t.offset]) if t.offset in by_offset else t for t in tallies]
