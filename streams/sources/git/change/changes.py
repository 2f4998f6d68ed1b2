"""A commit's changes with their texts, in parts that fit an event."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from model.lines import bare
from streams.event import MAX_RECORD_BYTES, Cell, ChangedFile
from streams.sources.folders.files import limit_of
from streams.sources.folders.folder import PRIVATE
from streams.sources.git.blobs import MISSING, Blobs
from streams.sources.git.change.cells import as_text
from streams.sources.git.log import PathChange
from streams.sources.private import is_private
from streams.sources.texts.notebooks import MAX_RAW_BYTES, Malformed, is_notebook
from streams.sources.texts.notebooks import read as read_notebook
from streams.sources.texts.text import MAX_FILE_BYTES, TOO_LARGE, Counts, LeftOut

PART_BYTES = 4 * 1024 * 1024
PART_FILES = 256
"""A commit with more is split by file: what prepare makes of an event must fit a Frame's record."""
READ_BYTES = 4 * 1024 * 1024
"""Contents batch at a time while a large commit is weighed."""
GROWTH = 6
"""JSON writes a control character of one byte as six, and nothing longer."""
FILE_FRAME = 64
"""Bytes, at most, of the JSON around a file's path and texts."""
RENAME = "renamed file, its text unchanged"
SAME_TEXT = "changed file whose text is the same"
MERGED = "merged file that holds its parents' lines alone"
TOO_LARGE_ENCODED = "file too large for a record"


@dataclass(frozen=True)
class Changes:
    """Reads and weighs the changes of commits; what is no text is counted in `left_out`."""

    blobs: Blobs
    left_out: Counts
    lacking: list[str] = field(default_factory=list)
    """Ids of contents that were not there, since it was emptied."""

    def leave_out(self, reason: LeftOut, *ids: str) -> None:
        """Counts one thing; the ids are those that were asked for."""
        self.left_out[reason.reason] += 1
        if reason is MISSING:
            self.lacking.extend(ids)

    def parts(self, changes: Iterable[PathChange], envelope: int) -> list[list[PathChange]]:
        """The changes in groups of at most 256 that fit PART_BYTES with `envelope` bytes of JSON around them.

        One whose texts are larger is a group of its own as long as it fits a record; else it is left out.
        Where there are several groups, all their changes are of text.
        """
        entries = self._sizes(list(changes))
        most = sum(size for _, size in entries)
        if len(entries) <= PART_FILES and most * GROWTH + len(entries) * FILE_FRAME + envelope <= PART_BYTES:
            return [[change for change, _ in entries]] if entries else []
        parts: list[list[PathChange]] = []
        total = 0
        for change, size in self._weights(entries):
            if envelope + size > MAX_RECORD_BYTES:
                self.left_out[TOO_LARGE_ENCODED] += 1
                continue
            if not parts or envelope + total + size > PART_BYTES or len(parts[-1]) == PART_FILES:
                parts.append([])
                total = 0
            parts[-1].append(change)
            total += size
        return parts

    def read(self, changes: list[PathChange]) -> Iterator[tuple[PathChange, ChangedFile]]:
        """Each change with both texts; counted when a side is no text, or nothing but the path has changed."""
        texts = self._texts(changes)
        for change in changes:
            before, after = (texts[change.path, id_] if id_ else None for id_ in (change.before, change.after))
            if isinstance(before, LeftOut) or isinstance(after, LeftOut):
                self.leave_out(next(text for text in (after, before) if isinstance(text, LeftOut)))
            elif before == after:
                self.left_out[RENAME if change.former else SAME_TEXT] += 1
            elif change.others and not self._is_own(change, before, after):
                self.left_out[MERGED] += 1
            else:
                yield change, ChangedFile(path=change.path, before=before, after=after, former=change.former)

    def _texts(self, changes: list[PathChange]) -> dict[tuple[str, str], str | LeftOut]:
        """By path and id, since a notebook's text is that of its cells."""
        notebooks = {(c.path, id_) for c in changes if is_notebook(c.path) for id_ in (c.before, c.after) if id_}
        others = {(c.path, id_) for c in changes if not is_notebook(c.path) for id_ in (c.before, c.after) if id_}
        found = self.blobs.texts(sorted({id_ for _, id_ in others}))
        texts: dict[tuple[str, str], str | LeftOut] = {place: found[place[1]] for place in others}
        for path, id_ in sorted(notebooks):
            notebook = self.notebook(id_)
            texts[path, id_] = notebook if isinstance(notebook, LeftOut) else as_text(*notebook)
        return texts

    def notebook(self, id_: str) -> tuple[list[Cell], str] | LeftOut:
        """Cells and language of a notebook's blob."""
        content = self.blobs.content(id_, MAX_RAW_BYTES)
        if isinstance(content, LeftOut):
            return content
        try:
            return read_notebook(content, self.left_out)
        except Malformed as error:
            return LeftOut(f"notebook {error}")

    def _is_own(self, change: PathChange, before: str | None, after: str | None) -> bool:
        """Whether a merge wrote lines that stand in none of its parents."""
        return after is not None and _writes(bare(after), self._parents_lines(change, before))

    def own_lines(self, change: PathChange, before: str | None) -> Callable[[Sequence[str]], bool]:
        """Whether some lines of a merge, with their ends, hold one that stands in none of its parents."""
        known = self._parents_lines(change, before)
        return lambda lines: _writes(bare("".join(lines)), known)

    def _parents_lines(self, change: PathChange, before: str | None) -> set[str]:
        """Of a merged file, without their ends."""
        known = set(bare(before or ""))
        for side in (self.blobs.text(id_) for id_ in change.others if id_):
            known.update(bare(side) if isinstance(side, str) else ())
        return known

    def _sizes(self, changes: list[PathChange]) -> list[tuple[PathChange, int]]:
        """Those whose sides are there and small enough, with the bytes of path and sides; the others are counted."""
        private = [change for change in changes if is_private(change.path)]
        if private:
            self.left_out[PRIVATE] += len(private)
            changes = [change for change in changes if not is_private(change.path)]
        ids = sorted({id_ for change in changes for id_ in (change.before, change.after, *change.others) if id_})
        sizes = self.blobs.sizes(ids) | {"": 0}
        entries: list[tuple[PathChange, int]] = []
        for change in changes:
            sides = [sizes.get(id_, 0) for id_ in (change.before, change.after)]
            if lacking := [id_ for id_ in (change.before, change.after, *change.others) if id_ not in sizes]:
                self.leave_out(MISSING, *lacking)
            elif max(sides) > limit_of(change.path):
                self.leave_out(TOO_LARGE)
            else:
                weight = sum(min(side, MAX_FILE_BYTES) for side in sides)
                entries.append((change, weight + len(change.path.encode())))
        return entries

    def _weights(self, entries: list[tuple[PathChange, int]]) -> Iterator[tuple[PathChange, int]]:
        """Each change that is of text, with its bytes as JSON."""
        batch: list[PathChange] = []
        total = 0
        for change, size in entries:
            if batch and total + size > READ_BYTES:
                yield from self._weigh(batch)
                batch, total = [], 0
            batch.append(change)
            total += size
        yield from self._weigh(batch)

    def _weigh(self, changes: list[PathChange]) -> Iterator[tuple[PathChange, int]]:
        for change, file in self.read(changes):
            yield change, len(msgspec.json.encode(file)) + 1


def _writes(lines: Iterable[str], known: set[str]) -> bool:
    return any(line not in known for line in lines)
