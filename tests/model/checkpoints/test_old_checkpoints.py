"""Checkpoints as they were written before they were Hugging Face folders: they load, and training goes on from them."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from model.exporting import export
from model.families.reading import Refused
from model.fim.formats import STARCODER
from model.loading import load_all, load_model
from model.manifest import FEED, MANIFEST, OPTIMIZER, TOKENIZER, WEIGHTS, folders, read_manifest
from model.training.train import Trainer, Until
from tests.support.models.tiny import QUICK, SHAPE, ListFeed, examples, tokenizer


def as_it_was(root: Path) -> Path:
    """Our own names in the weights, five files, and a manifest without the later fields."""
    trainer = Trainer(SHAPE, QUICK, ListFeed(examples(40)), root, tokenizer(), STARCODER)
    trainer.run(Until(max_steps=2))
    path = folders(root)[-1]
    for file in path.iterdir():
        if file.name not in (WEIGHTS, OPTIMIZER, FEED, TOKENIZER, MANIFEST):
            file.unlink()
    save_file({name: tensor.detach() for name, tensor in trainer.learner.model.state_dict().items()}, path / WEIGHTS)
    keys = json.loads((path / MANIFEST).read_text())
    keys["model"] = {
        "vocab": SHAPE.vocab, "context": SHAPE.context, "width": SHAPE.width, "layers": SHAPE.layers,
        "heads": SHAPE.heads, "family": "gpt_bigcode", "seed": SHAPE.seed,
    }  # fmt: skip
    for later in ("context", "imported"):
        del keys[later]
    names = (WEIGHTS, OPTIMIZER, FEED, TOKENIZER)
    keys["sha256"] = {name: sha256((path / name).read_bytes()).hexdigest() for name in names}
    (path / MANIFEST).write_text(json.dumps(keys))
    return path


def test_an_old_checkpoint_is_loaded_and_gone_on_with(tmp_path: Path) -> None:
    path = as_it_was(tmp_path)
    decoder, manifest, _ = load_model(path)
    assert manifest.model == SHAPE and manifest.length == SHAPE.context
    contents = load_all(path)
    assert all(torch.equal(tensor, contents.weights[name]) for name, tensor in decoder.state_dict().items())
    feed = ListFeed(examples(40), state=contents.feed)
    Trainer(SHAPE, QUICK, feed, tmp_path, tokenizer(), STARCODER, resume=contents).run(Until(max_steps=4))
    newest = folders(tmp_path)[-1]
    assert read_manifest(newest).step == 4 and (newest / "config.json").exists()
    with pytest.raises(Refused, match="an earlier version"):
        export(path, tmp_path / "out")
    assert "config.json" in export(newest, tmp_path / "out")
