"""The near-duplicate index: a state machine over the totally ordered log `candidates` (architecture §4).

First seen wins; only what matches nothing is inserted. State is the table, the origin of every
document in it, and one mark per source partition. The same sequence of Frames gives the same
verdicts, and `apply` of what `admit` returned gives the same state.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import xxhash

from streams.document import Document, Origin, Source
from streams.frame import Frame, Gap, Rejection
from streams.index.minhash import PERMUTATIONS, fingerprint
from streams.index.signatures import Applied, Insertion
from streams.index.table import Columns, Table
from streams.recipe import Thresholds

KINDS = ("file", "commit", "issue", "notebook", "question")


class WrongIndex(RuntimeError):
    """The log was written by an index of other settings."""


class Index:
    def __init__(self, thresholds: Thresholds, starts: dict[tuple[str, int], int]) -> None:
        """`starts` are the first marks by (topic id, partition): the offsets that `topics create` committed."""
        self.fingerprint = fingerprint(thresholds.near, thresholds.version)
        self._table = Table(thresholds.near, thresholds.version)
        self._marks = dict(starts)
        self._sources: dict[tuple[str, int], int] = {}
        self._origins = np.zeros((4096, 3), np.int64)

    def __len__(self) -> int:
        return self._table.count

    @property
    def nbytes(self) -> int:
        return self._table.nbytes + self._origins.nbytes

    def mark(self, source: Source) -> int:
        key = (source.topic_id, source.partition)
        if key not in self._marks:
            raise WrongIndex(
                f"topic {source.topic} has id {source.topic_id}, which this index has never seen: it was re-created. "
                "Start over with a new prefix, or restore the old topic."
            )
        return self._marks[key]

    def admit(self, frame: Frame, offset: int) -> tuple[Frame, tuple[Rejection, ...], Applied]:
        """Judge what of the Frame is not below the mark.

        Returns the Frame of what is kept, the verdicts on the rest, and the record for `signatures`.
        Raises Gap when the Frame begins above the mark.
        """
        mark = self.mark(frame.source)
        if frame.start > mark:
            raise Gap(f"{frame.source}: offsets {mark} to {frame.start - 1} are missing before a Frame in candidates")
        tallies = [t for t in frame.tallies if t.offset >= mark]
        removals = [t.replaces for t in tallies if t.replaces]
        for origin in removals:
            self._forget(Origin.parse(origin))
        documents = [d for d in frame.documents if d.offset >= mark]
        kept, rejections, insertions = self._judge(frame.source, documents)
        upto = max(mark, frame.upto)
        self._marks[frame.source.topic_id, frame.source.partition] = upto
        applied = Applied(
            offset=offset, source=frame.source, upto=upto, fingerprint=self.fingerprint,
            insertions=insertions, removals=removals,
        )  # fmt: skip
        dropped: dict[int, list[int]] = {}
        for r in rejections:
            dropped.setdefault(r.origin.offset, []).append(r.origin.index)
        counted = [
            msgspec.structs.replace(t, rejected=[*t.rejected, *dropped[t.offset]]) if t.offset in dropped else t
            for t in tallies
        ]
        rest = msgspec.structs.replace(frame, start=mark, upto=upto, tallies=counted, documents=kept)
        return rest, tuple(rejections), applied

    def apply(self, record: Applied) -> None:
        """Redo a record of the log. Raises WrongIndex when it was written under another fingerprint."""
        if record.fingerprint != self.fingerprint:
            raise WrongIndex(
                f"the index in `signatures` was made with other settings (fingerprint {record.fingerprint}, "
                f"now {self.fingerprint}). Restore the old thresholds, or start over with a new prefix."
            )
        for origin in record.removals:
            self._forget(Origin.parse(origin))
        number = self._table.count
        self._table.append(_insertion_columns(record.insertions))
        for i, insertion in enumerate(record.insertions):
            self._remember(number + i, record.source, insertion.offset, insertion.index)
        key = (record.source.topic_id, record.source.partition)
        self._marks[key] = max(self._marks.get(key, 0), record.upto)

    def _judge(
        self, source: Source, documents: Sequence[Document]
    ) -> tuple[list[Document], list[Rejection], list[Insertion]]:
        if not documents:
            return [], [], []
        number = self._table.count
        paths = [path_id(d) for d in documents]
        matches = self._table.admit(_document_columns(documents, paths))
        kept: list[Document] = []
        rejections: list[Rejection] = []
        insertions: list[Insertion] = []
        for d, path, match, alike in zip(documents, paths, matches.numbers, matches.similarities, strict=True):
            if match < 0:
                self._remember(number + len(kept), source, d.offset, d.index)
                kept.append(d)
                insertions.append(Insertion(d.offset, d.index, KINDS.index(d.kind), d.exact, path, d.signature))
            else:
                rejections.append(self._rejection(source, d, path, int(match), float(alike)))
        return kept, rejections, insertions

    def _rejection(self, source: Source, d: Document, path: int, match: int, alike: float) -> Rejection:
        exact = self._table.exact(match) == d.exact
        rule = "exact_duplicate" if exact else "near_duplicate"
        if not exact and self._table.same_path(match, path):
            rule = "new_version"
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


def path_id(document: Document) -> int:
    """64 bits of repository and path for kinds that have versions; 0 otherwise."""
    if document.kind not in ("file", "notebook") or not document.path:
        return 0
    return xxhash.xxh3_64_intdigest(f"{document.repository}\0{document.path}".encode()) or 1


def _columns(rows: Sequence[tuple[int, bytes, int, bytes]]) -> Columns:
    """Rows of (kind, exact, path, signature)."""
    n = len(rows)
    unsigned = bytes(PERMUTATIONS)
    return Columns(
        np.fromiter((r[0] for r in rows), np.uint8, n),
        np.frombuffer(b"".join(r[1] for r in rows), "<u8").reshape(n, 2),
        np.fromiter((r[2] for r in rows), np.uint64, n),
        np.frombuffer(b"".join(r[3] or unsigned for r in rows), np.uint8).reshape(n, PERMUTATIONS),
        np.fromiter((bool(r[3]) for r in rows), np.bool_, n),
    )


def _document_columns(documents: Sequence[Document], paths: Sequence[int]) -> Columns:
    return _columns([(KINDS.index(d.kind), d.exact, p, d.signature) for d, p in zip(documents, paths, strict=True)])


def _insertion_columns(insertions: Sequence[Insertion]) -> Columns:
    return _columns([(i.kind, i.exact, i.path, i.signature) for i in insertions])
