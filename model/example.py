"""What the packer hands to the trainer: tokenised Examples, and the Batches that the feed makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

Order = Literal["plain", "psm", "spm"]

PADDING = -1
"""The document number of a token that belongs to none."""


class Example(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One piece of one document, tokenised, its end-of-text included."""

    offset: int
    index: int
    ids: bytes
    """Token ids, little endian, `width` bytes each."""
    text_bytes: int
    """UTF-8 bytes of user text that the ids stand for: what bits per byte are counted against."""
    piece: int = 0
    pieces: int = 1
    kind: str = "file"
    order: Order = "plain"
    width: int = 2
    """2 up to a vocabulary of 65,536, else 4."""
    also: list[int] = []
    """Indexes of further documents of the same event that are in it whole, as one repository's context."""
    language: str = ""
    """Of the document, as `model.languages` names it; empty: none, or written by an earlier version."""
    middle: int = 0
    """Index of the first token of the middle, which stands last in every order; 0: nothing is infilled."""
    bulk: bool = False
    """Of a present tree or a past, which need not be fresh: it may be shuffled further."""
    capped_bytes: int = 0
    """UTF-8 bytes of the document's text that stand in none of its examples, since a commit's tokens are capped."""

    @property
    def tokens(self) -> int:
        return len(self.ids) // self.width

    @property
    def indexes(self) -> tuple[int, ...]:
        """Of all documents that it holds, or holds a piece of."""
        return (self.index, *self.also)

    def array(self) -> NDArray[np.unsignedinteger]:
        """The ids, read only."""
        return np.frombuffer(self.ids, dtype=f"<u{self.width}")


def pack_ids(ids: Sequence[int] | NDArray[np.int32], vocabulary: int) -> tuple[bytes, int]:
    """The ids as an Example holds them, and their width."""
    width = 2 if vocabulary <= 1 << 16 else 4
    return np.asarray(ids).astype(f"<u{width}").tobytes(), width


@dataclass(frozen=True)
class About:
    """What scores and the loss must know of one example of a Batch."""

    kind: str
    language: str
    text_bytes: int
    middle: int = 0
    """As `Example.middle`."""
    replayed: bool = False


@dataclass(frozen=True, eq=False)
class Batch:
    """B rows of T tokens. Rows hold whole examples; a document never sees another (`documents`)."""

    ids_BT: NDArray[np.int64]
    positions_BT: NDArray[np.int64]
    """Position inside the example, from 0."""
    documents_BT: NDArray[np.int32]
    """Number of the example inside its row, PADDING where there is none."""
    text_bytes: int
    """UTF-8 bytes of user text in the batch, replayed examples not counted."""
    examples: int
    about: tuple[tuple[About, ...], ...] = ()
    """By row: of its examples, in the order of their numbers."""
    replayed: int = 0
    """Examples that replay brought in; they count apart."""
    replayed_tokens: int = 0
    capacity: int = 0
    """Tokens that a full Batch of this feed holds; 0: as many as this one has room for."""
    flushed: bool = False
    """A row was handed on before it was full, to bound the wait."""

    @property
    def tokens(self) -> int:
        return int((self.documents_BT != PADDING).sum())

    @property
    def share(self) -> float:
        """How full it is, in (0, 1]: a handful of documents must not move the weights as a full Batch does."""
        return min(1.0, self.tokens / (self.capacity or self.ids_BT.size))


class BatchSource(Protocol):
    """Where the trainer's Batches come from. Knows Kafka, which the trainer does not."""

    def next(self, timeout_s: float) -> Batch | None:
        """The next Batch, or None when none was ready within the timeout."""
        ...

    def state(self) -> bytes:
        """Marks, offsets, bins and counts as of the Batch handed out last; opaque to the trainer."""
        ...

    @property
    def changes(self) -> int:
        """Grows whenever what `state` gives has changed."""
        ...

    @property
    def drained(self) -> bool:
        """The log has been read to its end and nothing is left in a bin."""
        ...

    def trained(self, step: int) -> None:
        """The Batch handed out last was trained on as this step: write it to the ledger."""
        ...

    def skipped(self) -> None:
        """The Batch handed out last gave no finite gradient: name its documents as skipped; they never come again."""
        ...

    def summary(self) -> dict[str, int | float]:
        """Figures for the progress line and the manifest: lag, waiting, trained, packing use."""
        ...
