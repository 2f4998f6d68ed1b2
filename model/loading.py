"""Reading checkpoints: what a server and a trainer go on from, each file held against its sum."""

from __future__ import annotations

import logging
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from model import based, weights
from model.based import OtherBase
from model.checkpoint import MASTER, Contents
from model.decoder.decoder import Decoder
from model.decoder.frozen import hold
from model.families.reading import Refused
from model.manifest import (
    FEED,
    FROZEN,
    OPTIMIZER,
    SIDE_FILES,
    TOKENIZER,
    TRAINED,
    WEIGHTS,
    CheckpointError,
    Manifest,
    NewerCheckpoint,
    check_file,
    folders,
    read_file,
    read_manifest,
)
from model.tokens.tokenizer import Tokenizer

logger = logging.getLogger("midstream.model")


def _weights(
    path: Path, manifest: Manifest, dtype: torch.dtype | None, file: str = WEIGHTS
) -> dict[str, Tensor]:  # fmt: skip
    """Mapped into memory, where they are of the type already. Raises CheckpointError unless they are finite and of the
    manifest's shape, before a model is made for them: a manifest may say any size."""
    places = based.places(path, manifest, file)
    try:
        return weights.load(places, dtype)
    except Refused as error:
        raise CheckpointError(f"{path.name}: {error}") from error


def _optimizer(path: Path, manifest: Manifest) -> dict[str, Tensor]:
    if OPTIMIZER not in manifest.sha256:
        return {}
    try:
        return load_file(check_file(path, manifest, OPTIMIZER))
    except SafetensorError as error:
        raise CheckpointError(f"{path.name}: {OPTIMIZER} is no safetensors file: {error}") from error


def read_tokenizer(path: Path, manifest: Manifest) -> Tokenizer:
    read_file(path, manifest, TOKENIZER)
    return Tokenizer.load(path / TOKENIZER)


def load_model(path: Path, dtype: torch.dtype | None = None) -> tuple[Decoder, Manifest, Tokenizer]:
    """What a server needs: the decoder in evaluation mode, the manifest, the tokenizer. `dtype`: of the weights; None:
    as they were written. Of an adapter the base with the low-rank part beside it. Raises CheckpointError."""
    manifest = read_manifest(path)
    if manifest.adapter is None:
        return load_base(path, manifest, dtype).eval(), manifest, read_tokenizer(path, manifest)
    base_path, base = based.base_of(path, manifest)
    held = manifest.adapter.held
    decoder = based.beside(load_base(base_path, base, dtype, held), path, manifest)
    return decoder.eval(), manifest, read_tokenizer(path, manifest)


def trained_weights(path: Path) -> dict[str, Tensor]:
    """Those that training goes on with, float32; of an adapter its low-rank parts. Raises CheckpointError."""
    manifest = read_manifest(path)
    if manifest.adapter is not None:
        own = _optimizer(path, manifest)
        return {name.removeprefix(MASTER): t for name, t in own.items() if name.startswith(MASTER)}
    return _weights(path, manifest, torch.float32, TRAINED if TRAINED in manifest.sha256 else WEIGHTS)


def _all_weights(path: Path, manifest: Manifest, as_stored: bool) -> dict[str, Tensor]:
    """Of a checkpoint that holds all: those that are trained; or, for an adapter to stand beside, those that are
    served, as they are stored."""
    return _weights(path, manifest, None) if as_stored else trained_weights(path)


def load_base(path: Path, manifest: Manifest, dtype: torch.dtype | None = None, held: str = "") -> Decoder:
    """The decoder of a checkpoint that holds all weights. `held`: int8 for what an adapter was trained beside so.
    Raises CheckpointError."""
    decoder = weights.assemble(manifest.model, _weights(path, manifest, dtype))
    if held == "int8":
        hold(decoder, "int8")
    return decoder


def load_all(path: Path, as_stored: bool = False) -> Contents:
    """What a trainer goes on from. `as_stored`: the weights are mapped as they are, for an adapter to stand beside, as
    those of an adapter's base are anyway. Raises CheckpointError."""
    manifest = read_manifest(path)
    base_path, base = path, manifest
    low_rank: dict[str, Tensor] = {}
    if manifest.adapter is not None:
        base_path, base = based.base_of(path, manifest)
        low_rank = based.low_rank(path, manifest)
    return Contents(
        manifest=manifest,
        weights=_all_weights(base_path, base, as_stored or bool(low_rank)),
        frozen=read_file(path, manifest, FROZEN) if FROZEN in manifest.sha256 else b"",
        optimizer=_optimizer(path, manifest),
        feed=read_file(path, manifest, FEED),
        tokenizer=read_tokenizer(path, manifest),
        side_files={file: read_file(path, manifest, file) for file in SIDE_FILES if file in manifest.sha256},
        path=path,
        low_rank=low_rank,
    )


def load_newest(root: Path, as_stored: bool = False) -> Contents | None:
    """The newest checkpoint that is whole; None in a folder without any. `as_stored`: as of `load_all`.

    Says so when a newer one is damaged. Raises NewerCheckpoint, OtherBase, and CheckpointError when all of them are
    damaged.
    """
    damaged: list[str] = []
    for path in reversed(folders(root)):
        try:
            contents = load_all(path, as_stored)
        except (NewerCheckpoint, OtherBase):
            raise
        except (CheckpointError, OSError, ValueError) as error:
            if not path.exists():  # pruned by a trainer that is about to end: look again
                return load_newest(root, as_stored)
            logger.error("damaged, passed over: %s", error)
            damaged.append(path.name)
            continue
        if damaged:
            logger.error("going on from %s: what was trained after it is trained again", path.name)
        return contents
    if damaged:
        raise CheckpointError(
            f"no checkpoint in {root} is whole ({', '.join(damaged)}): put a copy back, or train from a new folder"
        )
    return None
