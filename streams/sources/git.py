"""A repository's history as `commit` events and file versions, from a cursor on.

A pass goes over the commits in `target` and not in `done`, in an order that git repeats, so a cursor is
(done, target, position in the pass). It is stored after the deliveries were confirmed: what was sent
between the last stored cursor and a crash is sent again, as new events; dedup finds them as exact copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from streams.event import ChangedFile, Commit, Event, Repository, SourceFile
from streams.sources.files import pack
from streams.sources.objects import MISSING, Blobs, Change, Git, Logged
from streams.sources.repository import host_and_name, licence_of
from streams.sources.text import MAX_FILE_BYTES, TOO_LARGE, Counts, LeftOut

PART_BYTES = 5 * 1024 * 1024
PART_FILES = 256
"""A commit with more is split by file: JSON adds some percent, and a record holds 8 MiB."""

Versions = Literal["all", "last", "none"]


class Cursor(msgspec.Struct, frozen=True):
    """How far a repository was read; empty: not at all."""

    done: str = ""
    """Everything that this commit reaches was sent."""
    target: str = ""
    """The commit that the pass in progress goes to; empty between passes."""
    position: int = 0
    """Commits of the pass that were sent."""


@dataclass(frozen=True)
class Step:
    """What one commit, or the end of a pass, came to."""

    events: tuple[Event, ...]
    cursor: Cursor
    """What to store once the events are confirmed; for a part, that of the commit before."""
    note: str = ""
    """For people: a split commit, a rewritten history."""
    commits: int = 0
    """1 when this step completes a commit."""


@dataclass(frozen=True)
class History:
    """One ref of one repository."""

    git: Git
    ref: str = "HEAD"
    name: str = ""
    versions: Versions = "all"

    @classmethod
    def open(cls, path: Path, ref: str = "HEAD", name: str = "", versions: Versions = "all") -> History:
        """Raises GitError when the path is no repository."""
        git = Git(path)
        git.run("rev-parse", "--git-dir")
        return cls(git, ref, name, versions)

    def head(self) -> str:
        """The ref's commit; empty in a repository without one."""
        return self.git.commit(self.ref)

    def describe(self) -> Repository:
        """Name, host, licence and commits as of the ref."""
        git, head = self.git, self.head()
        host, name = host_and_name(git.ask("config", "--get", "remote.origin.url")) or ("local", _folder_name(git))
        root = git.tree(head, ".") if head else {}
        with Blobs(git) as blobs:
            spdx, text = licence_of(root, lambda path: _text_or_none(blobs, root[path]))
        commits = int(git.ask("rev-list", "--count", head) or 0) if head else 0
        if self.name:
            host, name = "local", self.name
        return Repository(host=host, name=name, licence=spdx, licence_text=text, commits=commits)

    def steps(self, cursor: Cursor, left_out: Counts) -> Iterator[Step]:
        """Everything from the cursor to the ref as it is now; nothing when there is nothing new."""
        begun, note = self._begin(cursor)
        if note:
            yield Step((), begun, note)
        if not begun.target or begun.target == begun.done:
            return
        with Blobs(self.git) as blobs:
            yield from _Pass(self, self.describe(), blobs, left_out).steps(begun)

    def _begin(self, cursor: Cursor) -> tuple[Cursor, str]:
        """The pass to go on with, or a new one to the ref, with a word when the history was rewritten."""
        git, done = self.git, cursor.done
        if cursor.target and git.commit(cursor.target) and (not done or git.commit(done)):
            return cursor, ""
        head = self.head()
        if not done or not head or git.is_ancestor(done, head):
            return Cursor(done, head), ""
        base = git.merge_base(done, head)
        going_on = f"from their last common commit {base[:12]}" if base else "from the beginning"
        return Cursor(base, head), f"the history of {self.ref} was rewritten: going on {going_on}"


def _folder_name(git: Git) -> str:
    top = git.ask("rev-parse", "--show-toplevel") or str(git.path.resolve())
    return Path(top).name.removesuffix(".git")


def _text_or_none(blobs: Blobs, blob: str) -> str | None:
    text = blobs.texts([blob])[blob]
    return None if isinstance(text, LeftOut) else text


@dataclass(frozen=True)
class _Pass:
    history: History
    repository: Repository
    blobs: Blobs
    left_out: Counts

    def steps(self, begun: Cursor) -> Iterator[Step]:
        touched: set[str] = set()
        position = 0
        for position, logged in enumerate(self.history.git.log(begun.done, begun.target), 1):
            touched.update(change.path for change in logged.changes)
            if position > begun.position:
                yield from self._commit(logged, Cursor(begun.done, begun.target, position), position)
        if self.history.versions == "last":
            for event in self._last_versions(begun.target, touched):
                yield Step((event,), Cursor(begun.done, begun.target, position))
        yield Step((), Cursor(begun.target))

    def _commit(self, logged: Logged, cursor: Cursor, position: int) -> Iterator[Step]:
        parts = self._parts(logged)
        note = f"commit {logged.sha[:12]} is split by file into {len(parts)} parts" if len(parts) > 1 else ""
        before = Cursor(cursor.done, cursor.target, position - 1)  # a part sent twice is a copy, one not sent is lost
        for number, changes in enumerate(parts):
            whole = number + 1 == len(parts)
            events = tuple(self._events(logged, changes, number, len(parts)))
            yield Step(events, cursor if whole else before, note if number == 0 else "", int(whole))
        if not parts:
            self.left_out["commit without text"] += 1
            yield Step((), cursor, commits=1)

    def _parts(self, logged: Logged) -> list[list[Change]]:
        """The changes whose sides are small enough, grouped so that each group fits a record."""
        ids = sorted({id_ for change in logged.changes for id_ in (change.before, change.after) if id_})
        sizes = self.blobs.sizes(ids) | {"": 0}
        parts: list[list[Change]] = []
        filled = PART_BYTES
        for change in logged.changes:
            size = self._size(change, sizes)
            if size is None:
                continue
            if filled + size > PART_BYTES or len(parts[-1]) == PART_FILES:
                parts.append([])
                filled = 0
            parts[-1].append(change)
            filled += size
        return parts

    def _size(self, change: Change, sizes: dict[str, int]) -> int | None:
        """Bytes of both sides; None, and counted, when one is missing or too large."""
        sides = [sizes.get(change.before), sizes.get(change.after)]
        known = [side for side in sides if side is not None]
        if len(known) < 2 or max(known) > MAX_FILE_BYTES:
            self.left_out[(MISSING if len(known) < 2 else TOO_LARGE).reason] += 1
            return None
        return sum(known)

    def _events(self, logged: Logged, changes: list[Change], part: int, parts: int) -> Iterator[Event]:
        files = list(self._changed_files(changes))
        if not files:
            self.left_out["commit without text"] += 1
            return
        yield Commit(
            repository=self.repository,
            sha=logged.sha,
            message=logged.message,
            files=[file for file, _ in files],
            date=logged.date,
            part=part,
            parts=parts,
        )
        if self.history.versions == "all":
            versions = (SourceFile(path=f.path, text=f.after, blob=blob) for f, blob in files if f.after is not None)
            yield from pack(self.repository, versions, logged.sha)

    def _changed_files(self, changes: list[Change]) -> Iterator[tuple[ChangedFile, str]]:
        """Each change with both texts and the id of the later one; counted when a side is no text."""
        texts = self.blobs.texts(sorted({id_ for change in changes for id_ in (change.before, change.after) if id_}))
        for change in changes:
            before, after = (texts[id_] if id_ else None for id_ in (change.before, change.after))
            if isinstance(before, LeftOut) or isinstance(after, LeftOut):
                self.left_out[next(t.reason for t in (after, before) if isinstance(t, LeftOut))] += 1
            else:
                yield ChangedFile(path=change.path, before=before, after=after), change.after

    def _last_versions(self, target: str, touched: set[str]) -> Iterator[Event]:
        tree = self.history.git.tree(target)
        return pack(
            self.repository, self._versions({path: tree[path] for path in sorted(touched & tree.keys())}), target
        )

    def _versions(self, blobs: dict[str, str]) -> Iterator[SourceFile]:
        for path, blob in blobs.items():
            text = self.blobs.texts([blob])[blob]
            if isinstance(text, LeftOut):
                self.left_out[text.reason] += 1
            else:
                yield SourceFile(path=path, text=text, blob=blob)
