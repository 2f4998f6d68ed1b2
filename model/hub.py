"""Reads a Hugging Face directory of a gpt_bigcode model: config.json and safetensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from model.config import ModelConfig
from model.decoder.transformer import Decoder

_TOP = {
    "transformer.wte.": "tokens.",
    "transformer.wpe.": "positions.",
    "transformer.ln_f.": "norm.",
}
_LAYER = {
    "ln_1.": "norm_1.",
    "attn.c_attn.": "qkv.",
    "attn.c_proj.": "out.",
    "ln_2.": "norm_2.",
    "mlp.c_fc.": "up.",
    "mlp.c_proj.": "down.",
}


def read_config(folder: Path) -> ModelConfig:
    """The shape. Raises ValueError for what this decoder is not: another family, MHA, another activation or width."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    required = {"model_type": "gpt_bigcode", "multi_query": True, "activation_function": "gelu_pytorch_tanh"}
    usual: dict[str, Any] = {"multi_query": True, "activation_function": "gelu_pytorch_tanh"}
    for key, value in required.items():
        if config.get(key, usual.get(key)) != value:
            raise ValueError(f"{folder.name}: {key} is {config.get(key)!r}, and only {value!r} is supported")
    if config.get("n_inner") not in (None, 4 * config["n_embd"]):
        raise ValueError(f"{folder.name}: n_inner is {config['n_inner']}, and only 4 x n_embd is supported")
    return ModelConfig(
        vocab=config["vocab_size"],
        context=config["n_positions"],
        width=config["n_embd"],
        layers=config["n_layer"],
        heads=config["n_head"],
    )


def our_name(name: str) -> str | None:
    """Our parameter's name for one of theirs; None for what we do not keep (the tied head, mask buffers)."""
    for theirs, ours in _TOP.items():
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    if not name.startswith("transformer.h."):
        return None
    number, rest = name.removeprefix("transformer.h.").split(".", 1)
    for theirs, ours in _LAYER.items():
        if rest.startswith(theirs):
            return f"blocks.{number}.{ours}{rest.removeprefix(theirs)}"
    return None


def load(folder: Path, dtype: torch.dtype = torch.float32) -> Decoder:
    """The decoder with the directory's weights. Raises ValueError when weights are missing or not of the shape."""
    model = Decoder(read_config(folder))
    weights: dict[str, Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        for name, tensor in load_file(path).items():
            ours = our_name(name)
            if ours is not None:
                weights[ours] = tensor.to(dtype)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"{folder.name}: {error}") from error
    return model.to(dtype).eval()
