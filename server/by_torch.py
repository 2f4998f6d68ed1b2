"""Models that torch runs: families without a compiled step."""

from __future__ import annotations

from pathlib import Path

import torch

from model import based
from model.decoder.decoder import Decoder
from model.decoder.runner import Runner
from model.loading import load_base
from model.manifest import Manifest


def whole(path: Path, manifest: Manifest, threads: int) -> Runner:
    """Of a checkpoint that holds all weights. Raises CheckpointError."""
    return _run_once(Runner(_fast(load_base(path, manifest).eval()), threads))


def base(path: Path, manifest: Manifest, held: str) -> Decoder:
    """What adapters stand beside. Raises CheckpointError."""
    decoder = _fast(load_base(path, manifest, held=held).eval())
    _run_once(Runner(decoder))
    return decoder


def beside(decoder: Decoder, path: Path, manifest: Manifest, threads: int) -> Runner:
    """Raises CheckpointError."""
    return Runner(based.beside(decoder, path, manifest), threads)


def _fast(decoder: Decoder) -> Decoder:
    """float16 has no products on a CPU, and bfloat16 only slow ones where the processor does not multiply it."""
    dtype = decoder.like.dtype
    has = torch.cpu.get_capabilities()
    slow = dtype == torch.float16 or not (has.get("amx_bf16") or has.get("avx512_bf16"))
    return decoder.float() if slow and dtype != torch.float32 else decoder


def _run_once(model: Runner) -> Runner:
    """So that the first request does not pay for what no one has run through yet."""
    model.extend([0, 0], model.new_cache())
    model.extend([0], model.new_cache())
    return model
