"""Small real parts for the tests of model and server: a byte tokenizer, texts, a two-layer decoder."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import torch

from model import families
from model.checkpoint import Contents, write
from model.config import TrainConfig
from model.example import Batch, Example, pack_ids
from model.fim.fim import Cut, encode, file_head, segments
from model.fim.formats import STARCODER
from model.manifest import Manifest
from model.tokens.tokenizer import Tokenizer, train
from model.training.batch import collate
from model.training.bins import Bins
from model.training.train import Trainer, Until

WORDS = ("self", "range", "print", "value", "index", "item", "name", "load", "save", "open", "close", "read", "write")


@cache
def texts() -> tuple[str, ...]:
    """Forty small Python files, the same ones every time."""
    made: list[str] = []
    for n in range(40):
        lines = [f"def {WORDS[(n + i) % 13]}_{n % 7}({WORDS[i % 11]}):\n    return {n * i}" for i in range(1 + n % 9)]
        made.append("\n\n\n".join(lines) + "\n")
    return tuple(made)


@cache
def tokenizer() -> Tokenizer:
    """Bytes, StarCoder's sentinels and a few merges."""
    return train(texts(), vocab_size=320)


def example(text: str, number: int, order: str = "plain") -> Example:
    """The training sequence of one file, half of the cut ones up to its end."""
    start = number * 7 % len(text)
    end = len(text) if number % 2 else min(len(text), start + 20)
    cut = Cut(text[:start], text[start:end], text[end:], order) if order in ("psm", "spm") else None  # pyright: ignore
    ids = encode(tokenizer(), segments(STARCODER, file_head(f"m{number}.py"), text, cut))
    data, width = pack_ids(ids, tokenizer().vocab_size)
    size = len(text.encode())
    return Example(offset=number, index=0, ids=data, width=width, text_bytes=size, order=cut.order if cut else "plain")


def examples(count: int, context: int = 128) -> list[Example]:
    """Files of the three orders in turn, none longer than `context` tokens."""
    made: list[Example] = []
    for n in range(count):
        functions = texts()[n % len(texts())].split("\n\n\n")
        text = "\n\n\n".join(functions[:2]) + "\n"
        made.append(example(text, n, ("plain", "psm", "spm")[n % 3]))
    assert all(e.tokens <= context for e in made)
    return made


class ListFeed:
    """A closed log in memory: the examples once, in order, through the bins. Its state is the number that were read,
    those that are open and those in rows: plain data."""

    def __init__(self, log: list[Example], context: int = 128, rows: int = 2, state: bytes = b"") -> None:
        self.log, self.context, self.row_count = log, context, rows
        kept = msgspec.msgpack.decode(state, type=ListFeedState) if state else ListFeedState()
        self.read, self.ledger = kept.read, dict(kept.ledger)
        self.bins = Bins.restore(context, 4, kept.open_bins, kept.rows, size=lambda e: e.tokens)
        self._handed: list[list[Example]] = []
        self.changes, self.gone = 0, 0

    def next(self, timeout_s: float) -> Batch | None:
        while len(self.bins.rows) < self.row_count and self.read < len(self.log):
            self.bins.add(self.log[self.read].tokens, self.log[self.read])
            self.read += 1
        if self.read == len(self.log):
            self.bins.flush()
        if not self.bins.rows:
            return None
        self._handed = [self.bins.rows.popleft() for _ in range(min(self.row_count, len(self.bins.rows)))]
        return collate(self._handed, self.context)

    def state(self) -> bytes:
        rows = [*self._handed, *self.bins.rows]
        return msgspec.msgpack.encode(ListFeedState(self.read, self.ledger, self.bins.open_bins, rows))

    @property
    def drained(self) -> bool:
        return self.read == len(self.log) and not self.bins.rows and not self.bins.open_bins

    def trained(self, step: int) -> None:
        for row in self._handed:
            for e in row:
                self.ledger[e.offset] = self.ledger.get(e.offset, 0) + 1
        self._handed = []
        self.changes += 1

    def skipped(self) -> None:
        self.gone += sum(map(len, self._handed))
        self._handed = []
        self.changes += 1

    def summary(self) -> dict[str, int | float]:
        return {"lag": len(self.log) - self.read, "trained": len(self.ledger)}


class ListFeedState(msgspec.Struct):
    read: int = 0
    ledger: dict[int, int] = {}
    open_bins: list[list[Example]] = []
    rows: list[list[Example]] = []


SHAPE = families.new(vocab=tokenizer().vocab_size, context=128, width=32, layers=2, heads=2)
QUICK = TrainConfig(learning_rate=3e-3, warm_up_steps=4, precision="float32", checkpoint_every_steps=1000, merge=1)


@cache
def weights(seed: int = 0) -> dict[str, torch.Tensor]:
    """Of a decoder that has learnt the files by heart: 100 steps, some seconds, once a test session."""
    torch.manual_seed(seed)
    with TemporaryDirectory() as folder:
        config = replace(QUICK, warm_up_steps=10, learning_rate=1e-2)
        feed = ListFeed(examples(2000), rows=4)
        trainer = Trainer(msgspec.structs.replace(SHAPE, seed=seed), config, feed, Path(folder), tokenizer(), STARCODER)
        trainer.run(Until(max_steps=100))
        return {name: tensor.clone() for name, tensor in trainer.learner.model.state_dict().items()}


def write_checkpoint(
    root: Path, step: int, seed: int = 0, keep: int = 100, feed: bytes = b"", reign: int = 0, context: int = 0
) -> str:  # fmt: skip
    """Writes the learnt weights as the checkpoint of `step`; returns its version. `context`: of its examples, where
    that is not the model's."""
    manifest = Manifest(
        step=step, reign=reign, tokens=step * 100, text_bytes=step * 200,
        model=msgspec.structs.replace(SHAPE, seed=seed), format=STARCODER, tokenizer=tokenizer().hash,
        bits_per_byte=2.5, context=context,
    )  # fmt: skip
    return write(root, Contents(manifest, weights(seed), {}, feed, tokenizer()), keep).model_version
