"""A loaded checkpoint with what belongs to it alone: its tokenizer, its spellings, its version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from model import based
from model.decoder.decoder import Decoder
from model.decoder.runner import Runner
from model.loading import load_base, load_model, read_tokenizer
from model.manifest import Manifest, read_manifest
from model.tokens.tokenizer import Tokenizer
from server.heal import Spellings


@dataclass(frozen=True, eq=False)
class Served:
    """A request keeps the one that it began with."""

    model: Runner
    manifest: Manifest
    tokenizer: Tokenizer
    spellings: Spellings

    @property
    def version(self) -> str:
        return self.manifest.model_version


@dataclass(frozen=True, eq=False)
class _Base:
    """The weights that adapters stand beside, in memory once for all of them."""

    sha256: str
    held: str
    decoder: Decoder
    tokenizer: Tokenizer
    spellings: Spellings


class Loader:
    """Loads one checkpoint after another. Of adapters over one base each brings its low-rank part alone."""

    def __init__(self) -> None:
        self._base: _Base | None = None

    def load(self, path: Path) -> Served:
        """Reads a checkpoint, and what no request has run through yet is run once, so that the first one does not pay
        for it. Raises CheckpointError."""
        manifest = read_manifest(path)
        if manifest.adapter is not None:
            return self._adapter(path, manifest)
        self._base = None
        decoder, manifest, tokenizer = load_model(path)
        model = _run_once(Runner(_fast(decoder)))
        return Served(model, manifest, tokenizer, Spellings(tokenizer.bytes_of))

    def _adapter(self, path: Path, manifest: Manifest) -> Served:
        base = self._of(path, manifest)
        model = Runner(based.beside(base.decoder, path, manifest))
        return Served(model, manifest, base.tokenizer, base.spellings)

    def _of(self, path: Path, manifest: Manifest) -> _Base:
        """The adapter's base: the one that is in memory, where it is the same one."""
        folder, its = based.base_of(path, manifest)
        assert manifest.base is not None and manifest.adapter is not None
        sha256, held = manifest.base.sha256, manifest.adapter.held
        if self._base is None or (self._base.sha256, self._base.held) != (sha256, held):
            self._base = None
            tokenizer = read_tokenizer(folder, its)
            decoder = _fast(load_base(folder, its, held=held).eval())
            _run_once(Runner(decoder))
            self._base = _Base(sha256, held, decoder, tokenizer, Spellings(tokenizer.bytes_of))
        return self._base


def _fast(decoder: Decoder) -> Decoder:
    """float16 has no products on a CPU, and bfloat16 only slow ones where the processor does not multiply it."""
    dtype = decoder.like.dtype
    has = torch.cpu.get_capabilities()
    slow = dtype == torch.float16 or not (has.get("amx_bf16") or has.get("avx512_bf16"))
    return decoder.float() if slow and dtype != torch.float32 else decoder


def _run_once(model: Runner) -> Runner:
    model.extend([0, 0], model.new_cache())
    model.extend([0], model.new_cache())
    return model


def load(path: Path) -> Served:
    """One checkpoint by itself. Raises CheckpointError."""
    return Loader().load(path)
