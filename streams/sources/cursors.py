"""The file that remembers how far a repository was read, written atomically."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec


class Cursor(msgspec.Struct, frozen=True):
    """How far a repository was read; empty: not at all."""

    done: str = ""
    """Everything that this commit reaches was sent."""
    target: str = ""
    """The commit that the pass in progress goes to; empty between passes."""
    position: int = 0
    """Commits of the pass that were sent."""
    last: str = ""
    """The commit at `position`; when another one stands there, the pass begins again."""
    edges: tuple[str, ...] = ()
    """Where a shallow clone ended when the pass began: a deeper one is read from its beginning."""

    def at(self, position: int, last: str) -> Cursor:
        return Cursor(self.done, self.target, position, last, self.edges)


@dataclass(frozen=True)
class CursorFile:
    """One repository and ref, as read into one topic: a topic made anew begins anew."""

    path: Path

    @classmethod
    def of(cls, folder: Path, repository: Path, ref: str, topic_id: str) -> CursorFile:
        key = "\0".join((str(repository.resolve()), ref, topic_id))
        return cls(folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json")

    def read(self) -> Cursor:
        """The stored cursor; an empty one when none was stored. Raises msgspec.DecodeError on a torn file."""
        if not self.path.exists():
            return Cursor()
        return msgspec.json.decode(self.path.read_bytes(), type=Cursor)

    def write(self, cursor: Cursor) -> None:
        """On disk when it returns: a temporary file is synced, then renamed. Only its owner may read it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.parent.chmod(0o700)
        part = self.path.with_suffix(f".{os.getpid()}.part")
        part.unlink(missing_ok=True)
        with open(part, "xb", opener=_private) as file:
            file.write(msgspec.json.encode(cursor))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
