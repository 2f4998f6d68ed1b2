"""A repository's commits with the paths that each has changed, as `git log --raw -z` tells them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import IO

from streams.sources.objects import Child, Git, GitError

LOG = (
    *("log", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-merges", "--reverse", "--topo-order"),
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-mailmap", "--no-notes", "--no-relative", "-O/dev/null"),
    *("--encoding=UTF-8", "--format=tformat:%x00%x01%H%x00%cI%x00%B%x00"),
)
REGULAR = ("100644", "100755", "100664")


@dataclass(frozen=True)
class PathChange:
    """One changed path of a commit; an id is empty where that side has no file."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class LoggedCommit:
    """One commit of the log, without contents."""

    sha: str
    date: str
    """Of the committer, ISO 8601."""
    message: str
    changes: tuple[PathChange, ...]
    """Regular files only: links and submodules are left out."""


def log(git: Git, done: str, target: str) -> Iterator[LoggedCommit]:
    """The commits in `target` and not in `done` (empty: all), parents first, in the same order every time.

    Raises GitError when git ends before the history does; the commits given until then are whole.
    """
    with Child(git, *LOG, target, *([f"^{done}"] if done else []), "--") as child:
        try:
            last = yield from _parse(_fields(child.output))
        except EOFError:
            child.check()
            raise GitError(f"{git.path}: git log ended within a commit") from None
        child.check()  # the last commit may lack what git did not come to
        if last:
            yield last


def tree(git: Git, commit: str, path: str = "") -> dict[str, str]:
    """Path to blob id of every regular file; with `path`, of that folder itself only (`.` is the root)."""
    arguments = ("ls-tree", "-z", "--full-tree") + (() if path else ("-r",))
    entries: dict[str, str] = {}
    for entry in git.run(*arguments, commit).split(b"\0"):
        head, _, name = entry.partition(b"\t")
        if head[:6].decode() in REGULAR:
            entries[name.decode(errors="replace")] = head.split()[2].decode()
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
    """A commit is \\x01 and its id, date, message, then for each path `:modes ids status` and the path.

    Gives each commit once the next one begins, and returns the last. Raises EOFError within a commit.
    """
    head: tuple[str, str, str] | None = None
    changes: list[PathChange] = []
    for field in fields:
        if field.startswith(b"\x01"):
            if head:
                yield LoggedCommit(*head, tuple(changes))
            date, message = _next(fields), _next(fields)
            head = (field[1:].decode(), date.decode(), message.decode(errors="replace").strip("\n"))
            changes = []
        elif field.lstrip(b"\n").startswith(b":"):
            change = _change(field.lstrip(b"\n").decode(), _next(fields))
            if change:
                changes.append(change)
    return LoggedCommit(*head, tuple(changes)) if head else None


def _next(fields: Iterator[bytes]) -> bytes:
    field = next(fields, None)
    if field is None:
        raise EOFError
    return field


def _change(entry: str, path: bytes) -> PathChange | None:
    old_mode, new_mode, before, after, _ = entry[1:].split()
    sides = (before if old_mode in REGULAR else "", after if new_mode in REGULAR else "")
    if sides == ("", "") or sides[0] == sides[1]:  # no file on either side, or only the mode changed
        return None
    return PathChange(path.decode(errors="replace"), *sides)
