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

from model.config import ModelConfig
from model.formats import Format
from model.tokenizer import Tokenizer
from model.transformer import Decoder

VERSION = 1
WEIGHTS, OPTIMIZER, FEED, TOKENIZER, MANIFEST = (
    "model.safetensors",
    "optimizer.safetensors",
    "feed.msgpack",
    "tokenizer.json",
    "manifest.json",
)
_UNFINISHED = ".unfinished-"


class CheckpointError(Exception):
    """A checkpoint that cannot be used; the message says which and why."""


class Manifest(msgspec.Struct, kw_only=True, frozen=True):
    """What a checkpoint is. Training draws no random number, so there is no state of a generator."""

    v: int = VERSION
    step: int
    tokens: int
    """Tokens trained on, padding not counted."""
    text_bytes: int
    """UTF-8 bytes of user text trained on."""
    model: ModelConfig
    format: Format
    tokenizer: str
    """The tokenizer's hash."""
    bits_per_byte: float | None
    """Prequential, over the last Batches; none before the first."""
    fingerprint: str = ""
    """Of what the data is: topics, recipe, FIM mix. The caller's to make and to compare."""
    feed: dict[str, int | float] = {}
    """The feed's summary."""
    written_ms: int = 0
    """Milliseconds since 1970."""
    model_version: str = ""
    """The folder's name and the first 8 hex digits of the weights' SHA-256."""
    sha256: dict[str, str] = {}
    """By file name, hex."""


@dataclass(frozen=True)
class Contents:
    """All of a checkpoint, for the trainer."""

    manifest: Manifest
    weights: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    feed: bytes
    tokenizer: Tokenizer
    path: Path | None = field(default=None, compare=False)


def name(step: int) -> str:
    return f"step-{step:08d}"


def folders(root: Path) -> list[Path]:
    """The finished checkpoints, oldest first."""
    return sorted(p for p in root.glob("step-*") if p.name[5:].isdigit() and p.is_dir()) if root.is_dir() else []


def latest(root: Path) -> Path | None:
    return next(reversed(folders(root)), None)


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


def read_manifest(path: Path) -> Manifest:
    """Raises CheckpointError for a missing or unreadable manifest and for one of another version."""
    try:
        data = (path / MANIFEST).read_bytes()
        version = msgspec.json.decode(data, type=dict[str, object]).get("v")
        if version != VERSION:
            raise CheckpointError(f"{path.name} is a checkpoint of version {version}, and this program reads {VERSION}")
        return msgspec.json.decode(data, type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise CheckpointError(f"{path.name} has no readable {MANIFEST}: {error}") from error


def _read(path: Path, manifest: Manifest, file: str) -> bytes:
    try:
        data = (path / file).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path.name} lacks {file}: {error.strerror}") from error
    if sha256(data).hexdigest() != manifest.sha256.get(file):
        raise CheckpointError(f"{path.name}: {file} is not what was written (its SHA-256 differs)")
    return data


def _tensors(path: Path, manifest: Manifest, file: str) -> dict[str, Tensor]:
    try:
        return load(_read(path, manifest, file))
    except SafetensorError as error:
        raise CheckpointError(f"{path.name}: {file} is no safetensors file: {error}") from error


def read_tokenizer(path: Path, manifest: Manifest) -> Tokenizer:
    _read(path, manifest, TOKENIZER)
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
        feed=_read(path, manifest, FEED),
        tokenizer=read_tokenizer(path, manifest),
        path=path,
    )
