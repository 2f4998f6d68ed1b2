"""The export's folder: what is seen in it under a final name never disagrees with `export.json`.

A commit writes shards into a folder of its own, then replaces `export.json`, which is the moment
that counts, then moves the shards to their names. After a kill at any point, `settle` finishes what
was committed and throws away what was not.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from streams.export.state import ExportError, ExportState, decode, encode

STATE = "export.json"
COMMIT, UNFINISHED = ".commit-", ".unfinished-"

SHARD = re.compile(r"shard-\d{3,}-\d{5,}\.")

Beside = Callable[[ExportState], dict[str, bytes]]
"""The files that follow from a state, by name: the data card, an index."""


def onward(step: str) -> None:
    """What happens between two steps: nothing."""


class Folder:
    """`between` is called with a name after every step that a kill could follow."""

    def __init__(self, path: Path, between: Callable[[str], None] = onward) -> None:
        self.path = path
        self._between = between

    @contextmanager
    def held(self) -> Iterator[Folder]:
        """Makes the folder, and keeps other exports out of it. Raises ExportError when one is in there."""
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield self
        except BlockingIOError as error:
            raise ExportError("another export is writing into it") from error
        finally:
            os.close(descriptor)

    def read(self) -> ExportState | None:
        """None for an empty folder. Raises ExportError for one with other files in it."""
        with suppress(FileNotFoundError):
            return decode((self.path / STATE).read_bytes())
        if any(not entry.name.startswith((COMMIT, UNFINISHED)) for entry in self.path.iterdir()):
            raise ExportError("it is not empty, and what is in it is no export")
        return None

    def staged(self, state: ExportState, name: str) -> Path:
        """Where a shard's files wait for the next commit, without a suffix."""
        waiting = self._waiting(state.commits + 1)
        waiting.mkdir(exist_ok=True)
        return waiting / name

    def published(self, name: str) -> Path:
        return self.path / name

    def commit(self, state: ExportState, beside: Beside) -> None:
        """The state with the shards that are staged for it; they are on disk when it returns."""
        waiting = self._waiting(state.commits + 1)
        if waiting.exists():
            for file in sorted(waiting.iterdir()):
                _sync(file)
            _sync(waiting)
            self._between("shards are written")
        _sync(self.path)
        state.commits += 1
        self._replace(STATE, encode(state))
        self._settle(state, beside)

    def settle(self, state: ExportState | None, beside: Beside) -> None:
        """Finishes the last commit and drops an unfinished one. Raises ExportError when shards are gone or changed."""
        commits = state.commits if state else 0
        for left in [*self.path.glob(UNFINISHED + "*"), *self.path.glob(COMMIT + "*")]:
            if left.is_dir() and left != self._waiting(commits):
                shutil.rmtree(left)
            elif left.is_file():
                left.unlink()
        if state:
            self._settle(state, beside)

    def _settle(self, state: ExportState, beside: Beside) -> None:
        waiting = self._waiting(state.commits)
        if waiting.exists():
            for file in sorted(waiting.iterdir()):
                file.replace(self.path / file.name)
                self._between(f"{file.name} is in place")
            waiting.rmdir()
        self._check(state)
        for name, data in beside(state).items():
            path = self.path / name
            if not path.exists() or path.read_bytes() != data:
                self._replace(name, data)
        _sync(self.path)

    def _check(self, state: ExportState) -> None:
        sizes = {shard.name + suffix: size for shard in state.shards for suffix, size in shard.files.items()}
        there = {path.name: path for path in self.path.iterdir() if SHARD.match(path.name)}
        for name, size in sizes.items():
            if name not in there or there[name].stat().st_size != size:
                raise ExportError(f"{name} is not what was written there; export into another folder")
        for name in sorted(set(there) - set(sizes)):
            there[name].unlink()
            self._between(f"{name} is deleted")

    def _replace(self, name: str, data: bytes) -> None:
        unfinished = self.path / f"{UNFINISHED}{name}"
        unfinished.write_bytes(data)
        _sync(unfinished)
        self._between(f"{name} is written")
        unfinished.replace(self.path / name)
        _sync(self.path)
        self._between(f"{name} is replaced")

    def _waiting(self, commit: int) -> Path:
        return self.path / f"{COMMIT}{commit}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
