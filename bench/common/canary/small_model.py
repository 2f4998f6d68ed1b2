"""The model that both ways begin with: random weights of the family llama, small enough for a CPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from model.families import Names, build, read_config
from model.tokens.tokenizer import Tokenizer

CONTEXT = 256
CONFIG: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 128, "intermediate_size": 384, "num_hidden_layers": 3,
    "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-5,
    "rope_theta": 10_000.0, "tie_word_embeddings": True, "hidden_act": "silu",
}  # fmt: skip
"""Rotary positions: with learned ones, which a new model has by default, 64 copies were too few to learn by heart."""


def write(folder: Path, tokenizer: Path) -> None:
    """As somebody brings weights: config.json, model.safetensors and tokenizer.json."""
    own = Tokenizer.load(tokenizer)
    config = {**CONFIG, "vocab_size": own.vocab_size}
    spec = read_config(config)
    names = Names(spec)
    folder.mkdir()
    tensors = {names.theirs(name): tensor.contiguous() for name, tensor in build.decoder(spec).state_dict().items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer.json").write_text(own.json, encoding="utf-8")
