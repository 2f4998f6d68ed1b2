"""The ledger: every piece that was trained on, in order. What "exactly once" is audited against.

It is cut back to the checkpoint's length when a run resumes, so it never holds a step that was undone.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from streams.document import Origin

_ROW = struct.Struct("<16sIqIIII")


class Entry(NamedTuple):
    topic_id: str
    partition: int
    offset: int
    index: int
    piece: int
    pieces: int
    step: int

    @property
    def origin(self) -> Origin:
        return Origin(self.topic_id, self.partition, self.offset, self.index)


class Ledger:
    """An append-only file of fixed rows."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab")

    def truncate(self, length: int) -> None:
        """Forget what was trained after the checkpoint. Raises ValueError when the file is shorter than it says."""
        size = os.fstat(self._file.fileno()).st_size
        if size < length:
            raise ValueError(f"the ledger has {size} bytes, the checkpoint says {length}: it belongs to another run")
        self._file.truncate(length)
        self._file.seek(length)

    def append(self, entries: Iterable[Entry]) -> int:
        """The file's length afterwards; on disk before the checkpoint that names it is."""
        rows = b"".join(_ROW.pack(bytes.fromhex(e.topic_id), *e[1:]) for e in entries)
        self._file.write(rows)
        self._file.flush()
        os.fdatasync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> Iterator[Entry]:
    """All entries; a torn last row (the machine died in a write) is left out."""
    if not path.exists():
        return
    data = path.read_bytes()
    whole = len(data) - len(data) % _ROW.size
    for topic_id, *rest in _ROW.iter_unpack(data[:whole]):
        yield Entry(topic_id.hex(), *rest)
