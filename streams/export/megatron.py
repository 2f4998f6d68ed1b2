"""Megatron's indexed dataset: token ids in `.bin`, where each document lies in `.idx`.

`.idx`: `MMIDIDX\\0\\0`; version 1 as uint64; the code of the ids' type as uint8; the number of sequences and of
document indices as uint64; lengths in tokens as int32; pointers in bytes as int64; document indices as int64
(0, then the end of each document in sequences). A document is one sequence here.
(Layout of megatron-core 0.16, megatron/core/datasets/indexed_dataset.py.)
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from model.fim import fim
from model.fim.format import Format
from model.tokens.tokenizer import Tokenizer
from streams.document import Document, Source
from streams.export.row import RowFacts, Tokens, facts
from streams.export.state import Shard
from streams.pack.render import render
from streams.recipe import Shares

MAGIC = b"MMIDIDX\0\0"
HEAD = struct.Struct("<9sQBQQ")
UINT16, INT32 = 8, 4
"""Codes of the ids' types."""
UINT16_BELOW = 65_500
"""Megatron's own bound on the vocabulary."""
LEFT_TO_RIGHT = Shares(both=0.0, hunk=0.0)
"""Infilling is that trainer's own."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(RowFacts)


class Megatron:
    """A `Layout`. `.documents.jsonl` has the facts of each document, in the order of the sequences."""

    name = "megatron"
    suffixes: tuple[str, ...] = (".bin", ".idx", ".documents.jsonl")
    unit = "tokens"

    def __init__(self, tokenizer: Tokenizer, fmt: Format) -> None:
        """Raises ValueError when the tokenizer lacks a sentinel of the format."""
        for sentinel in fmt.sentinels:
            tokenizer.special(sentinel)
        self._tokenizer, self._format = tokenizer, fmt
        self._width = 2 if tokenizer.vocab_size < UINT16_BELOW else 4

    def size(self, item: Tokens) -> int:
        return len(item.ids) // self._width

    def item(self, document: Document, source: Source) -> Tokens:
        """The document as pack renders one that is not cut, whole, however long; its last id is the end-of-text."""
        rendering = render(document, self._format, LEFT_TO_RIGHT)
        ids = fim.encode_array(self._tokenizer, fim.whole(self._format, rendering.head, rendering.body))
        data = ids.astype("<u2" if self._width == 2 else "<i4").tobytes()
        return msgspec.convert({**facts(document, source), "ids": data}, Tokens)

    def writer(self, base: Path) -> MegatronWriter:
        return MegatronWriter(_files(base), self._width)

    def read(self, base: Path) -> Iterator[Tokens]:
        ids, index, documents = _files(base)
        width, lengths = _lengths(index.read_bytes())
        with ids.open("rb") as data, documents.open("rb") as lines:
            for length, line in zip(lengths, lines, strict=True):
                yield Tokens(**_statement(_decoder.decode(line)), ids=data.read(length * width))

    def beside(self, shards: Iterable[Shard]) -> dict[str, bytes]:
        """The tokenizer, without which the ids mean nothing."""
        return {"tokenizer.json": self._tokenizer.json.encode()}


class MegatronWriter:
    def __init__(self, files: tuple[Path, Path, Path], width: int) -> None:
        ids, self._index, documents = files
        self._ids, self._documents = ids.open("wb"), documents.open("wb")
        self._width = width
        self._lengths: list[int] = []

    def add(self, item: Tokens) -> None:
        self._ids.write(item.ids)
        self._documents.write(_encoder.encode(RowFacts(**_statement(item))) + b"\n")
        self._lengths.append(len(item.ids) // self._width)

    def close(self) -> None:
        self._ids.close()
        self._documents.close()
        count = len(self._lengths)
        lengths = np.array(self._lengths, "<i4")
        pointers = (np.cumsum([0, *self._lengths])[:-1] * self._width).astype("<i8")
        head = HEAD.pack(MAGIC, 1, UINT16 if self._width == 2 else INT32, count, count + 1)
        documents = np.arange(count + 1, dtype="<i8")
        self._index.write_bytes(head + lengths.tobytes() + pointers.tobytes() + documents.tobytes())


def _statement(item: RowFacts) -> dict[str, Any]:
    return {name: getattr(item, name) for name in RowFacts.__struct_fields__}


def _lengths(index: bytes) -> tuple[int, list[int]]:
    """Bytes of an id, and the tokens of each sequence."""
    _, _, code, count, _ = HEAD.unpack_from(index)
    return (2 if code == UINT16 else 4), np.frombuffer(index, "<i4", count, HEAD.size).tolist()


def _files(base: Path) -> tuple[Path, Path, Path]:
    ids, index, documents = (base.with_name(base.name + suffix) for suffix in Megatron.suffixes)
    return ids, index, documents
