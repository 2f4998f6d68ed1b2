"""Each layout read back by a reader written here from the layout's description, not by our own."""

from __future__ import annotations

import gzip
import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.fim.fim import Mix
from model.fim.formats import FORMATS, STARCODER
from streams.document import Document, Source
from streams.document import Part as Piece
from streams.export.jsonl import Jsonl
from streams.export.layout import Layout
from streams.export.mds import Mds
from streams.export.megatron import Megatron
from streams.export.parquet import SCHEMA, Parquet
from streams.export.row import Row, RowFacts, RowPart, Tokens
from streams.export.state import Shard
from streams.pack.pack import Packer
from tests.support.documents.exporting import export, filled, in_log
from tests.support.models.tiny import texts, tokenizer

Rows = list[dict[str, Any]]

TEXT = st.text(max_size=40)
FACTS: dict[str, Any] = {
    "origin": TEXT, "id": TEXT, "kind": st.sampled_from(["file", "commit", "issue", "notebook"]), "repository": TEXT,
    "path": TEXT, "language": TEXT, "licence": TEXT, "revision": TEXT,
    "stars": st.none() | st.integers(0, 2**40), "number": st.integers(0, 2**40), "state": TEXT,
    "redactions": st.dictionaries(st.sampled_from(["email", "ip", "key"]), st.integers(1, 2**40)),
}  # fmt: skip
ROWS = st.builds(
    Row, **FACTS, text=st.text(max_size=3000), parts=st.lists(st.builds(RowPart, TEXT, TEXT, TEXT), max_size=3)
)
IDS = st.lists(st.integers(0, 319), min_size=1, max_size=50).map(lambda ids: np.array(ids, "<u2").tobytes())
TOKENS = st.builds(Tokens, **FACTS, ids=IDS)
anything = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_jsonl(base: Path, suffix: str = ".jsonl") -> Rows:
    data = Path(f"{base}{suffix}").read_bytes()
    if suffix.endswith(".gz"):
        data = gzip.decompress(data)
    if suffix.endswith(".zst"):
        data = pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()
    assert not data or data.endswith(b"\n")
    return [json.loads(line) for line in data.split(b"\n")[:-1]]


def read_parquet(base: Path) -> Rows:
    table = pq.read_table(f"{base}.parquet")
    assert table.schema.equals(SCHEMA)
    return [{**row, "redactions": dict(row["redactions"])} for row in table.to_pylist()]


def read_mds(base: Path, listed: dict[str, Any] | None = None) -> Rows:
    """A shard by what its own header says of the columns, held against what the index says."""
    data = Path(f"{base}.mds").read_bytes()
    (count,) = struct.unpack_from("<I", data)
    offsets = struct.unpack_from(f"<{count + 1}I", data, 4)
    header = json.loads(data[4 + 4 * (count + 1) : offsets[0]])
    assert offsets[-1] == len(data)
    if listed:
        assert {name: listed[name] for name in header} == header
        assert (listed["samples"], listed["raw_data"]["bytes"]) == (count, len(data))
    return [
        _sample(header, data[start:end]) for start, end in pairwise(offsets)
    ]  # fmt: skip


def _sample(header: dict[str, Any], data: bytes) -> dict[str, Any]:
    variable = [name for name, size in zip(header["column_names"], header["column_sizes"], strict=True) if not size]
    sizes = dict(zip(variable, struct.unpack_from(f"<{len(variable)}I", data), strict=True))
    at, sample = 4 * len(variable), {}
    assert header["column_names"] == sorted(header["column_names"])
    for name, encoding in zip(header["column_names"], header["column_encodings"], strict=True):
        value = data[at : at + sizes.get(name, 8)]
        at += len(value)
        sample[name] = {"int": lambda v: struct.unpack("<q", v)[0], "str": bytes.decode, "json": json.loads}[encoding](
            value
        )
    assert at == len(data)
    return {**sample, "stars": None if sample["stars"] == -1 else sample["stars"]}


def read_megatron(base: Path) -> tuple[list[list[int]], Rows]:
    """Every document's ids, and the facts beside them."""
    index, ids = Path(f"{base}.idx").read_bytes(), Path(f"{base}.bin").read_bytes()
    magic, version, code, sequences, documents = struct.unpack_from("<9sQBQQ", index)
    assert (magic, version) == (b"MMIDIDX\0\0", 1)
    kind = np.dtype({8: "<u2", 4: "<i4"}[code])
    at = 34
    lengths = np.frombuffer(index, "<i4", sequences, at)
    pointers = np.frombuffer(index, "<i8", sequences, at + 4 * sequences)
    ends = np.frombuffer(index, "<i8", documents, at + 12 * sequences)
    assert len(index) == at + 12 * sequences + 8 * documents
    assert ends.tolist() == list(range(sequences + 1))
    assert int(lengths.sum()) * kind.itemsize == len(ids)
    found = [np.frombuffer(ids, kind, n, p).tolist() for n, p in zip(lengths.tolist(), pointers.tolist(), strict=True)]
    return found, [json.loads(line) for line in Path(f"{base}.documents.jsonl").read_bytes().splitlines()]


def write(layout: Layout, base: Path, items: list[Any]) -> None:
    writer = layout.writer(base)
    for item in items:
        writer.add(item)
    writer.close()
    assert list(layout.read(base)) == items


@anything
@given(items=st.lists(ROWS, max_size=6))
def test_rows_come_back_as_they_were(tmp_path: Path, items: list[Row]) -> None:
    expected = [msgspec.to_builtins(item) for item in items]
    for layout, read in ((Jsonl(), read_jsonl), (Parquet(), read_parquet), (Mds(), read_mds)):
        write(layout, tmp_path / "shard", items)
        assert read(tmp_path / "shard") == expected, layout.name


@anything
@given(items=st.lists(TOKENS, max_size=6))
def test_token_ids_come_back_as_they_were(tmp_path: Path, items: list[Tokens]) -> None:
    write(Megatron(tokenizer(), STARCODER), tmp_path / "shard", items)
    ids, facts = read_megatron(tmp_path / "shard")
    assert [np.array(i, "<u2").tobytes() for i in ids] == [item.ids for item in items]
    assert facts == [{name: getattr(item, name) for name in RowFacts.__struct_fields__} for item in items]


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_lines_can_be_compressed(tmp_path: Path, compression: Any) -> None:
    layout = Jsonl(compression)
    items = [
        Row(origin=str(n), id="", kind="file", repository="r", path="p", language="", licence="", revision="",
            stars=None, number=0, state="", redactions={}, text="é\u2028\n" * n, parts=[])
        for n in range(600)
    ]  # fmt: skip
    write(layout, tmp_path / "shard", items)
    assert read_jsonl(tmp_path / "shard", layout.suffixes[0]) == [msgspec.to_builtins(item) for item in items]
    first = (tmp_path / f"shard{layout.suffixes[0]}").read_bytes()
    write(layout, tmp_path / "shard", items)
    assert (tmp_path / f"shard{layout.suffixes[0]}").read_bytes() == first


def test_an_index_lists_the_shards_of_an_export(tmp_path: Path) -> None:
    world = filled()
    export(world, tmp_path, "mds")
    index = json.loads((tmp_path / "index.json").read_text())
    assert index["version"] == 2 and len(index["shards"]) > 3
    indexed_rows: Rows = []
    for listed in index["shards"]:
        assert (listed["version"], listed["format"], listed["compression"], listed["zip_data"]) == (
            2,
            "mds",
            None,
            None,
        )
        indexed_rows += read_mds(tmp_path / listed["raw_data"]["basename"].removesuffix(".mds"), listed)
    assert {row["origin"]: row["text"] for row in indexed_rows} == {
        o: d.parts[0].text for o, d in in_log(world).items()
    }


def test_an_empty_shard_is_not_listed() -> None:
    assert json.loads(Mds().beside([Shard(partition=0, number=0)])["index.json"]) == {"version": 2, "shards": []}


def test_token_ids_are_those_of_pack_without_infilling(tmp_path: Path) -> None:
    world = filled()
    export(world, tmp_path, "megatron")
    packer = Packer(tokenizer(), STARCODER, Mix(fim_rate=0.0), 4096)
    expected = {o: packer.pack(d)[0].array().tolist() for o, d in in_log(world).items()}
    ids_by_origin: dict[str, list[int]] = {}
    for path in tmp_path.glob("*.idx"):
        ids, facts = read_megatron(path.with_suffix(""))
        ids_by_origin |= {fact["origin"]: i for fact, i in zip(facts, ids, strict=True)}
    assert ids_by_origin == expected
    assert (tmp_path / "tokenizer.json").read_text() == tokenizer().json


def test_a_document_longer_than_any_context_stays_whole() -> None:
    text = "".join(texts()) * 3
    document = Document(offset=0, index=0, kind="file", parts=[Piece("text", text)])
    item = Megatron(tokenizer(), STARCODER).item(document, Source("files", "ab" * 16, 0))
    ids = np.frombuffer(item.ids, "<u2").tolist()
    assert ids[-1] == tokenizer().special(STARCODER.end)
    assert tokenizer().decode(ids[:-1]) == text


def test_a_tokenizer_without_the_sentinels_is_refused() -> None:
    with pytest.raises(ValueError, match="no sentinel"):
        Megatron(tokenizer(), FORMATS["santacoder"])
