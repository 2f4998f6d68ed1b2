"""MosaicML Streaming's shards, version 2, uncompressed.

A shard: the number of samples as uint32; the offset of every sample and of the end, as uint32 from the file's
start; the columns as JSON; the samples. A sample: the size of each column of variable size as uint32; the
columns' bytes. Columns stand in alphabetical order. `index.json` repeats the columns for every shard.
(Layout of mosaicml-streaming 0.13, streaming/base/format/mds.)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from streams.document import Document, Source
from streams.export.row import Row, row
from streams.export.state import Shard

COLUMNS: dict[str, str] = dict(
    sorted(
        {
            "origin": "str", "id": "str", "kind": "str", "repository": "str", "path": "str", "language": "str",
            "licence": "str", "revision": "str", "stars": "int", "number": "int", "state": "str",
            "redactions": "json", "text": "str", "parts": "json",
        }.items()
    )
)  # fmt: skip
"""Column to encoding: str is UTF-8, int is int64, json is UTF-8 of JSON."""
UNKNOWN_STARS = -1
"""The layout has no empty values."""
_HEADER: dict[str, Any] = {
    "version": 2,
    "format": "mds",
    "compression": None,
    "hashes": [],
    "size_limit": None,
    "column_names": list(COLUMNS),
    "column_encodings": list(COLUMNS.values()),
    "column_sizes": [8 if encoding == "int" else None for encoding in COLUMNS.values()],
}
_HEADER_BYTES = json.dumps(_HEADER, sort_keys=True).encode()


class Mds:
    """A `Layout`."""

    name = "mds"
    unit = "characters"
    suffixes: tuple[str, ...] = (".mds",)

    def size(self, item: Row) -> int:
        return len(item.text)

    def item(self, document: Document, source: Source) -> Row:
        return row(document, source)

    def writer(self, base: Path) -> MdsWriter:
        return MdsWriter(_file(base))

    def read(self, base: Path) -> Iterator[Row]:
        with _file(base).open("rb") as file:
            (count,) = np.frombuffer(file.read(4), "<u4")
            offsets = np.frombuffer(file.read(4 * (int(count) + 1)), "<u4").astype(np.int64)
            file.seek(int(offsets[0]))
            for size in np.diff(offsets):
                yield decode(file.read(int(size)))

    def beside(self, shards: Iterable[Shard]) -> dict[str, bytes]:
        listed = [
            {
                **_HEADER,
                "samples": shard.documents,
                "raw_data": {"basename": shard.name + ".mds", "bytes": shard.files[".mds"], "hashes": {}},
                "zip_data": None,
            }
            for shard in shards
            if shard.documents
        ]
        return {"index.json": json.dumps({"version": 2, "shards": listed}, sort_keys=True).encode()}


class MdsWriter:
    """The offsets stand before the samples, so samples wait in a file of their own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting = path.with_suffix(".samples")
        self._samples = self._waiting.open("wb")
        self._sizes: list[int] = []

    def add(self, item: Row) -> None:
        sample = encode(item)
        self._samples.write(sample)
        self._sizes.append(len(sample))

    def close(self) -> None:
        self._samples.close()
        count = len(self._sizes)
        first = 4 + 4 * (count + 1) + len(_HEADER_BYTES)
        offsets = np.array(list(accumulate(self._sizes, initial=first)), "<u4")
        with self._path.open("wb") as file, self._waiting.open("rb") as samples:
            file.write(np.array([count], "<u4").tobytes() + offsets.tobytes() + _HEADER_BYTES)
            shutil.copyfileobj(samples, file, 1 << 20)
        self._waiting.unlink()


def encode(item: Row) -> bytes:
    values = [_bytes(encoding, getattr(item, name)) for name, encoding in COLUMNS.items()]
    sizes = [len(v) for v, encoding in zip(values, COLUMNS.values(), strict=True) if encoding != "int"]
    return np.array(sizes, "<u4").tobytes() + b"".join(values)


def decode(sample: bytes) -> Row:
    """Turns `encode` around."""
    variable = sum(encoding != "int" for encoding in COLUMNS.values())
    sizes = iter(np.frombuffer(sample[: 4 * variable], "<u4"))
    at, values = 4 * variable, {}
    for name, encoding in COLUMNS.items():
        size = 8 if encoding == "int" else int(next(sizes))
        values[name] = _value(encoding, sample[at : at + size])
        at += size
    values["stars"] = None if values["stars"] == UNKNOWN_STARS else values["stars"]
    return msgspec.convert(values, Row)


def _bytes(encoding: str, value: Any) -> bytes:
    if encoding == "int":
        return np.int64(UNKNOWN_STARS if value is None else value).tobytes()
    return value.encode() if encoding == "str" else msgspec.json.encode(value)


def _value(encoding: str, data: bytes) -> Any:
    if encoding == "int":
        return int(np.frombuffer(data, "<i8")[0])
    return data.decode() if encoding == "str" else msgspec.json.decode(data)


def _file(base: Path) -> Path:
    return base.with_name(base.name + Mds.suffixes[0])
