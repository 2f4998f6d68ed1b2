"""JSON lines: a Row is a line, its keys in the order of the columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa

from streams.document import Document, Source
from streams.export.row import Row, row
from streams.export.state import Shard

Compression = Literal["none", "gzip", "zstd"]
SUFFIXES: dict[Compression, str] = {"none": ".jsonl", "gzip": ".jsonl.gz", "zstd": ".jsonl.zst"}
LINES_TOGETHER = 256
"""Lines that are handed to the compressor at once: a call for each costs more than the compression."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Row)


class Jsonl:
    """A `Layout`."""

    name = "jsonl"
    unit = "characters"

    def __init__(self, compression: Compression = "none") -> None:
        self._compression = compression
        self.suffixes = (SUFFIXES[compression],)

    def size(self, item: Row) -> int:
        return len(item.text)

    def item(self, document: Document, source: Source) -> Row:
        return row(document, source)

    def writer(self, base: Path) -> JsonlWriter:
        path = base.with_name(base.name + self.suffixes[0])
        plain = self._compression == "none"
        return JsonlWriter(path.open("wb") if plain else pa.CompressedOutputStream(str(path), self._compression))

    def read(self, base: Path) -> Iterator[Row]:
        path = base.with_name(base.name + self.suffixes[0])
        plain = self._compression == "none"
        with path.open("rb") if plain else pa.CompressedInputStream(str(path), self._compression) as file:
            rest = b""
            while block := file.read(1 << 20):
                *lines, rest = (rest + block).split(b"\n")
                yield from map(_decoder.decode, lines)

    def beside(self, shards: Iterable[Shard]) -> dict[str, bytes]:
        return {}


class JsonlWriter:
    def __init__(self, file: Any) -> None:
        self._file = file
        self._lines: list[bytes] = []

    def add(self, item: Row) -> None:
        self._lines.append(_encoder.encode(item))
        if len(self._lines) == LINES_TOGETHER:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        self._file.write(b"".join(line + b"\n" for line in self._lines))
        self._lines = []
