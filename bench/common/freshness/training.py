"""The one place where the bench trains: the product's Trainer over Batches that are planned beforehand."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from common.freshness.sizes import Sizes, Ways
from model import loading
from model.checkpoint import Contents
from model.config import TrainConfig
from model.decoder.decoder import Decoder
from model.example import Batch
from model.families.gpt_bigcode.spec import GptBigcode
from model.fim.formats import STARCODER
from model.manifest import folders
from model.tokens.tokenizer import Tokenizer
from model.training.train import Trainer, Until

NEVER = 10**9
WARM_UP = 50
"""Steps of a model that begins from nothing."""

Visit = Callable[[int, Decoder], None]
"""Called with the number of Batches trained on, before the next one and after the last."""


class Planned:
    """A `model.example.BatchSource` of Batches in memory."""

    changes = 0

    def __init__(self, batches: Sequence[Batch], visit: Callable[[int], None]) -> None:
        self._batches, self._visit, self._at = batches, visit, 0

    def next(self, timeout_s: float) -> Batch | None:
        self._visit(self._at)
        if self._at == len(self._batches):
            return None
        self._at += 1
        return self._batches[self._at - 1]

    def state(self) -> bytes:
        return b""

    @property
    def drained(self) -> bool:
        return self._at == len(self._batches)

    def trained(self, step: int) -> None:
        """Nothing is written down."""

    def skipped(self) -> None:
        raise AssertionError("a Batch without a finite gradient")

    def summary(self) -> dict[str, int | float]:
        return {}


def spec(tokenizer: Tokenizer, sizes: Sizes, seed: int) -> GptBigcode:
    return GptBigcode(
        vocab=tokenizer.vocab_size, context=sizes.context, width=sizes.width, layers=sizes.layers, heads=sizes.heads,
        seed=seed,
    )  # fmt: skip


def train(
    batches: Sequence[Batch], tokenizer: Tokenizer, shape: GptBigcode, ways: Ways, sizes: Sizes,
    start: Path | None = None, into: Path | None = None, visit: Visit | None = None,
) -> Decoder:  # fmt: skip
    """The model after all Batches, from the checkpoint `start` or from nothing; `into`: where its checkpoint is left.

    The checkpoint's optimizer goes on unless `ways` says otherwise; a rate that is constant knows no warm-up again.
    """
    config = TrainConfig(
        learning_rate=ways.rate, warm_up_steps=WARM_UP if start is None else 0, precision="float32",
        weight_decay=ways.weight_decay, threads=sizes.threads, checkpoint_every_steps=NEVER, checkpoint_every_s=NEVER,
        keep=1, feed_timeout_s=0.0, merge=1, frozen_tokens=0,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        asked = visit or (lambda _step, _model: None)
        feed = Planned(batches, lambda at: asked(at, trainer.learner.model))
        trainer = Trainer(
            shape, config, feed, into or Path(folder), tokenizer, STARCODER, resume=_contents(start, ways.kept)
        )
        trainer.run(Until(drained=True))
        asked(len(batches), trainer.learner.model)
        return trainer.learner.model


def newest(folder: Path) -> Path:
    """The checkpoint that `train` left."""
    return folders(folder)[-1]


def _contents(path: Path | None, kept: bool) -> Contents | None:
    if path is None:
        return None
    contents = loading.load_all(path)
    weights = {key: tensor.clone() for key, tensor in contents.weights.items()}
    return replace(contents, weights=weights, optimizer=contents.optimizer if kept else {})
