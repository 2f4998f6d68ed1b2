"""Parquet: a Row is a row, compressed with zstd, with one schema for every kind of document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from streams.document import Document, Source
from streams.export.row import Row, row
from streams.export.state import Shard

GROUP_CHARS, GROUP_ROWS = 16_000_000, 8_192
"""A row group closes at either; it is what a writer holds in memory."""
BATCH_ROWS = 512

_PART = pa.struct([("role", pa.string()), ("text", pa.string()), ("label", pa.string())])
SCHEMA = pa.schema(
    [
        pa.field("origin", pa.string(), nullable=False),
        pa.field("id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("repository", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("language", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("revision", pa.string(), nullable=False),
        pa.field("stars", pa.int64()),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("redactions", pa.map_(pa.string(), pa.int64()), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("parts", pa.list_(_PART), nullable=False),
    ]
)


class Parquet:
    """A `Layout`."""

    name = "parquet"
    unit = "characters"
    suffixes: tuple[str, ...] = (".parquet",)

    def size(self, item: Row) -> int:
        return len(item.text)

    def item(self, document: Document, source: Source) -> Row:
        return row(document, source)

    def writer(self, base: Path) -> ParquetWriter:
        return ParquetWriter(_file(base))

    def read(self, base: Path) -> Iterator[Row]:
        with pq.ParquetFile(_file(base)) as file:
            for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
                for values in batch.to_pylist():
                    yield msgspec.convert({**values, "redactions": dict(values["redactions"])}, Row)

    def beside(self, shards: Iterable[Shard]) -> dict[str, bytes]:
        return {}


class ParquetWriter:
    def __init__(self, path: Path) -> None:
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd")
        self._rows: list[Row] = []
        self._chars = 0

    def add(self, item: Row) -> None:
        self._rows.append(item)
        self._chars += len(item.text)
        if self._chars >= GROUP_CHARS or len(self._rows) == GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        """Also without rows: a file without a row group is still a table of no rows."""
        if self._rows:
            table = pa.Table.from_pylist([_values(r) for r in self._rows], SCHEMA)
            self._writer.write_table(table, row_group_size=GROUP_ROWS)
        self._rows, self._chars = [], 0


def _values(item: Row) -> dict[str, object]:
    values = msgspec.to_builtins(item)
    return {**values, "redactions": sorted(item.redactions.items())}


def _file(base: Path) -> Path:
    return base.with_name(base.name + Parquet.suffixes[0])
