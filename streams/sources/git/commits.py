"""From a logged commit to its events: the commit, split by file if need be, and the versions of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, Literal, TypeVar

import msgspec

from streams.event import ChangedFile, Commit, Event, Notebook, Repository, SourceFile, encode
from streams.sources.folders.files import MAX_EVENT_FILES, limit_of, pack
from streams.sources.folders.folder import PRIVATE
from streams.sources.git.change.changes import PART_FILES, Changes
from streams.sources.git.change.windows import MAX_WINDOW, TOO_WIDE, windows
from streams.sources.git.cursors import Cursor, Past, Present
from streams.sources.git.licences import CommitLicences
from streams.sources.git.log import LoggedCommit, PathChange
from streams.sources.private import is_private
from streams.sources.record import SLACK
from streams.sources.texts.notebooks import is_notebook
from streams.sources.texts.text import LeftOut

MAX_MESSAGE = 16 * 1024
"""Characters of a commit's message: it stands in the document of each of up to 256 files, and anybody who may commit
writes it. Of 43,700 messages of twelve public repositories 10 have more than 4,096 characters, one more than this."""
CUT_MESSAGE = f"rest of a message beyond {MAX_MESSAGE:,} characters"
EDGE = "commit at the edge of a shallow clone"
NO_TEXT = "commit without text"
LACKING = "commit whose contents this clone lacks: git fetch --refetch --no-filter"
ALL_TOO_WIDE = "commit of the past whose windows are all too wide"
MERGE = "merge without lines of its own"
EVENT_CHARS = MAX_WINDOW
"""Of both sides of the windows in one event: what the meter lets through or holds at a time."""
SIZES = 1_000
"""Files whose sizes are asked for at a time."""
COPIES = "whole version of a path beyond its copies"

Versions = Literal["all", "last", "none"]
CursorT = TypeVar("CursorT", Cursor, Present, Past)
CommitsT = TypeVar("CommitsT", Cursor, Past)


@dataclass(frozen=True)
class Step(Generic[CursorT]):
    """What one commit, a stretch of the tree, or the end of a pass came to."""

    events: tuple[Event, ...]
    cursor: CursorT
    """What to store once the events are confirmed; for a part, that of the commit before."""
    note: str = ""
    """For people: a split commit, a rewritten history."""
    commits: int = 0
    """1 when this step completes a commit."""
    bytes_left: int = 0
    """Of the tree, this step's among them; 0 in the other lanes."""


@dataclass(frozen=True)
class Reading:
    """What events are made with: one ref of one repository."""

    repository: Repository
    changes: Changes
    versions: Versions
    limit: int
    """Whole copies of one path."""
    edges: tuple[str, ...]
    """Where a shallow clone ends."""
    licences: CommitLicences
    present: dict[str, str] = field(default_factory=dict)
    """Path to blob of the versions that are sent as the present tree, and not again as versions of the past."""
    copies: Counter[str] = field(default_factory=Counter)
    """Whole versions of each path that were sent."""

    @property
    def left_out(self) -> Counter[str]:
        return self.changes.left_out

    def steps(
        self, logged: LoggedCommit, before: CommitsT, cursor: CommitsT, windows: bool = False
    ) -> Iterator[Step[CommitsT]]:
        """The steps of one commit; until its last part the cursor is the one before it.

        (A part sent twice is a copy, one not sent is lost.) `windows`: the change with lines around it, not whole
        files, an event a step. The last cursor says so when contents were not there.
        """
        self.left_out.update(logged.left_out)
        self.changes.lacking.clear()
        message = self._message(logged)
        commit = Commit(repository=self.repository, sha=logged.sha, message=message, files=[], date=logged.date)
        parts = self.changes.parts(logged.changes, len(encode(commit)) + SLACK)
        note = f"commit {logged.sha[:12]} is split by file into {len(parts)} parts" if len(parts) > 1 else ""
        reasons: list[str] = []
        batches = self._batches(commit, parts, logged, windows, reasons)
        last = next(batches, ())
        for batch in batches:
            yield Step(last, before, note)
            last, note = batch, ""
        if len(reasons) == len(parts):  # none of them was sent
            self.left_out[reasons[0] if reasons else self._why_none(logged)] += 1
        after: CommitsT = cursor.lacking(self.changes.lacking)
        yield Step(last, after, note, commits=1)

    def _batches(
        self, commit: Commit, parts: list[list[PathChange]], logged: LoggedCommit, windows: bool, reasons: list[str]
    ) -> Iterator[tuple[Event, ...]]:
        """Of each part its events together; of windows each by itself."""
        for number, changes in enumerate(parts):
            part = commit if len(parts) == 1 else msgspec.structs.replace(commit, part=number, parts=len(parts))
            events = tuple(self._events(part, changes, logged, windows, reasons))
            yield from ((event,) for event in events) if windows else (events,)

    def _why_none(self, logged: LoggedCommit) -> str:
        if self.changes.lacking:
            return LACKING
        return MERGE if logged.parents > 1 else NO_TEXT

    def files(self, blobs: dict[str, str], revision: str) -> Iterator[Event]:
        """The versions of files at a commit, by path and blob id; what is no text is counted."""
        if private := [path for path in blobs if is_private(path)]:
            self.left_out[PRIVATE] += len(private)
            blobs = {path: blob for path, blob in blobs.items() if not is_private(path)}
        yield from pack(self.repository, self._texts(blobs), revision)
        for path, blob in blobs.items():
            if is_notebook(path):
                yield from self.notebook(path, blob)

    def sizes(self, blobs: dict[str, str]) -> dict[str, int]:
        """Bytes by path; 0 for what is too large to be sent, and for what is not there."""
        paths, sizes = list(blobs), dict[str, int]()
        for at in range(0, len(paths), SIZES):
            some = paths[at : at + SIZES]
            known = self.changes.blobs.sizes([blobs[path] for path in some])
            sizes |= {path: size if (size := known.get(blobs[path], 0)) <= limit_of(path) else 0 for path in some}
        return sizes

    def notebook(self, path: str, blob: str) -> Iterator[Notebook]:
        found = self.changes.notebook(blob)
        if isinstance(found, LeftOut):
            self.changes.leave_out(found, blob)
        else:
            yield Notebook(
                repository=self.repository, path=path, cells=found[0], language=found[1],
                licence=self.licences.of(path),
            )  # fmt: skip

    def _texts(self, blobs: dict[str, str]) -> Iterator[SourceFile]:
        files = [(path, blob) for path, blob in blobs.items() if not is_notebook(path)]
        for at in range(0, len(files), MAX_EVENT_FILES):
            some = files[at : at + MAX_EVENT_FILES]
            texts = self.changes.blobs.texts([blob for _, blob in some])
            for path, blob in some:
                text = texts[blob]
                if isinstance(text, LeftOut):
                    self.changes.leave_out(text, blob)
                else:
                    yield SourceFile(path=path, text=text, blob=blob, licence=self.licences.of(path))

    def _message(self, logged: LoggedCommit) -> str:
        if len(logged.message) > MAX_MESSAGE:
            self.left_out[CUT_MESSAGE] += 1
        return logged.message[:MAX_MESSAGE]

    def _events(
        self, commit: Commit, changes: list[PathChange], logged: LoggedCommit, windows: bool, reasons: list[str]
    ) -> Iterator[Event]:
        """Those of one part; to `reasons` goes why there is no commit among them."""
        files = list(self.changes.read(changes))
        if not files:
            reasons.append(self._why_none(logged))
            return
        if commit.sha in self.edges:  # git shows it as if it had added every file
            reasons.append(EDGE)
        elif shown := list(self._windows(files) if windows else self._whole(files)):
            yield from _by_files(commit, shown) if windows else (msgspec.structs.replace(commit, files=shown),)
        else:
            reasons.append(ALL_TOO_WIDE)
        if self.versions == "all":
            yield from self._versions(files, commit.sha)
        self.count(changes, windows)

    def count(self, changes: Iterable[PathChange], windows: bool) -> None:
        """Whole versions that a commit's changes came to."""
        if windows:
            sent = (c.path for c in changes if self.versions == "all" and c.after != self.present.get(c.path, ""))
            self.copies.update(sent)
        else:
            self.copies.update(change.path for change in changes if change.after)

    def _whole(self, files: Iterable[tuple[PathChange, ChangedFile]]) -> Iterator[ChangedFile]:
        for change, file in files:
            licence = self.licences.of(change.path)
            yield msgspec.structs.replace(file, copies=self.copies[change.path], licence=licence)

    def _windows(self, files: Iterable[tuple[PathChange, ChangedFile]]) -> Iterator[ChangedFile]:
        for change, file in files:
            own = partial(self.changes.own_lines, change, file.before) if change.others else None
            found, too_wide = windows(file.before, file.after, own)
            self.left_out.update({TOO_WIDE: too_wide} if too_wide else {})
            licence = self.licences.of(change.path)
            for one in found:
                yield msgspec.structs.replace(file, before=one.before, after=one.after, line=one.line, licence=licence)

    def _versions(self, files: list[tuple[PathChange, ChangedFile]], revision: str) -> Iterator[Event]:
        blobs = {change.path: change.after for change, file in files if file.after is not None}
        blobs = {path: blob for path, blob in blobs.items() if self.present.get(path) != blob}
        few = {path: blob for path, blob in blobs.items() if self.copies[path] < self.limit}
        if len(blobs) > len(few):
            self.left_out[COPIES] += len(blobs) - len(few)
        yield from self.files(few, revision)


def _by_files(commit: Commit, files: list[ChangedFile]) -> Iterator[Commit]:
    """A commit of one part whose windows are more than an event holds is split; a part of several keeps its number."""
    groups: list[list[ChangedFile]] = []
    total = 0
    for file in files:
        size = len(file.before or "") + len(file.after or "")
        if not groups or len(groups[-1]) == PART_FILES or total + size > EVENT_CHARS:
            groups.append([])
            total = 0
        groups[-1].append(file)
        total += size
    for number, group in enumerate(groups):
        part = {"part": number, "parts": len(groups)} if commit.parts == 1 else {}
        yield msgspec.structs.replace(commit, files=group, **part)
