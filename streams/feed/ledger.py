"""The ledger: every piece that was trained on, in order. What "exactly once" is audited against.

Every rank of every reign (`model.reign`) writes a file of its own: `ledger-r3.bin` is that of rank 0 in reign 3,
`ledger-r3-1.bin` that of rank 1; those of before there were reigns are `ledger.bin` and `ledger-1.bin`. Nothing is
ever cut off: a checkpoint names how many bytes of each file count, and what stands behind them was undone.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import NamedTuple

from model.manifest import CheckpointError
from streams.document import Origin

_ROW = struct.Struct("<16sIqIIII")
_NAME = re.compile(r"ledger(?:-r(\d+))?(?:-(\d+))?\.bin")


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


def file_name(reign: int, rank: int) -> str:
    """Of the file that this rank writes in this reign."""
    return "ledger" + (f"-r{reign}" if reign else "") + (f"-{rank}" if rank else "") + ".bin"


class Ledger:
    """An append-only file of fixed rows, made when the first is written."""

    def __init__(self, folder: Path, reign: int = 0, rank: int = 0) -> None:
        self.name = file_name(reign, rank)
        self._path = folder / self.name
        self._file: FileIO | None = None

    def append(self, entries: Iterable[Entry]) -> int:
        """The file's length afterwards; on disk before the checkpoint that names it is.

        Raises FileExistsError when somebody else has written a file of this reign and rank.
        """
        rows = b"".join(_ROW.pack(bytes.fromhex(e.topic_id), *e[1:]) for e in entries)
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = FileIO(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        written = 0
        while written < len(rows):
            written += self._file.write(rows[written:]) or 0
        os.fdatasync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def check(folder: Path, lengths: Mapping[str, int]) -> None:
    """Raises CheckpointError when a file has fewer bytes than the checkpoint counts."""
    for name, length in lengths.items():
        path = folder / name
        size = path.stat().st_size if path.exists() else 0
        if size < length:
            raise CheckpointError(
                f"{path} has {size} bytes, and the checkpoint counts {length}: it belongs to another run, or was cut"
            )


def read(folder: Path, lengths: Mapping[str, int]) -> Iterator[Entry]:
    """All entries that count, by reign and rank. `lengths`: bytes by file name, as a checkpoint names them."""
    for name in sorted(lengths, key=_age):
        with (folder / name).open("rb") as file:
            data = file.read(lengths[name])
        whole = len(data) - len(data) % _ROW.size
        for topic_id, *rest in _ROW.iter_unpack(data[:whole]):
            yield Entry(topic_id.hex(), *rest)


def _age(name: str) -> tuple[int, int]:
    """Reign and rank that a file's name says."""
    match = _NAME.fullmatch(name)
    return (int(match[1] or 0), int(match[2] or 0)) if match else (0, 0)
