"""The file that remembers how far a repository was read, written atomically."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from streams import statefile


class Cursor(msgspec.Struct, frozen=True):
    """How far the new commits were read, oldest first; empty: nothing was."""

    done: str = ""
    """Everything that this commit reaches was sent, or is the present's and the past's to send."""
    target: str = ""
    """The commit that the pass in progress goes to; empty between passes."""
    position: int = 0
    """Commits of the pass that were sent."""
    last: str = ""
    """The commit at `position`; when another one stands there, the pass begins again."""
    edges: tuple[str, ...] = ()
    """Where a shallow clone ended when the pass began: a deeper one is read from its beginning."""
    lacks: str = ""
    """The first contents that were not there, a blob's id: once they are, it is read again from `lacks_from` on."""
    lacks_from: str = ""
    """`done` of the pass that they are missing in."""

    def at(self, position: int, last: str) -> Cursor:
        return msgspec.structs.replace(self, position=position, last=last)

    def lacking(self, ids: Sequence[str]) -> Cursor:
        """The same, with the first of the contents that were not there; the first ones of all stay."""
        return self if self.lacks or not ids else msgspec.structs.replace(self, lacks=ids[0], lacks_from=self.done)

    def again(self) -> Cursor:
        """Where to read from once what was lacking is there."""
        return Cursor(self.lacks_from, edges=self.edges)


class Present(msgspec.Struct, frozen=True):
    """How far the tree was read that stood there at first sight."""

    commit: str = ""
    """Whose tree; empty: none is read."""
    path: str = ""
    """The last path that was sent, in the paths' order."""
    done: bool = False
    lacks: str = ""
    """As a Cursor's."""
    lacks_from: str = ""
    """`path` before the step that they are missing in."""

    def upto(self, path: str, lacking: Sequence[str]) -> Present:
        """`lacking`: ids of contents of the step that were not there."""
        lacks = {"lacks": lacking[0], "lacks_from": self.path} if lacking and not self.lacks else {}
        return msgspec.structs.replace(self, path=path, **lacks)

    def again(self) -> Present:
        return Present(self.commit, self.lacks_from)


class Past(msgspec.Struct, frozen=True):
    """How far the history behind the first sight was read, newest first."""

    start: str = ""
    """Its newest commit; empty: none is read."""
    position: int = 0
    """Commits that were sent."""
    last: str = ""
    """The commit at `position`; when another one stands there, it is read from its newest again."""
    done: bool = False
    edges: tuple[str, ...] = ()
    """Where a shallow clone ended when this began."""
    lacks: str = ""
    """As a Cursor's."""
    lacks_from: int = 0
    """`position` before the commit that they are missing in."""

    def at(self, position: int, last: str) -> Past:
        return msgspec.structs.replace(self, position=position, last=last)

    def lacking(self, ids: Sequence[str]) -> Past:
        """As a Cursor's, of a commit at `position`."""
        if self.lacks or not ids:
            return self
        return msgspec.structs.replace(self, lacks=ids[0], lacks_from=self.position - 1)

    def again(self) -> Past:
        """`last` is not known there, and any will do."""
        return Past(self.start, self.lacks_from, edges=self.edges)


class Cursors(msgspec.Struct, frozen=True):
    """How far one ref of a repository was read, lane by lane, and the settings that it was read with."""

    v: int = 2
    live: Cursor = Cursor()
    present: Present = Present()
    past: Past = Past()
    versions: str = ""
    """`--versions`; empty before anything was read."""
    name: str = ""
    """`--name`."""


@dataclass(frozen=True)
class CursorFile:
    """One repository and ref, as read into one topic: a topic made anew begins anew."""

    path: Path

    @classmethod
    def of(cls, folder: Path, repository: Path, ref: str, topic_id: str) -> CursorFile:
        key = "\0".join((str(repository.resolve()), ref, topic_id))
        return cls(folder / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json")

    def read(self) -> Cursors:
        """The stored cursors; empty ones when none were stored. Raises msgspec.DecodeError on a torn file.

        A file of version 1 is one cursor, for everything from the oldest commit on: its past is read once its pass is.
        """
        if not self.path.exists():
            return Cursors()
        value = self.path.read_bytes()
        if msgspec.json.decode(value, type=_Version).v == 1:
            done = Present(done=True), Past(done=True)
            return Cursors(2, msgspec.json.decode(value, type=Cursor), *done)
        return msgspec.json.decode(value, type=Cursors)

    def write(self, cursor: Cursors) -> None:
        """On disk when it returns: a temporary file is synced, then renamed. Only its owner may read it."""
        statefile.write(self.path, msgspec.json.encode(cursor), synced=True)
        self.path.parent.chmod(0o700)


class _Version(msgspec.Struct):
    v: int = 1
