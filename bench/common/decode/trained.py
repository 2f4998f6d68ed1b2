"""A checkpoint that was trained on pinned packages, and files that it has not seen."""

from __future__ import annotations

import sys
from pathlib import Path

from common.histories import histories
from common.rows import Rows, documents
from midstream.settings import cache_home
from model.config import TrainConfig
from model.example import Example
from model.families.gpt_bigcode.spec import GptBigcode
from model.fim.formats import STARCODER
from model.manifest import latest
from model.tokens import tokenizer as bpe
from model.tokens.tokenizer import Tokenizer
from model.training.score import bits_per_byte
from model.training.train import Trainer
from streams.document import Document
from streams.prepare.prepare import identity

SAMPLE_BYTES = 6_000_000
HELD_OUT = 24
"""Every so many-th document is not trained on."""


def spec(vocab: int, context: int, width: int, layers: int) -> GptBigcode:
    return GptBigcode(vocab=vocab, context=context, width=width, layers=layers, heads=width // 64)


def corpus(work: Path) -> tuple[list[Document], list[Document]]:
    """Documents to train on, and others, in the order of their hashes."""
    _, clones = histories(cache_home(), work)
    found = sorted((d for clone in clones for d in documents(clone)), key=lambda d: d.id or identity(d))
    return [d for n, d in enumerate(found) if n % HELD_OUT], found[::HELD_OUT]


def tokenizer(root: Path, vocab: int, found: list[Document]) -> Tokenizer:
    path = root / f"tokenizer-{vocab}.json"
    if path.exists():
        return Tokenizer.load(path)
    sample: list[str] = []
    size = 0
    for document in found:
        for part in document.parts:
            if size < SAMPLE_BYTES:
                sample.append(part.text)
                size += len(part.text)
    made = bpe.train(sample, vocab)
    root.mkdir(parents=True, exist_ok=True)
    made.save(path)
    return made


def checkpoint(root: Path, shape: GptBigcode, rows: list[list[Example]], tok: Tokenizer, tokens: int) -> Path:
    """Of a model that was trained on that many tokens at least, where the rows have them."""
    folder = root / f"trained-{shape.width}x{shape.layers}-{tokens}"
    if (path := latest(folder)) is not None:
        return path
    config = TrainConfig(precision="float32", threads=1, window=1_000_000, keep=1, merge=1, checkpoint_every_s=1e9)
    taught(Trainer(shape, config, Rows(rows, shape.context), folder, tok, STARCODER, context=shape.context), tokens)
    path = latest(folder)
    assert path is not None
    return path


def taught(trainer: Trainer, tokens: int) -> None:
    """Trains on so many tokens at least, where the feed has them, and writes the checkpoint."""
    while trainer.tokens < tokens and (batch := trainer.feed.next(0.0)) is not None:
        trainer._train(batch)
        if trainer.step % 50 == 0:
            last = trainer._prequential.scores[-50:]
            bits = bits_per_byte(sum(n for n, _ in last), sum(b for _, b in last))
            print(
                f"step {trainer.step}, {trainer.tokens:,} tokens, {bits:.3f} bits a byte", file=sys.stderr, flush=True
            )
    trainer.save()
