"""A loaded checkpoint with what belongs to it alone: its tokenizer, its sessions, its version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from model.checkpoint import load_model
from model.decoder.decoder import Decoder
from model.decoder.runner import Runner
from model.manifest import Manifest
from model.tokens.tokenizer import Tokenizer
from server.cache import Sessions
from server.heal import Spellings


@dataclass(frozen=True, eq=False)
class Served:
    """A request keeps the one that it began with."""

    model: Runner
    manifest: Manifest
    tokenizer: Tokenizer
    sessions: Sessions
    spellings: Spellings

    @property
    def version(self) -> str:
        return self.manifest.model_version


def _fast(decoder: Decoder) -> Decoder:
    """float16 has no products on a CPU, and bfloat16 only slow ones where the processor does not multiply it."""
    dtype = decoder.tokens.weight.dtype
    has = torch.cpu.get_capabilities()
    slow = dtype == torch.float16 or not (has.get("amx_bf16") or has.get("avx512_bf16"))
    return decoder.float() if slow and dtype != torch.float32 else decoder


def load(path: Path, sessions: int = 8) -> Served:
    """Reads a checkpoint and runs it once, so that the first request does not pay for it. Raises CheckpointError."""
    decoder, manifest, tokenizer = load_model(path)
    model = Runner(_fast(decoder))
    model.extend([0, 0], model.new_cache())
    model.extend([0], model.new_cache())
    return Served(model, manifest, tokenizer, Sessions(sessions), Spellings(tokenizer.bytes_of))
