"""A history's documents as rows of training examples, and a closed feed of them: no Kafka, and nothing dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model.example import Batch, Example
from model.fim.fim import Mix
from model.fim.formats import STARCODER
from model.tokens.tokenizer import Tokenizer
from model.training.batch import collate
from model.training.bins import Bins
from streams.document import Document
from streams.pack.pack import Packer
from streams.prepare.expand import expand
from streams.sources.git.cursors import Cursor
from streams.sources.git.history import History
from streams.sources.record import records

OPEN_BINS = 16


def documents(clone: Path) -> Iterator[Document]:
    """Of all commits, in their order."""
    for step in History.open(clone).live(Cursor(), Counter()):
        for event in step.events:
            for value in records(event, Counter()):
                yield from expand(value, 0).documents


def packed(
    found: list[Document], tokenizer: Tokenizer, context: int, most: int = 1 << 40
) -> list[list[Example]]:  # fmt: skip
    """At most so many rows of examples, in the order in which they fill."""
    packer = Packer(tokenizer, STARCODER, Mix(), context)
    bins: Bins[Example] = Bins(context, OPEN_BINS)
    for document in found:
        for example in packer.pack(document):
            bins.add(example.tokens, example)
        if len(bins.rows) >= most:
            return list(bins.rows)
    bins.flush()
    return list(bins.rows)


@dataclass
class Rows:
    """A closed feed of rows, one a Batch. Its state is the number of those that were taken."""

    rows: list[list[Example]]
    context: int
    taken: int = 0
    changes: int = 0

    def next(self, timeout_s: float) -> Batch | None:
        if self.drained:
            return None
        self.taken += 1
        return collate([self.rows[self.taken - 1]], self.context)

    def state(self) -> bytes:
        return str(self.taken).encode()

    @property
    def drained(self) -> bool:
        return self.taken >= len(self.rows)

    def trained(self, step: int) -> None:
        self.changes += 1

    def skipped(self) -> None:
        self.changes += 1

    def summary(self) -> dict[str, int | float]:
        return {"lag": len(self.rows) - self.taken}
