"""A loaded checkpoint with what belongs to it alone: its tokenizer, its spellings, its version."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from model import families, low_rank
from model.decoder.stepping import Model, Stepper
from model.fim.choice import UnfitTokenizer, refuse_unfit
from model.manifest import TOKENIZER, CheckpointError, Manifest, read_file, read_manifest
from model.tokens.tokenizer import Tokenizer
from server.heal import Spellings
from server.imaging import Held, Imager, refuse_large


class Unfit(CheckpointError):
    """Its tokenizer is not the one that its model and its format need."""

    kind = "sentinels"


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
    beside: Callable[[Path, Manifest], Model]
    tokenizer: Tokenizer
    spellings: Spellings


class Bases:
    """Those that are in memory, for the loaders of several models."""

    def __init__(self) -> None:
        self.by_weights: WeakValueDictionary[tuple[str, str], _Base] = WeakValueDictionary()
        self.lock = threading.Lock()


class Loader:
    """Loads one checkpoint after another. Of adapters over one base each brings its low-rank part alone."""

    def __init__(
        self, held: Held = "auto", threads: int = 1, device: str = "cpu", bases: Bases | None = None
    ) -> None:  # fmt: skip
        """`threads`: of the model's products on a CPU. `device`: `cpu`, or a card's name (server.device). `bases`: what
        other loaders have."""
        self._held: Held = held
        self._threads, self._device = threads, device
        self._imager = Imager()
        self._base: _Base | None = None
        self._bases = bases or Bases()

    def load(self, path: Path) -> Served:
        """Reads a checkpoint. Raises CheckpointError, and CannotLoad."""
        manifest = read_manifest(path)
        if manifest.adapter is not None:
            base = self._of(path, manifest)
            return Served(base.beside(path, manifest), manifest, base.tokenizer, base.spellings)
        self._base = None
        tokenizer = _tokenizer(path, manifest)
        self._refuse_large(path, manifest)
        return Served(self._whole(path, manifest), manifest, tokenizer, Spellings(tokenizer.bytes_of))

    def close(self) -> None:
        """Ends what is being loaded."""
        self._imager.close()

    def _refuse_large(self, path: Path, manifest: Manifest) -> None:
        """A card has a memory of its own. Raises NoMemory."""
        if self._device == "cpu":
            refuse_large(path, manifest, self._held)

    def _whole(self, path: Path, manifest: Manifest) -> Model:
        if self._has_step(manifest):
            return Stepper(manifest.model, self._imager.step(path, manifest, self._held, self._threads))
        from server import by_torch

        return by_torch.whole(path, manifest, self._threads, self._device, self._held)

    def _has_step(self, manifest: Manifest) -> bool:
        return self._device == "cpu" and families.has_step(manifest.model)

    def _of(self, path: Path, manifest: Manifest) -> _Base:
        """The adapter's base: the one that is in memory, where it is the same one."""
        folder, its = low_rank.base_of(path, manifest)
        assert manifest.base is not None and manifest.adapter is not None
        sha256, held = manifest.base.sha256, manifest.adapter.held
        if self._base is None or (self._base.sha256, self._base.held) != (sha256, held):
            self._base = None
            with self._bases.lock:
                self._base = self._bases.by_weights.get((sha256, held)) or self._read(path, folder, its, held, sha256)
                self._bases.by_weights[sha256, held] = self._base
        return self._base

    def _read(self, path: Path, folder: Path, its: Manifest, held: str, sha256: str) -> _Base:
        """The base in `folder`, of the adapter in `path`."""
        try:
            tokenizer = _tokenizer(folder, its)
            self._refuse_large(folder, its)
            beside = self._beside(folder, its, held)
        except CheckpointError as error:
            version = its.model_version
            raise low_rank.OtherBase(f"{path.name}: its base, {version}, cannot be read: {error}") from error
        return _Base(sha256, held, beside, tokenizer, Spellings(tokenizer.bytes_of))

    def _beside(self, folder: Path, its: Manifest, held: str) -> Callable[[Path, Manifest], Model]:
        """What makes a model of the base in `folder` and the low-rank part of a checkpoint."""
        if self._has_step(its):
            step = self._imager.step(folder, its, self._held, self._threads)
            return lambda path, manifest: Stepper(manifest.model, low_rank.beside(step, path, manifest))
        from server import by_torch

        decoder = by_torch.base(folder, its, held, self._device, self._held)
        return lambda path, manifest: by_torch.beside(decoder, path, manifest, self._threads)


def _tokenizer(path: Path, manifest: Manifest) -> Tokenizer:
    """Raises CheckpointError; Unfit where it is not what the model was trained with."""
    read_file(path, manifest, TOKENIZER)
    tokenizer = Tokenizer.load(path / TOKENIZER)
    try:
        refuse_unfit(manifest.format, tokenizer.specials)
    except UnfitTokenizer as error:
        raise Unfit(f"{path.name}: {error.reason}") from error
    if tokenizer.vocab_size > manifest.model.vocab:
        raise Unfit(
            f"{path.name}: the tokenizer has {tokenizer.vocab_size:,} ids, and the model {manifest.model.vocab:,}"
        )
    if manifest.length > manifest.model.context:
        raise CheckpointError(
            f"{path.name}: examples of {manifest.length:,} tokens, of a model that has {manifest.model.context:,}"
        )
    return tokenizer


def load(path: Path, held: Held = "auto") -> Served:
    """One checkpoint by itself. Raises CheckpointError, and CannotLoad."""
    return Loader(held).load(path)
