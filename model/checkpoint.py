"""Checkpoints: immutable folders, written under another name, fsynced, renamed; pruned only after."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec
import torch
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
    NewerCheckpoint,
    age,
    folders,
    name,
    read_file,
    read_manifest,
)
from model.tokens.tokenizer import Tokenizer

logger = logging.getLogger("midstream.model")

_UNFINISHED = ".unfinished-"
REVISIONS = 2
"""Checkpoints of the same weights that are left after pruning."""


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
    """Writes the checkpoint that `contents.manifest` names, prunes to the newest `keep` models, returns the manifest.

    Raises CheckpointError when there is one of that name already, since a checkpoint never changes, and when the
    weights are not finite.
    """
    _check_finite(contents.weights, "the weights of the model")
    files = dict(_files(contents))
    sums = {file: sha256(data).hexdigest() for file, data in files.items()}
    version = f"{_name(contents.manifest)}-{sums[WEIGHTS][:8]}"
    return _publish(root, contents.manifest, sums, version, files, {}, keep)


def write_revision(root: Path, manifest: Manifest, feed: bytes, before: Manifest, keep: int) -> Manifest:
    """Writes a checkpoint of the weights of `before`, which must be in the folder, with another state of the feed.

    What has not changed is linked and not copied, and the model's version stays: nobody need load it anew. Raises
    OSError when `before` is gone or the file system has no links, CheckpointError as `write`.
    """
    links = {file: root / _name(before) / file for file in (WEIGHTS, OPTIMIZER, TOKENIZER)}
    sums = {**before.sha256, FEED: sha256(feed).hexdigest()}
    return _publish(root, manifest, sums, before.model_version, {FEED: feed}, links, keep)


def _publish(
    root: Path, draft: Manifest, sums: dict[str, str], version: str, files: dict[str, bytes], links: dict[str, Path],
    keep: int,
) -> Manifest:  # fmt: skip
    """Under another name, fsynced, renamed; folders of later reigns are left alone."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    final = root / _name(draft)
    if final.exists():
        raise CheckpointError(f"{final.name} exists already, and a checkpoint never changes")
    for torn in root.glob(f"{_UNFINISHED}*"):
        at = age(torn.name.removeprefix(_UNFINISHED))
        if at is None or at.reign <= draft.reign:
            shutil.rmtree(torn)
    unfinished = root / f"{_UNFINISHED}{final.name}"
    unfinished.mkdir(mode=0o700)
    manifest = msgspec.structs.replace(
        draft, sha256=sums, model_version=version, written_ms=time.time_ns() // 1_000_000
    )
    for file, target in links.items():
        os.link(target, unfinished / file)
    for file, data in (*files.items(), (MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))):
        _write(unfinished / file, data)
    _sync_folder(unfinished)
    unfinished.rename(final)
    _sync_folder(root)
    _prune(root, manifest.reign, keep)
    return manifest


def _prune(root: Path, reign: int, keep: int) -> None:
    """Leaves the newest `keep` models of this reign and those before it, of each the newest two states of the feed, and
    all of later reigns.

    Revisions share the files of one model: counted alone, they would leave no other one to go back to.
    """
    own = [path for path in folders(root) if (at := age(path.name)) and at.reign <= reign]
    states: Counter[str] = Counter()
    for path in reversed(own):
        version = _version(path)
        states[version] += 1
        if len(states) > max(1, keep) or states[version] > REVISIONS:
            shutil.rmtree(path)


def _version(path: Path) -> str:
    """The model's version; a damaged checkpoint counts as a model of its own."""
    try:
        return read_manifest(path).model_version
    except CheckpointError:
        return path.name


def _name(manifest: Manifest) -> str:
    return name(manifest.step, manifest.reign, manifest.revision)


def _files(contents: Contents) -> Iterator[tuple[str, bytes]]:
    yield WEIGHTS, save({k: t.detach().contiguous() for k, t in contents.weights.items()})
    yield OPTIMIZER, save(contents.optimizer)
    yield FEED, contents.feed
    yield TOKENIZER, contents.tokenizer.json.encode()


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
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


def _weights(path: Path, manifest: Manifest) -> dict[str, Tensor]:
    """Raises CheckpointError unless they are finite and of the manifest's shape, before a model is made for them: a
    manifest may say any size."""
    weights = _tensors(path, manifest, WEIGHTS)
    _check_finite(weights, f"{path.name}: the weights")
    try:
        with torch.device("meta"):
            shapes = {name: tensor.shape for name, tensor in Decoder(manifest.model).state_dict().items()}
    except (RuntimeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{path.name}: the manifest's shape is no model's: {error}") from error
    if shapes != {name: tensor.shape for name, tensor in weights.items()}:
        raise CheckpointError(f"{path.name}: the weights are not of the manifest's shape")
    return weights


def _check_finite(weights: dict[str, Tensor], what: str) -> None:
    wrong = [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]
    if wrong:
        raise CheckpointError(f"{what} are not finite numbers: {', '.join(wrong[:3])}")


def read_tokenizer(path: Path, manifest: Manifest) -> Tokenizer:
    read_file(path, manifest, TOKENIZER)
    return Tokenizer.load(path / TOKENIZER)


def load_model(path: Path) -> tuple[Decoder, Manifest, Tokenizer]:
    """What a server needs: the decoder in evaluation mode, the manifest, the tokenizer. Raises CheckpointError."""
    manifest = read_manifest(path)
    weights = _weights(path, manifest)
    model = Decoder(manifest.model)
    model.load_state_dict(weights)
    return model.eval(), manifest, read_tokenizer(path, manifest)


def load_all(path: Path) -> Contents:
    """What a trainer goes on from. Raises CheckpointError."""
    manifest = read_manifest(path)
    return Contents(
        manifest=manifest,
        weights=_weights(path, manifest),
        optimizer=_tensors(path, manifest, OPTIMIZER),
        feed=read_file(path, manifest, FEED),
        tokenizer=read_tokenizer(path, manifest),
        path=path,
    )


def load_newest(root: Path) -> Contents | None:
    """The newest checkpoint that is whole; None in a folder without any.

    Says so when a newer one is damaged. Raises NewerCheckpoint, and CheckpointError when all of them are damaged.
    """
    damaged: list[str] = []
    for path in reversed(folders(root)):
        try:
            contents = load_all(path)
        except NewerCheckpoint:
            raise
        except (CheckpointError, OSError, ValueError) as error:
            if not path.exists():  # pruned by a trainer that is about to end: look again
                return load_newest(root)
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
