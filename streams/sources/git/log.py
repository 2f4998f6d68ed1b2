"""A repository's commits with the paths that each has changed, as `git log --raw -z` tells them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import IO

from streams.sources.folders import folder
from streams.sources.git.objects import Child, Git, GitError
from streams.sources.texts.text import Counts

LOG = (
    *("log", "--raw", "-z", "-l200", "--no-abbrev", "--diff-merges=combined", "--topo-order"),
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-mailmap", "--no-notes", "--no-relative", "-O/dev/null"),
    *("--encoding=UTF-8", "--format=tformat:%x00%x01%H%x00%P%x00%cI%x00%B%x00"),
)
"""Renames are sought among at most 200 files of a commit; of a merge come the paths that differ from every parent."""
RENAMES, EXACT_RENAMES = "--find-renames=50%", "--find-renames=100%"
REGULAR = ("100644", "100755", "100664")
LINK, SUBMODULE = "120000", "160000"
LEFT_OUT = {LINK: folder.LINK, SUBMODULE: "submodule"}


@dataclass(frozen=True)
class PathChange:
    """One changed path of a commit; an id is empty where that side has no file."""

    path: str
    before: str
    after: str
    former: str = ""
    """The path before a rename; empty without one."""
    others: tuple[str, ...] = ()
    """Of a merge: the file's ids in the further parents, `before` being that in the first."""
    is_link: bool = False
    """The ids are those of links, not of files."""


@dataclass(frozen=True)
class LoggedCommit:
    """One commit of the log, without contents."""

    sha: str
    date: str
    """Of the committer, ISO 8601."""
    message: str
    changes: tuple[PathChange, ...]
    """Regular files only."""
    parents: int = 1
    left_out: tuple[str, ...] = ()
    """Why changed paths are none of `changes`: links, submodules."""
    links: tuple[PathChange, ...] = ()
    """Changed ones: they may lead to a licence."""


def log(git: Git, done: str, target: str, newest_first: bool = False) -> Iterator[LoggedCommit]:
    """The commits in `target` and not in `done` (empty: all), in the same order every time.

    Parents come first, or children first with `newest_first`. Where contents are missing, which git compares to find
    renames, those that change nothing but the path are still found. Raises GitError when git ends before the history
    does; the commits given until then are whole.
    """
    given = 0
    try:
        for commit in _log(git, done, target, newest_first, RENAMES):
            given += 1
            yield commit
    except GitError:
        yield from islice(_log(git, done, target, newest_first, EXACT_RENAMES), given, None)


def _log(git: Git, done: str, target: str, newest_first: bool, renames: str) -> Iterator[LoggedCommit]:
    order = () if newest_first else ("--reverse",)
    with Child(git, *LOG, renames, *order, target, *([f"^{done}"] if done else []), "--") as child:
        try:
            last = yield from _parse(_fields(child.output))
        except EOFError:
            child.check()
            raise GitError(f"{git.path}: git log ended within a commit") from None
        child.check()  # the last commit may lack what git did not come to
        if last:
            yield last


def tree(git: Git, commit: str, left_out: Counts | None = None, links: dict[str, str] | None = None) -> dict[str, str]:
    """Path to blob id of every regular file.

    Links and submodules are counted in `left_out`, and the links are put into `links`, where these are given.
    """
    entries: dict[str, str] = {}
    for entry in git.run("ls-tree", "-z", "--full-tree", "-r", commit).split(b"\0"):
        head, _, name = entry.partition(b"\t")
        mode = head[:6].decode()
        if mode in REGULAR:
            entries[name.decode(errors="replace")] = head.split()[2].decode()
        elif left_out is not None and mode in LEFT_OUT:
            left_out[LEFT_OUT[mode]] += 1
        if links is not None and mode == LINK:
            links[name.decode(errors="replace")] = head.split()[2].decode()
    return entries


def _fields(stream: IO[bytes]) -> Iterator[bytes]:
    """The fields of a stream, each ended by NUL, read in pieces."""
    rest: list[bytes] = []
    while piece := stream.read1(1 << 16):  # type: ignore[attr-defined]
        *whole, end = piece.split(b"\0")
        if whole:
            yield b"".join((*rest, whole[0]))
            yield from whole[1:]
            rest = []
        rest.append(end)


def _parse(fields: Iterator[bytes]) -> Generator[LoggedCommit, None, LoggedCommit | None]:
    """A commit is \\x01 and its id, parents, date, message, then for each path `:modes ids status` and the path.

    Gives each commit once the next one begins, and returns the last. Raises EOFError within a commit.
    """
    commit: LoggedCommit | None = None
    changes: list[PathChange] = []
    left_out: list[str] = []
    for field in fields:
        if field.startswith(b"\x01"):
            if commit:
                yield _whole(commit, changes, left_out)
            parents, date, message = _next(fields), _next(fields), _next(fields)
            text = message.decode(errors="replace").strip("\n")
            commit = LoggedCommit(field[1:].decode(), date.decode(), text, (), len(parents.split()))
            changes, left_out = [], []
        elif field.lstrip(b"\n").startswith(b":"):
            change = _change(field.lstrip(b"\n").decode(), fields)
            if isinstance(change, PathChange):
                changes.append(change)
            elif change:
                left_out.append(change)
    return _whole(commit, changes, left_out) if commit else None


def _whole(commit: LoggedCommit, changes: list[PathChange], left_out: list[str]) -> LoggedCommit:
    files, links = (tuple(c for c in changes if c.is_link is is_link) for is_link in (False, True))
    return replace(commit, changes=files, links=links, left_out=(*left_out, *(LEFT_OUT[LINK] for _ in links)))


def _next(fields: Iterator[bytes]) -> bytes:
    field = next(fields, None)
    if field is None:
        raise EOFError
    return field


def _change(entry: str, fields: Iterator[bytes]) -> PathChange | str:
    """`:modes ids status`, with a colon, a mode and an id for each parent, and the paths that follow.

    Else why it is no change of a file or a link: a name of LEFT_OUT; empty where only the mode changed.
    """
    parents = len(entry) - len(entry.lstrip(":"))
    *columns, status = entry[parents:].split()
    modes, ids = columns[: parents + 1], columns[parents + 1 :]
    former = _next(fields).decode(errors="replace") if parents == 1 and status[0] in "RC" else ""
    path = _next(fields).decode(errors="replace")
    before, *others, after = (id_ if mode in REGULAR else "" for mode, id_ in zip(modes, ids, strict=True))
    if before or after:
        if before == after and not former:
            return ""  # only the mode changed
        return PathChange(path, before, after, former, tuple(others))
    reason = next((LEFT_OUT[mode] for mode in reversed(modes) if mode in LEFT_OUT), "")
    if reason != LEFT_OUT[LINK]:
        return reason
    before, *_, after = (id_ if mode == LINK else "" for mode, id_ in zip(modes, ids, strict=True))
    return PathChange(path, before, after, former, is_link=True)
