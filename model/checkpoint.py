"""Checkpoints: immutable folders, written under another name, fsynced, renamed; pruned only after."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from model.decoder.transformer import Decoder
from model.manifest import (
    FEED,
    MANIFEST,
    OPTIMIZER,
    TOKENIZER,
    WEIGHTS,
    CheckpointError,
    Manifest,
    folders,
    name,
    read_file,
    read_manifest,
)
from model.tokens.tokenizer import Tokenizer

_UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class Contents:
    """All of a checkpoint, for the trainer."""

    manifest: Manifest
    weights: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    feed: bytes
    tokenizer: Tokenizer
    path: Path | None = field(default=None, compare=False)


def write(root: Path, contents: Contents, keep: int) -> Manifest:
    """Writes the checkpoint of `contents.manifest.step`, then prunes to the newest `keep`. Returns the full manifest.

    Raises CheckpointError when the step has one already: a checkpoint never changes.
    """
    root.mkdir(parents=True, exist_ok=True)
    final = root / name(contents.manifest.step)
    if final.exists():
        raise CheckpointError(f"{final.name} exists already, and a checkpoint never changes")
    for torn in root.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(torn)
    unfinished = root / f"{_UNFINISHED}{final.name}"
    unfinished.mkdir()
    files = dict(_files(contents))
    sums = {file: sha256(data).hexdigest() for file, data in files.items()}
    manifest = msgspec.structs.replace(
        contents.manifest,
        sha256=sums,
        model_version=f"{final.name}-{sums[WEIGHTS][:8]}",
        written_ms=time.time_ns() // 1_000_000,
    )
    for file, data in (*files.items(), (MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))):
        _write(unfinished / file, data)
    _sync_folder(unfinished)
    unfinished.rename(final)
    _sync_folder(root)
    for old in folders(root)[: -max(1, keep)]:
        shutil.rmtree(old)
    return manifest


def _files(contents: Contents) -> Iterator[tuple[str, bytes]]:
    yield WEIGHTS, save({k: t.detach().contiguous() for k, t in contents.weights.items()})
    yield OPTIMIZER, save(contents.optimizer)
    yield FEED, contents.feed
    yield TOKENIZER, contents.tokenizer.json.encode()


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _tensors(path: Path, manifest: Manifest, file: str) -> dict[str, Tensor]:
    try:
        return load(read_file(path, manifest, file))
    except SafetensorError as error:
        raise CheckpointError(f"{path.name}: {file} is no safetensors file: {error}") from error


def read_tokenizer(path: Path, manifest: Manifest) -> Tokenizer:
    read_file(path, manifest, TOKENIZER)
    return Tokenizer.load(path / TOKENIZER)


def load_model(path: Path) -> tuple[Decoder, Manifest, Tokenizer]:
    """What a server needs: the decoder in evaluation mode, the manifest, the tokenizer. Raises CheckpointError."""
    manifest = read_manifest(path)
    model = Decoder(manifest.model)
    try:
        model.load_state_dict(_tensors(path, manifest, WEIGHTS))
    except RuntimeError as error:
        raise CheckpointError(f"{path.name}: the weights are not of the manifest's shape: {error}") from error
    return model.eval(), manifest, read_tokenizer(path, manifest)


def load_all(path: Path) -> Contents:
    """What a trainer goes on from. Raises CheckpointError."""
    manifest = read_manifest(path)
    return Contents(
        manifest=manifest,
        weights=_tensors(path, manifest, WEIGHTS),
        optimizer=_tensors(path, manifest, OPTIMIZER),
        feed=read_file(path, manifest, FEED),
        tokenizer=read_tokenizer(path, manifest),
        path=path,
    )
