"""A git repository read by two processes: `log --raw -z` for the changes, one `cat-file` for the contents."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from streams.sources.text import MAX_FILE_BYTES, TOO_LARGE, LeftOut, text_of

SAFE = (
    *("-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"),
    *("-c", "protocol.allow=never", "-c", "log.showSignature=false", "-c", "log.showRoot=true"),
    *("-c", "core.quotePath=false", "-c", "i18n.logOutputEncoding=UTF-8", "-c", "gc.auto=0"),
)
"""A repository's own configuration runs no program, opens no connection and does not change the format."""

LOG = (
    *("log", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-merges", "--reverse", "--topo-order"),
    *("--no-ext-diff", "--no-textconv", "--no-color", "--no-mailmap", "--encoding=UTF-8"),
    "--format=tformat:%x00%x01%H%x00%cI%x00%B%x00",
)
MISSING = LeftOut("missing in this clone")
REQUEST_IDS = 500
"""Ids a request: what is asked must fit the pipe, or both sides would wait for each other."""
REGULAR = ("100644", "100755", "100664")


class GitError(Exception):
    """git could not do what was asked; the message is git's own last line."""


@dataclass(frozen=True)
class Change:
    """One changed path of a commit; an id is empty where that side has no file."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Logged:
    """One commit of the log, without contents."""

    sha: str
    date: str
    """Of the committer, ISO 8601."""
    message: str
    changes: tuple[Change, ...]
    """Regular files only: links and submodules are left out."""


@dataclass(frozen=True)
class Git:
    """A repository's folder, or a bare repository."""

    path: Path

    def command(self, *arguments: str) -> list[str]:
        return ["git", *SAFE, "-C", str(self.path), *arguments]

    def run(self, *arguments: str) -> bytes:
        """The output. Raises GitError."""
        told = subprocess.run(self.command(*arguments), capture_output=True, env=_environment())
        if told.returncode:
            lines = told.stderr.decode(errors="replace").strip().splitlines()
            raise GitError(f"{self.path}: {lines[-1] if lines else 'git ' + arguments[0] + ' failed'}")
        return told.stdout

    def ask(self, *arguments: str) -> str:
        """The output's text, stripped; empty when git says no."""
        told = subprocess.run(self.command(*arguments), capture_output=True, env=_environment())
        return "" if told.returncode else told.stdout.decode(errors="replace").strip()

    def commit(self, ref: str) -> str:
        """The commit that a ref or id names; empty when there is none."""
        return self.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")

    def is_ancestor(self, older: str, newer: str) -> bool:
        return self.ask("merge-base", older, newer) == older

    def merge_base(self, one: str, other: str) -> str:
        """A best common ancestor; empty when there is none or one of them is gone."""
        return self.ask("merge-base", one, other)

    def tree(self, commit: str, path: str = "") -> dict[str, str]:
        """Path to blob id of every regular file; with `path`, of that folder itself only (`.` is the root)."""
        arguments = ("ls-tree", "-z", "--full-tree") + (() if path else ("-r",))
        entries: dict[str, str] = {}
        for entry in self.run(*arguments, commit).split(b"\0"):
            head, _, name = entry.partition(b"\t")
            if head[:6].decode() in REGULAR:
                entries[name.decode(errors="replace")] = head.split()[2].decode()
        return entries

    def log(self, done: str, target: str) -> Iterator[Logged]:
        """The commits in `target` and not in `done` (empty: all), parents first, in the same order every time."""
        arguments = self.command(*LOG, target, *([f"^{done}"] if done else []), "--")
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment())
        assert process.stdout is not None
        try:
            yield from _parse_log(_fields(process.stdout))
        finally:
            process.stdout.close()
            process.terminate()
            process.wait()


def _environment() -> dict[str, str]:
    ours = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, **ours, "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}


def _fields(stream: IO[bytes]) -> Iterator[bytes]:
    """The NUL-separated fields of a stream, read in pieces."""
    rest = b""
    while piece := stream.read1(1 << 16):  # type: ignore[attr-defined]
        *whole, rest = (rest + piece).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _parse_log(fields: Iterator[bytes]) -> Iterator[Logged]:
    """A commit is \\x01 and its id, date, message, then for each path `:modes ids status` and the path."""
    head: tuple[str, str, str] | None = None
    changes: list[Change] = []
    for field in fields:
        if field.startswith(b"\x01"):
            if head:
                yield Logged(*head, tuple(changes))
            date, message = next(fields), next(fields)
            head = (field[1:].decode(), date.decode(), message.decode(errors="replace").strip("\n"))
            changes = []
        elif field.lstrip(b"\n").startswith(b":"):
            change = _change(field.lstrip(b"\n").decode(), next(fields))
            if change:
                changes.append(change)
    if head:
        yield Logged(*head, tuple(changes))


def _change(entry: str, path: bytes) -> Change | None:
    old_mode, new_mode, before, after, _ = entry[1:].split()
    sides = (before if old_mode in REGULAR else "", after if new_mode in REGULAR else "")
    if sides == ("", "") or sides[0] == sides[1]:  # no file on either side, or only the mode changed
        return None
    return Change(path.decode(errors="replace"), *sides)


class Blobs:
    """One long-lived `cat-file` that answers requests of many ids at a time. Close it."""

    def __init__(self, git: Git) -> None:
        command = git.command("cat-file", "--batch-command", "--buffer")
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment())
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout

    def __enter__(self) -> Blobs:
        return self

    def __exit__(self, *error: object) -> None:
        self._input.close()
        self._output.close()
        self._process.wait()

    def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        """Bytes of each blob; what is missing is left out."""
        found: dict[str, int] = {}
        for at in range(0, len(ids), REQUEST_IDS):
            asked = ids[at : at + REQUEST_IDS]
            self._ask("info", asked)
            for id_, size in zip(asked, [self._header() for _ in asked], strict=True):
                if size is not None:
                    found[id_] = size
        return found

    def texts(self, ids: Sequence[str]) -> dict[str, str | LeftOut]:
        """The text of each blob, or why there is none. Ask for no more than fits in memory."""
        found: dict[str, str | LeftOut] = {}
        for at in range(0, len(ids), REQUEST_IDS):
            asked = ids[at : at + REQUEST_IDS]
            self._ask("contents", asked)
            for id_ in asked:
                found[id_] = self._text()
        return found

    def _ask(self, verb: str, ids: Sequence[str]) -> None:
        self._input.write("".join(f"{verb} {id_}\n" for id_ in ids).encode() + b"flush\n")
        self._input.flush()

    def _header(self) -> int | None:
        line = self._output.readline()
        if not line:
            raise GitError("git cat-file ended; it needs git 2.36 or newer")
        return None if line.endswith(b" missing\n") else int(line.split()[2])

    def _text(self) -> str | LeftOut:
        size = self._header()
        if size is None:
            return MISSING
        if size <= MAX_FILE_BYTES:
            value = self._output.read(size)
            self._output.read(1)
            return text_of(value)
        for _ in range(0, size + 1, MAX_FILE_BYTES):
            size -= len(self._output.read(min(MAX_FILE_BYTES, size + 1)))
        return TOO_LARGE
