"""The shapes that are timed, with random weights: a checkpoint, and the same weights as llama.cpp's q8_0."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from model import checkpoint, loading
from model.checkpoint import Contents
from model.decoder.decoder import Decoder
from model.families import Spec, build
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.llama.spec import Llama
from model.fim.formats import STARCODER
from model.gguf.export import export
from model.manifest import Manifest, latest
from model.tokens.tokenizer import Tokenizer

SMALL = GptBigcode(vocab=16_384, context=1024, width=384, layers=8, heads=6)
"""18.9 million parameters."""
HALF_B = Llama(
    variant="qwen2", vocab=151_936, context=1024, width=896, layers=24, heads=14, kv_heads=2, head_width=64,
    inner=4864, qkv_bias=True, tied=True,
)  # fmt: skip
"""The shape of Qwen2.5-Coder-0.5B."""


def random(root: Path, name: str, spec: Spec, tok: Tokenizer, dtype: torch.dtype) -> tuple[Path, Path]:
    """A checkpoint's folder and a GGUF file of q8_0, made once."""
    folder, file = root / name, root / f"{name}.gguf"
    if latest(folder) is None:
        manifest = Manifest(
            step=1, tokens=1, text_bytes=1, model=spec, format=STARCODER, tokenizer=tok.hash, bits_per_byte=None
        )  # fmt: skip
        checkpoint.write(folder, Contents(manifest, _weights(spec, dtype), {}, b"", tok), keep=1)
    path = latest(folder)
    assert path is not None
    if not file.exists():
        export(path, file, "q8_0")
    return path, file


def _weights(spec: Spec, dtype: torch.dtype) -> dict[str, Tensor]:
    """Matrices normal(0.02), norms 1, biases 0, by each tensor's number."""
    made: dict[str, Tensor] = {}
    for number, (name, shape) in enumerate(build.parameters(spec).items()):
        generator = torch.Generator().manual_seed(number)
        if len(shape) == 1:
            made[name] = torch.full(shape, float("norm" in name and name.endswith("weight")), dtype=dtype)
        else:
            made[name] = torch.empty(shape, dtype=dtype).normal_(std=0.02, generator=generator)
    return made


def loaded(path: Path) -> Decoder:
    return loading.load_model(path)[0]
