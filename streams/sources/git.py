"""A repository's history as `commit` events and file versions, from a cursor on.

A pass goes over the commits in `target` and not in `done`, in an order that git repeats, so a cursor is
(done, target, position in the pass). It is stored after the deliveries were confirmed: what was sent
between the last stored cursor and a crash is sent again, as new events; dedup finds them as exact copies.
A cursor never passes a commit that was not sent: whatever git cannot read is a GitError, and no end.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from streams.event import Commit, Event, Repository, SourceFile, encode
from streams.sources.blobs import Blobs
from streams.sources.changes import Changes
from streams.sources.cursors import Cursor
from streams.sources.files import pack
from streams.sources.log import LoggedCommit, PathChange, log, tree
from streams.sources.objects import Git, GitError, edges, merge_base, view_of
from streams.sources.record import SLACK
from streams.sources.repository import host_and_name, licence_of
from streams.sources.text import Counts, LeftOut, clean

MAX_MESSAGE = 16 * 1024
"""Characters of a commit's message: it stands in the document of each of up to 256 files, and anybody who may commit
writes it. Of 43,700 messages of twelve public repositories 10 have more than 4,096 characters, one more than this."""
CUT_MESSAGE = f"rest of a message beyond {MAX_MESSAGE:,} characters"
EDGE = "commit at the edge of a shallow clone"
NO_TEXT = "commit without text"

Versions = Literal["all", "last", "none"]


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
        """`path` is a work tree, a bare repository or a `.git`. Raises GitError when it is no repository."""
        git = Git(path.parent if path.name == ".git" and path.is_file() else path)
        git.check()
        return cls(git, ref, name, versions)

    def head(self) -> str:
        """The ref's commit; empty in a repository without one. Raises GitError for a ref that leads nowhere."""
        if commit := self.git.commit(self.ref):
            return commit
        if self.git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", self.ref):
            raise GitError(f"{self.git.path}: {self.ref} names an object that is not there or is no commit")
        if self.ref != "HEAD":
            raise GitError(f"{self.git.path}: there is no {self.ref}")
        return ""

    def warning(self) -> str:
        """What a person should know before the history is read; mostly nothing."""
        if self.git.is_partial():
            return (
                "a partial clone: files that it lacks, its licence among them, are left out for good; "
                "`git fetch --refetch --no-filter` brings them first"
            )
        return "" if self.head() else "HEAD names no commit yet"

    def describe(self) -> Repository:
        """Name, host, licence and commits as of the ref."""
        with view_of(self.git) as view:
            return self._describe(view, self.head())

    def steps(self, cursor: Cursor, left_out: Counts) -> Generator[Step]:
        """Everything from the cursor to the ref as it is now; nothing when there is nothing new.

        Raises GitError for what cannot be read: all that comes before it was given.
        """
        head = self.head()
        with self._advice(), view_of(self.git) as view:
            start, note = self._begin(view, cursor, head)
            if note:
                yield Step((), cursor, note)  # the old cursor: nothing of the new pass is sent yet
            if not start.target or start.target == start.done:
                return
            repository = self._describe(view, head or start.target)
            with Blobs(view) as blobs:
                yield from _Pass(self, view, repository, Changes(blobs, left_out)).steps(start)

    @contextmanager
    def _advice(self) -> Generator[None]:
        """Adds to an error what can be done about it."""
        try:
            yield
        except GitError as error:
            place = self.git.path
            advice = f"`git -C {place} fsck` tells what it lacks; it goes on there once it is whole"
            if self.git.is_partial():
                advice = (
                    "it is a partial clone without the history's trees or commits; fetch them with "
                    f"`git -C {place} fetch --refetch --no-filter`, or clone again without --filter"
                )
            raise GitError(f"{error}. What comes before was read; {advice}.") from error

    def _describe(self, view: Git, head: str) -> Repository:
        host, name = host_and_name(self.git.ask("config", "--get", "remote.origin.url")) or ("local", self._folder())
        root = tree(view, head, ".") if head else {}
        with Blobs(view) as blobs:
            spdx, text = licence_of(root, lambda path: _text_or_none(blobs, root[path]))
        commits = int(view.run("rev-list", "--count", head)) if head else 0
        if self.name:
            host, name = "local", clean(self.name)
        return Repository(host=host, name=name, licence=spdx, licence_text=text, commits=commits)

    def _folder(self) -> str:
        """The folder's name; that of the repository itself for a worktree of it."""
        common = self.git.path_of("--git-common-dir")
        folder = common.parent if common.name == ".git" else common
        return clean(folder.name.removesuffix(".git")) or "repository"

    def _begin(self, view: Git, cursor: Cursor, head: str) -> tuple[Cursor, str]:
        """The pass to go on with, or a new one to the ref, with a word when the history is another."""
        done, ends = cursor.done, edges(view)
        if any(edge not in ends and view.commit(f"{edge}^") for edge in cursor.edges):
            return Cursor(
                "", self.head(), edges=ends
            ), "the clone reaches further back now: going on from the beginning"
        if cursor.target and view.commit(cursor.target) and (not done or view.commit(done)):
            return cursor, ""
        base = merge_base(view, done, head) if done and head else ""
        if not done or not head or base == done:
            return Cursor(done, head, edges=ends), ""
        place = f"from their last common commit {base[:12]}" if base else "from the beginning"
        note = f"the history of {self.ref} was rewritten: going on {place}"
        return Cursor(base, head, edges=ends), note


def _text_or_none(blobs: Blobs, blob: str) -> str | None:
    text = blobs.text(blob)
    return None if isinstance(text, LeftOut) else text


@dataclass(frozen=True)
class _Pass:
    history: History
    view: Git
    repository: Repository
    changes: Changes

    def steps(self, start: Cursor) -> Iterator[Step]:
        paths: set[str] = set()
        last, position = start, 0
        for position, logged in enumerate(log(self.view, start.done, start.target), 1):
            paths.update(change.path for change in logged.changes)
            if position == start.position and start.last not in ("", logged.sha):
                yield from self._again(start)
                return
            if position > start.position:
                before, last = last, start.at(position, logged.sha)
                yield from self._commit(logged, before, last)
        if position < start.position:
            yield from self._again(start)
            return
        if self.history.versions == "last":
            for event in self._last_versions(start.target, paths):
                yield Step((event,), last)
        yield Step((), Cursor(start.target, edges=start.edges))

    def _again(self, start: Cursor) -> Iterator[Step]:
        """The pass from its beginning: its commits are not those that a position was counted in."""
        yield Step((), start, "commits were added below what was read: the pass begins again")
        yield from self.steps(start.at(0, ""))

    def _commit(self, logged: LoggedCommit, before: Cursor, cursor: Cursor) -> Iterator[Step]:
        """The steps of one commit; until its last part the cursor is the one before it.

        (A part sent twice is a copy, one not sent is lost.)
        """
        message = self._message(logged)
        commit = Commit(repository=self.repository, sha=logged.sha, message=message, files=[], date=logged.date)
        parts = self.changes.parts(logged.changes, len(encode(commit)) + SLACK)
        note = f"commit {logged.sha[:12]} is split by file into {len(parts)} parts" if len(parts) > 1 else ""
        for number, changes in enumerate(parts):
            part = msgspec.structs.replace(commit, part=number, parts=len(parts))
            whole = number + 1 == len(parts)
            yield Step(
                tuple(self._events(part, changes)), cursor if whole else before, note if number == 0 else "", int(whole)
            )
        if not parts:
            self.changes.left_out[NO_TEXT] += 1
            yield Step((), cursor, commits=1)

    def _message(self, logged: LoggedCommit) -> str:
        if len(logged.message) > MAX_MESSAGE:
            self.changes.left_out[CUT_MESSAGE] += 1
        return logged.message[:MAX_MESSAGE]

    def _events(self, commit: Commit, changes: list[PathChange]) -> Iterator[Event]:
        files = list(self.changes.read(changes))
        if not files:
            self.changes.left_out[NO_TEXT] += 1
            return
        if commit.sha in edges(self.view):  # git shows it as if it had added every file
            self.changes.left_out[EDGE] += 1
        else:
            yield msgspec.structs.replace(commit, files=[file for _, file in files])
        if self.history.versions == "all":
            versions = (SourceFile(path=f.path, text=f.after, blob=c.after) for c, f in files if f.after is not None)
            yield from pack(self.repository, versions, commit.sha)

    def _last_versions(self, target: str, paths: set[str]) -> Iterator[Event]:
        blobs = tree(self.view, target)
        return pack(self.repository, self._versions({p: blobs[p] for p in sorted(paths & blobs.keys())}), target)

    def _versions(self, blobs: dict[str, str]) -> Iterator[SourceFile]:
        for path, blob in blobs.items():
            text = self.changes.blobs.text(blob)
            if isinstance(text, LeftOut):
                self.changes.left_out[text.reason] += 1
            else:
                yield SourceFile(path=path, text=text, blob=blob)
