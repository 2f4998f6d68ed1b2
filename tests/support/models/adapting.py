"""Small models with adapters for the tests: a folder of `transformers` imported, and a trainer over it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from model import importing
from model.config import TrainConfig
from model.loading import load_newest
from model.manifest import Manifest
from model.training.train import Trainer, Until
from tests.support.models.foreign import save
from tests.support.models.tiny import QUICK, ListFeed, examples

LOG = examples(60)
CONTEXT = 96
LORA = replace(QUICK, adapter="lora", base="float32")
DORA = replace(LORA, adapter="dora")
QWEN = "qwen2, default"


def begun(root: Path, name: str = QWEN, **more: Any) -> Manifest:
    """A checkpoint folder that begins with a small model of `transformers`."""
    source = root.parent / f"{root.name}-source"
    if not source.exists():
        save(name, source, more.pop("dtype", torch.float32))
    return importing.import_model(importing.read(source), root, source.name, CONTEXT, 3, str(source), **more)


def trainer(root: Path, config: TrainConfig = LORA) -> Trainer:
    """One that goes on from the folder's newest checkpoint."""
    resume = load_newest(root, as_stored=bool(config.adapter))
    assert resume is not None
    spec, fmt, own = resume.manifest.model, resume.manifest.format, resume.tokenizer
    feed = ListFeed(LOG, CONTEXT, state=resume.feed)
    return Trainer(spec, config, feed, root, own, fmt, resume=resume, context=CONTEXT)


def trained(root: Path, config: TrainConfig = LORA, steps: int = 4, name: str = QWEN) -> Path:
    """The checkpoint of an adapter that took some steps beside a small model."""
    if not root.exists():
        begun(root, name)
    t = trainer(root, config)
    t.run(Until(max_steps=t.step + steps))
    assert t.saved is not None
    return next(path for path in root.iterdir() if t.saved.model_version.startswith(f"{path.name}-"))


def logits(decoder: Any, ids_1T: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return decoder(ids_1T, torch.arange(ids_1T.shape[1])[None], torch.zeros_like(ids_1T))


def some_ids(length: int = 40) -> torch.Tensor:
    return torch.randint(0, 300, (1, length), generator=torch.Generator().manual_seed(3))
