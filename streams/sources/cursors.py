"""The file that remembers how far a repository was read, written atomically."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from streams.sources.git import Cursor


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
        """On disk when it returns: a temporary file is synced, then renamed."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(f".{os.getpid()}.part")
        with part.open("wb") as file:
            file.write(msgspec.json.encode(cursor))
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path)
