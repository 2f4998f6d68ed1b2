"""A loaded checkpoint with what belongs to it alone: its tokenizer, its spellings, its version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model import families
from model.decoder.stepping import Model, Stepper
from model.manifest import TOKENIZER, Manifest, read_file, read_manifest
from model.tokens.tokenizer import Tokenizer
from server.heal import Spellings
from server.imaging import Held, Imager


@dataclass(frozen=True, eq=False)
class Served:
    """A request keeps the one that it began with."""

    model: Model
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
    decoder: Any
    tokenizer: Tokenizer
    spellings: Spellings


class Loader:
    """Loads one checkpoint after another. Of adapters over one base each brings its low-rank part alone."""

    def __init__(self, held: Held = "auto", threads: int = 1) -> None:
        """`threads`: of the model's products."""
        self._held: Held = held
        self._threads = threads
        self._imager = Imager()
        self._base: _Base | None = None

    def load(self, path: Path) -> Served:
        """Reads a checkpoint. Raises CheckpointError, and CannotLoad."""
        manifest = read_manifest(path)
        if manifest.adapter is not None:
            return self._adapter(path, manifest)
        self._base = None
        read_file(path, manifest, TOKENIZER)
        tokenizer = Tokenizer.load(path / TOKENIZER)
        if families.has_step(manifest.model):
            step = self._imager.step(path, manifest, self._held, self._threads)
            model: Model = Stepper(manifest.model, step)
        else:
            from server import by_torch

            model = by_torch.whole(path, manifest, self._threads)
        return Served(model, manifest, tokenizer, Spellings(tokenizer.bytes_of))

    def close(self) -> None:
        """Ends what is being loaded."""
        self._imager.close()

    def _adapter(self, path: Path, manifest: Manifest) -> Served:
        from server import by_torch

        base = self._of(path, manifest)
        model = by_torch.beside(base.decoder, path, manifest, self._threads)
        return Served(model, manifest, base.tokenizer, base.spellings)

    def _of(self, path: Path, manifest: Manifest) -> _Base:
        """The adapter's base: the one that is in memory, where it is the same one."""
        from model import based
        from server import by_torch

        folder, its = based.base_of(path, manifest)
        assert manifest.base is not None and manifest.adapter is not None
        sha256, held = manifest.base.sha256, manifest.adapter.held
        if self._base is None or (self._base.sha256, self._base.held) != (sha256, held):
            self._base = None
            read_file(folder, its, TOKENIZER)
            tokenizer = Tokenizer.load(folder / TOKENIZER)
            decoder = by_torch.base(folder, its, held)
            self._base = _Base(sha256, held, decoder, tokenizer, Spellings(tokenizer.bytes_of))
        return self._base


def load(path: Path, held: Held = "auto") -> Served:
    """One checkpoint by itself. Raises CheckpointError, and CannotLoad."""
    return Loader(held).load(path)
