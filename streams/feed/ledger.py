"""The ledger: every piece that was trained on, in order. What "exactly once" is audited against.

It is cut back to the checkpoint's length when a run resumes, so it never holds a step that was undone. Every rank
writes a file of its own: `ledger.bin` is rank 0's, `ledger-1.bin` beside it that of rank 1, and so on.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from streams.document import Origin

_ROW = struct.Struct("<16sIqIIII")


class Entry(NamedTuple):
    topic_id: str
    partition: int
    offset: int
    index: int  # pyright: ignore[reportIncompatibleMethodOverride]
    piece: int
    pieces: int
    step: int

    @property
    def origin(self) -> Origin:
        return Origin(self.topic_id, self.partition, self.offset, self.index)


class Ledger:
    """An append-only file of fixed rows."""

    def __init__(self, path: Path, rank: int = 0, ranks: int = 1) -> None:
        """`path`: of rank 0's file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._rank, self._ranks = path, rank, ranks
        self._file = _of_rank(path, rank).open("ab")

    def truncate(self, length: int) -> None:
        """Forget what was trained after the checkpoint. Raises ValueError when the file is shorter than it says."""
        _cut(self._file.fileno(), length)
        self._file.seek(length)

    def settle(self, lengths: Mapping[int, int]) -> None:
        """The same for the files of ranks that are no more; what the checkpoint does not know of is emptied.

        File n is kept by rank n % ranks, so that each is kept by one. Raises ValueError as `truncate`.
        """
        for number, file in _files(self._path):
            if number % self._ranks == self._rank and number != self._rank:
                with file.open("ab") as other:
                    _cut(other.fileno(), lengths.get(number, 0))

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
    """All entries, of rank 0's file at `path` and of the others beside it; a torn last row (the machine died in a
    write) is left out."""
    for _, file in _files(path):
        data = file.read_bytes()
        whole = len(data) - len(data) % _ROW.size
        for topic_id, *rest in _ROW.iter_unpack(data[:whole]):
            yield Entry(topic_id.hex(), *rest)


def _of_rank(path: Path, rank: int) -> Path:
    return path.with_stem(f"{path.stem}-{rank}") if rank else path


def _files(path: Path) -> list[tuple[int, Path]]:
    """(rank, file) of those that are there, in the ranks' order."""
    numbers = (file.stem.rpartition("-")[2] for file in path.parent.glob(f"{path.stem}-*{path.suffix}"))
    ranks = sorted(int(number) for number in numbers if number.isdigit())
    return [(rank, file) for rank in (0, *ranks) if (file := _of_rank(path, rank)).exists()]


def _cut(descriptor: int, length: int) -> None:
    size = os.fstat(descriptor).st_size
    if size < length:
        raise ValueError(f"the ledger has {size} bytes, the checkpoint says {length}: it belongs to another run")
    os.ftruncate(descriptor, length)
