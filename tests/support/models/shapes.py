"""A small decoder of every family with random weights that tell ids apart, as a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from model import checkpoint
from model.checkpoint import Contents
from model.decoder.decoder import Decoder
from model.families import Spec, build
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.llama.scaling import Scaling
from model.families.llama.spec import Llama
from model.fim.format import Format
from model.fim.formats import STARCODER
from model.manifest import Manifest, latest
from model.tokens.tokenizer import Tokenizer
from tests.support.models.tiny import tokenizer

ROWS = tokenizer().vocab_size + 3
"""Of the embeddings: some have no token, as in most models."""
BIASES: dict[str, Any] = dict.fromkeys(("qkv_bias", "out_bias", "mlp_bias"), True)
VARIANTS: dict[str, dict[str, Any]] = {
    "llama": {},
    "mistral": {"window": 128, "head_width": 32},
    "qwen2": {"qkv_bias": True, "theta": 1e6},
    "qwen3": {"qk_norm": True, "head_width": 32, "tied": True},
    "granite": {
        **BIASES, "embedding_scale": 2.0, "attention_scale": 0.2, "residual_scale": 0.5, "logit_divisor": 3.0,
        "tied": True,
    },
    "starcoder2": {
        **BIASES, "norm": "layer", "gated": False, "activation": "gelu_tanh", "epsilon": 1e-5, "tied": True,
        "window": 128,
    },
}  # fmt: skip
SCALINGS = {
    "linear": Scaling(kind="linear", factor=4.0),
    "yarn": Scaling(kind="yarn", factor=4.0, original=64),
    "yarn by mscale": Scaling(kind="yarn", factor=4.0, original=64, mscale=0.7, mscale_all=0.4),
    "llama3": Scaling(kind="llama3", factor=8.0, original=64),
}


def bigcode(**more: Any) -> GptBigcode:
    return GptBigcode(**{"vocab": ROWS, "context": 256, "width": 64, "layers": 3, "heads": 4, **more})


def llama(variant: str = "llama", **more: Any) -> Llama:
    usual: dict[str, Any] = {
        "vocab": ROWS, "context": 256, "width": 64, "layers": 3, "heads": 4, "kv_heads": 2, "head_width": 16,
        "inner": 96,
    }  # fmt: skip
    return Llama(variant=variant, **{**usual, **VARIANTS[variant], **more})


def decoder(spec: Spec, seed: int = 5, deviation: float = 0.3) -> Decoder:
    """Normal(0.02), with which training begins, would leave all ids nearly as likely."""
    model, generator = build.decoder(spec), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                parameter.add_(noise, alpha=0.1)
            else:
                parameter.copy_(noise * deviation)
    return model.eval()


def written(root: Path, model: Decoder, tok: Tokenizer | None = None, fmt: Format = STARCODER) -> Path:
    """The checkpoint's folder. `tok`: None is tests/support/models/tiny.py's."""
    tok = tok or tokenizer()
    manifest = Manifest(
        step=1, tokens=1, text_bytes=1, model=model.spec, format=fmt, tokenizer=tok.hash, bits_per_byte=None
    )  # fmt: skip
    checkpoint.write(root, Contents(manifest, dict(model.state_dict()), {}, b"", tok), keep=3)
    path = latest(root)
    assert path is not None
    return path
