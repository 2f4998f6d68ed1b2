"""One ref of a repository, read in three lanes.

*Live*: the commits that came since the first sight, oldest first. *Present*: the tree at first sight, path by path.
*Past*: the history behind the first sight, newest first, each change as a window. Every lane goes over what git repeats
in the same order, so its cursor says where to go on. It is stored after the deliveries were confirmed: what was sent
between the last stored cursor and a crash is sent again, as new events; dedup finds them as exact copies. A cursor
never passes a commit that was not sent: whatever git cannot read is a GitError, and no end.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec

from streams.event import Repository
from streams.sources.folders.files import MAX_EVENT_BYTES, MAX_EVENT_FILES
from streams.sources.git import passes
from streams.sources.git.blobs import Blobs
from streams.sources.git.change.changes import Changes
from streams.sources.git.commits import Reading, Step, Versions
from streams.sources.git.cursors import Cursor, Cursors, Past, Present
from streams.sources.git.licences import CommitLicences, Listings
from streams.sources.git.log import tree
from streams.sources.git.objects import Git, GitError, NoRef, count_commits, edges, merge_base, view_of
from streams.sources.repository import host_and_name
from streams.sources.texts.text import Counts, clean

COMMITS = 20_000
"""Commits of the past that are read at most, the newest: [sources] history_commits."""
TREE_FILES = MAX_EVENT_FILES
"""Paths of the tree that one step takes at most."""


@dataclass(frozen=True)
class History:
    """One ref of one repository."""

    git: Git
    ref: str = "HEAD"
    name: str = ""
    versions: Versions = "all"
    copies: int = 3
    """Whole copies of one path that are sent."""
    commits: int = COMMITS
    branch: bool = False
    """Only what the ref has and HEAD has not is read."""
    tree_bytes: int = MAX_EVENT_BYTES
    """Of the tree that one step takes at most, or one larger file."""
    _described: dict[tuple[str, str], Repository] = field(default_factory=dict, repr=False, compare=False)
    """By name and commit: the lanes ask for the same one."""
    _listings: Listings = field(default_factory=Listings, repr=False, compare=False)

    @classmethod
    def open(
        cls, path: Path, ref: str = "HEAD", name: str = "", versions: Versions = "all", copies: int = 3,
        commits: int = COMMITS,
    ) -> History:  # fmt: skip
        """`path` is a work tree, a bare repository or a `.git`. Raises GitError when it is no repository."""
        git = Git(path.parent if path.name == ".git" and path.is_file() else path)
        git.check()
        return cls(git, ref, name, versions, copies, commits)

    def called(self, name: str, branch: bool = False) -> History:
        """The same under another name. `branch`: only what this ref has and HEAD has not."""
        return replace(self, name=name, branch=branch)

    def own_name(self) -> str | None:
        """The folder's name, where no remote tells another."""
        told = host_and_name(self.git.ask("config", "--get", "remote.origin.url"))
        return None if told or self.name else self._folder()

    def head(self) -> str:
        """The ref's commit; empty in a repository without one. Raises GitError for a ref that leads nowhere."""
        if commit := self.git.commit(self.ref):
            return commit
        if self.git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", self.ref):
            raise GitError(f"{self.git.path}: {self.ref} names an object that is not there or is no commit")
        if self.ref != "HEAD":
            raise NoRef(f"{self.git.path}: there is no {self.ref}: `git -C {self.git.path} branch --all` lists what is")
        return ""

    def warning(self) -> str:
        """What a person should know before the history is read; mostly nothing."""
        if self.git.is_partial():
            return (
                "a partial clone: files that it lacks, its licence among them, are left out; "
                f"`git -C {self.git.path} fetch --refetch --no-filter` brings them, and the next run reads them"
            )
        return "" if self.head() else "HEAD names no commit yet"

    def describe(self) -> Repository:
        """Name, host, licence and commits as of the ref."""
        with view_of(self.git) as view, Blobs(view) as blobs:
            return self._describe(view, self.head(), blobs)

    def begin(self, cursors: Cursors) -> tuple[Cursors, str]:
        """The cursors to go on with, and a word when they are not those that were stored: at first sight, and when the
        settings ask for more than they did."""
        head = self.head()
        known = bool(cursors.live.done or cursors.live.target or cursors.present.commit or cursors.past.start)
        if known and cursors.name != self.name and cursors.versions:
            again = self.begin(Cursors())[0]
            return again, f"it has another name now, {self.name or 'its own'}: it is read again"
        if not known and head and self.branch:
            with view_of(self.git) as view:
                base = merge_base(view, head, self.git.commit("HEAD"))
            nothing = Present(done=True), Past(done=True)
            return Cursors(2, Cursor(base), *nothing, versions=self.versions, name=self.name), ""
        if not known and head:
            return self._first_sight(head), ""
        if not known:  # all that comes will be new
            return Cursors(present=Present(done=True), past=Past(done=True), versions=self.versions, name=self.name), ""
        asked = ("none", "last", "all").index
        before = cursors.versions or self.versions
        settings = {"versions": self.versions, "name": self.name}
        if asked(self.versions) <= asked(before):
            return msgspec.structs.replace(cursors, **settings), ""
        done = cursors.live.done or head
        more = {"present": Present(done)} if before == "none" else {}
        more |= {"past": self._past(done)} if self.versions == "all" else {}
        note = f"--versions {self.versions} asks for more than {before}: what is missing is read again"
        return msgspec.structs.replace(cursors, **settings, **more), note

    def live(self, cursor: Cursor, left_out: Counts, present: str = "") -> Generator[Step[Cursor]]:
        """Every commit from the cursor to the ref as it is now; nothing when there is nothing new.

        `present`: the commit whose tree was read, which counts among a path's copies. Raises GitError for what cannot
        be read: all that comes before it was given.
        """
        head = self.head()
        with self._advice(), view_of(self.git) as view:
            start, note = self._begin(view, cursor, head, whole=not present)
            if note:
                yield Step((), cursor, note)  # the old cursor: nothing of the new pass is sent yet
            if not start.target or start.target == start.done:
                if start.done != cursor.done:  # the ref went back: it goes on from there, and that is said once
                    yield Step((), msgspec.structs.replace(start, target=""))
                return
            with self._reading(view, head or start.target, left_out, start.done) as reading:
                if present:
                    passes.count_copies(reading.copies, view, present, start.done)
                yield from passes.live(view, reading, start)

    def present(self, cursor: Present, left_out: Counts) -> Generator[Step[Present]]:
        """The tree's files in the order of their paths, some at a time; then nothing."""
        if cursor.done or not cursor.commit:
            return
        with (
            self._advice(),
            view_of(self.git) as view,
            self._reading(view, cursor.commit, left_out, cursor.commit) as reading,
        ):
            blobs = tree(view, cursor.commit, left_out=None if cursor.path else left_out)
            last = cursor
            sizes = reading.sizes({path: blobs[path] for path in sorted(blobs) if path > cursor.path})
            left = sum(sizes.values())
            for paths in self._steps_of(sizes):
                reading.changes.lacking.clear()
                events = tuple(reading.files({path: blobs[path] for path in paths}, cursor.commit))
                last = last.upto(paths[-1], reading.changes.lacking)
                yield Step(events, last, bytes_left=left)
                left -= sum(sizes[path] for path in paths)
            yield Step((), msgspec.structs.replace(last, done=True))

    def _steps_of(self, sizes: dict[str, int]) -> Iterator[list[str]]:
        """The paths in groups of at most TREE_FILES and `tree_bytes`."""
        group: list[str] = []
        total = 0
        for path, size in sizes.items():
            if group and (len(group) == TREE_FILES or total + size > self.tree_bytes):
                yield group
                group, total = [], 0
            group.append(path)
            total += size
        if group:
            yield group

    def past(self, cursor: Past, left_out: Counts) -> Generator[Step[Past]]:
        """The commits behind the first sight, the newest first, up to `commits` of them; then nothing."""
        if cursor.done or not cursor.start:
            return
        with (
            self._advice(),
            view_of(self.git) as view,
            self._reading(view, cursor.start, left_out, cursor.start) as reading,
        ):
            if self.versions == "all":
                reading.present.update(tree(view, cursor.start))
                reading.copies.update(reading.present.keys())
            yield from passes.past(view, reading, cursor, self.commits)

    def past_commits(self, start: str) -> int | None:
        """Commits of the past that are read at all; None: not known."""
        with view_of(self.git) as view:
            count = count_commits(view, start)
        return None if count is None else min(self.commits, count)

    def deepened(self, cursors: Cursors) -> Cursors:
        """With a past that is to be read on when the clone was deepened since it was read."""
        past = cursors.past
        if not past.done or not past.edges:
            return cursors
        with view_of(self.git) as view:
            ends = edges(view)
            if any(edge not in ends and view.commit(f"{edge}^") for edge in past.edges):
                return msgspec.structs.replace(cursors, past=Past(past.start, edges=ends))
        return cursors

    def mended(self, cursors: Cursors) -> tuple[Cursors, str]:
        """The lanes whose contents were missing go back to there once these have come, with a word about it."""
        lanes = {"live": cursors.live, "present": cursors.present, "past": cursors.past}
        if not any(lane.lacks for lane in lanes.values()):
            return cursors, ""
        with view_of(self.git) as view, Blobs(view) as blobs:
            known = blobs.sizes([lane.lacks for lane in lanes.values() if lane.lacks])
        back = {name: lane.again() for name, lane in lanes.items() if lane.lacks in known}
        note = "contents that were missing are there now: it is read again from where they were" if back else ""
        return msgspec.structs.replace(cursors, **back), note

    def _first_sight(self, head: str) -> Cursors:
        present = Present(head, done=self.versions == "none")
        return Cursors(
            live=Cursor(head), present=present, past=self._past(head), versions=self.versions, name=self.name
        )

    def _past(self, start: str) -> Past:
        with view_of(self.git) as view:
            return Past(start, edges=edges(view), done=self.commits == 0)

    @contextmanager
    def _reading(self, view: Git, head: str, left_out: Counts, begin: str | None = None) -> Generator[Reading]:
        """`begin`: the commit as of whose tree the files' licences are at first; empty: of none. Default: `head`."""
        with Blobs(view) as blobs:
            changes, licences = Changes(blobs, left_out), CommitLicences(self._listings, view, blobs)
            repository = self._described.get((self.name, head)) or self._describe(view, head, blobs)
            self._described[self.name, head] = repository
            licences.begin(head if begin is None else begin)
            licences.head = repository.licence
            yield Reading(repository, changes, self.versions, self.copies, edges(view), licences)

    @contextmanager
    def _advice(self) -> Generator[None]:
        """Adds to an error what can be done about it."""
        try:
            yield
        except GitError as error:
            place = self.git.path
            advice = f"`git -C {place} fsck` tells what it lacks; it goes on there once it is whole"
            if " ended with status -" in str(error):
                advice = "git was killed: run it again, and it goes on there"
            if self.git.is_partial():
                advice = (
                    "it is a partial clone without the history's trees or commits; fetch them with "
                    f"`git -C {place} fetch --refetch --no-filter`, or clone again without --filter"
                )
            raise GitError(f"{error}. What comes before was read; {advice}.") from error

    def _describe(self, view: Git, head: str, blobs: Blobs) -> Repository:
        host, name = host_and_name(self.git.ask("config", "--get", "remote.origin.url")) or ("local", self._folder())
        licences = CommitLicences(self._listings, view, blobs, head)
        spdx, text = licences.repository()
        commits = (count_commits(view, head) if head else None) or 0
        if self.name:
            host, name = "local", clean(self.name)
        tests, language = self._listings.facts(view, head)
        return Repository(
            host=host, name=name, licence=spdx, licence_text=text, commits=commits, tests=tests, language=language
        )

    def _folder(self) -> str:
        """The folder's name; that of the repository itself for a worktree of it."""
        common = self.git.path_of("--git-common-dir")
        folder = common.parent if common.name == ".git" else common
        return clean(folder.name.removesuffix(".git")) or "repository"

    def _begin(self, view: Git, cursor: Cursor, head: str, whole: bool) -> tuple[Cursor, str]:
        """The pass to go on with, or a new one to the ref, with a word when the history is another.

        `whole`: this lane reads the past, too, so a clone that was deepened is read from its beginning.
        """
        done, ends = cursor.done, edges(view) if whole else ()
        begun = partial(Cursor, edges=ends, lacks=cursor.lacks, lacks_from=cursor.lacks_from)
        if any(edge not in ends and view.commit(f"{edge}^") for edge in cursor.edges):
            return begun("", self.head()), "the clone reaches further back now: going on from the beginning"
        if cursor.target and view.commit(cursor.target) and (not done or view.commit(done)):
            return cursor, ""
        base = merge_base(view, done, head) if done and head else ""
        if not done or not head or base == done:
            return begun(done, head), ""
        if base == head:
            return begun(base, head), f"{self.ref} went back to {base[:12]}: what comes after that is read"
        place = f"from their last common commit {base[:12]}" if base else "from the beginning"
        note = f"the history of {self.ref} was rewritten: going on {place}"
        return begun(base, head), note
