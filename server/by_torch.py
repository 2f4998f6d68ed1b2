"""Models that torch runs: families without a compiled step, and all of them on a card."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from model import based
from model.decoder.decoder import Decoder
from model.decoder.frozen import Frozen, FrozenEmbedding, FrozenLinear
from model.decoder.runner import Runner
from model.loading import load_base
from model.manifest import Manifest
from server.imaging import Held


def whole(path: Path, manifest: Manifest, threads: int, device: str = "cpu", held: Held = "auto") -> Runner:
    """Of a checkpoint that holds all weights. Raises CheckpointError."""
    return _run_once(Runner(_placed(path, manifest, "", device, held), threads))


def base(path: Path, manifest: Manifest, trained: str, device: str = "cpu", held: Held = "auto") -> Decoder:
    """What adapters stand beside; `trained`: how its matrices were held while they were trained. Raises
    CheckpointError."""
    decoder = _placed(path, manifest, trained, device, held)
    _run_once(Runner(decoder))
    return decoder


def beside(decoder: Decoder, path: Path, manifest: Manifest, threads: int) -> Runner:
    """On the base's device. Raises CheckpointError."""
    return Runner(based.beside(decoder, path, manifest), threads)


def _placed(path: Path, manifest: Manifest, trained: str, device: str, held: Held) -> Decoder:
    """On a card its weights are bfloat16, or float32 where that is asked for."""
    if device == "cpu":
        return _fast(load_base(path, manifest, held=trained).eval())
    dtype = torch.float32 if held == "float32" else torch.bfloat16
    decoder = load_base(path, manifest, dtype, trained)
    _widen(decoder, dtype)
    return decoder.to(device).eval()


def _widen(module: nn.Module, dtype: torch.dtype) -> None:
    """Matrices of bytes become matrices of the same numbers: torch would widen them again for every product. What the
    adapters were trained beside keeps the rounding that it had then."""
    for name, child in module.named_children():
        if not isinstance(child, Frozen):
            _widen(child, dtype)
            continue
        weight = nn.Parameter(child.weight.to(dtype), requires_grad=False)
        setattr(module, name, _like(child, weight))
    for parameter in module.parameters(recurse=False):
        parameter.data = parameter.data.to(dtype)


def _like(frozen: Frozen, weight: nn.Parameter) -> nn.Module:
    """The module that the frozen one stands for."""
    if isinstance(frozen, FrozenEmbedding):
        return nn.Embedding.from_pretrained(weight)
    assert isinstance(frozen, FrozenLinear)
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=frozen.bias is not None, device="meta")
    linear.weight = weight
    if frozen.bias is not None:
        linear.bias = nn.Parameter(frozen.bias.to(weight.dtype), requires_grad=False)
    return linear


def _fast(decoder: Decoder) -> Decoder:
    """float16 has no products on a CPU, and bfloat16 only slow ones where the processor does not multiply it."""
    dtype = decoder.like.dtype
    has = torch.cpu.get_capabilities()
    slow = dtype == torch.float16 or not (has.get("amx_bf16") or has.get("avx512_bf16"))
    return decoder.float() if slow and dtype != torch.float32 else decoder


def _run_once(model: Runner) -> Runner:
    """So that the first request does not pay for what no one has run through yet. Nothing is captured here, in the
    thread that loads: the engine's may be capturing now."""
    model.extend([0, 0], model.new_cache(2))
    model.extend([0], model.new_cache(1))
    return model
