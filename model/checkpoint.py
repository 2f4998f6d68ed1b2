"""Checkpoints: immutable folders, written under another name, fsynced, renamed; pruned only after."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from model import choice, side_files, weights
from model.decoder.decoder import Decoder
from model.families import Names
from model.families.reading import Refused, Uninstalled
from model.manifest import (
    FEED,
    FROZEN,
    MANIFEST,
    OPTIMIZER,
    SIDE_FILES,
    TOKENIZER,
    TRAINED,
    WEIGHTS,
    CheckpointError,
    Manifest,
    NewerCheckpoint,
    age,
    check_file,
    folders,
    name,
    read_file,
    read_manifest,
)
from model.tokens.tokenizer import Tokenizer

logger = logging.getLogger("midstream.model")

_UNFINISHED = ".unfinished-"
FULL = (errno.ENOSPC, errno.EDQUOT)
"""The disk, or its owner's share of it."""
REVISIONS = 2
"""Checkpoints of the same weights that are left after pruning."""


@dataclass(frozen=True)
class Contents:
    """All of a checkpoint, for the trainer."""

    manifest: Manifest
    weights: dict[str, Tensor]
    """That are trained, by our names; float32."""
    optimizer: dict[str, Tensor]
    """Empty before the first step."""
    feed: bytes
    """Empty before the first state."""
    tokenizer: Tokenizer
    side_files: dict[str, bytes] = field(default_factory=dict)
    """What Hugging Face's libraries read beside them, as it came with imported weights."""
    frozen: bytes = b""
    """The frozen set's state; empty: there is none."""
    mean: dict[str, Tensor] = field(default_factory=dict)
    """The weights that are served; empty: those that are trained."""
    path: Path | None = field(default=None, compare=False)


def write(root: Path, contents: Contents, keep: int) -> Manifest:
    """Writes the checkpoint that `contents.manifest` names, prunes to the newest `keep` models, returns the manifest.

    The folder is one of Hugging Face's, too: `transformers` opens it. Raises CheckpointError when there is one of that
    name already, since a checkpoint never changes, and when the weights are not finite.
    """
    try:
        for tensors in (contents.weights, contents.mean):
            weights.refuse_infinite(tensors)
    except Refused as error:
        raise CheckpointError(f"the model cannot be written: {error}") from error
    places = weights.stored(contents.mean or contents.weights)
    version = 2 if contents.mean else 1
    return write_places(root, msgspec.structs.replace(contents.manifest, v=version), places, contents, keep)


def write_places(
    root: Path, given: Manifest, places: Mapping[str, weights.Stored], contents: Contents, keep: int
) -> Manifest:  # fmt: skip
    """As `write`, with weights that need not be in memory all at once."""
    names = Names(given.model)

    def fill(folder: Path) -> dict[str, str]:
        sums = {WEIGHTS: weights.write(folder / WEIGHTS, {names.theirs(n): p for n, p in places.items()})}
        if contents.mean:
            trained = weights.stored(contents.weights)
            sums[TRAINED] = weights.write(folder / TRAINED, {names.theirs(n): p for n, p in trained.items()})
        if contents.frozen:
            _write(folder / FROZEN, contents.frozen)
            sums[FROZEN] = sha256(contents.frozen).hexdigest()
        if contents.optimizer:
            sums[OPTIMIZER] = weights.write(folder / OPTIMIZER, weights.stored(contents.optimizer))
        dtype = next(iter(places.values())).dtype
        texts = side_files.make(given, contents.tokenizer, dtype, contents.side_files)
        for file, data in (FEED, contents.feed), (TOKENIZER, contents.tokenizer.json.encode()), *texts.items():
            _write(folder / file, data)
            sums[file] = sha256(data).hexdigest()
        return sums

    return _publish(root, given, fill, "", keep)


def write_revision(root: Path, manifest: Manifest, feed: bytes, before: Manifest, keep: int) -> Manifest:
    """Writes a checkpoint of the weights of `before`, which must be in the folder, with another state of the feed: what
    the gate said of them stands.

    What has not changed is linked, or copied where the file system has no links, and the model's version stays: nobody
    need load it anew. Raises FileNotFoundError when `before` is gone, CheckpointError as `write`.
    """

    def fill(folder: Path) -> dict[str, str]:
        for file in before.sha256:
            if file != FEED:
                _link(root / _name(before) / file, folder / file)
        _write(folder / FEED, feed)
        return {**before.sha256, FEED: sha256(feed).hexdigest()}

    said = {name: getattr(before, name) for name in ("v", "frozen_bits", "frozen_best", "withheld", "merged")}
    return _publish(root, msgspec.structs.replace(manifest, **said), fill, before.model_version, keep)


def _link(path: Path, other: Path) -> None:
    try:
        os.link(path, other)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in FULL:
            raise
        _write(other, path.read_bytes())


def _publish(
    root: Path, given: Manifest, fill: Callable[[Path], dict[str, str]], version: str, keep: int
) -> Manifest:  # fmt: skip
    """Under another name, fsynced, renamed; folders of later reigns are left alone.

    `fill` writes the files and gives their sums; `version`: the model's, empty for one of these weights.
    """
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    final = root / _name(given)
    if final.exists():
        raise CheckpointError(f"{final.name} exists already, and a checkpoint never changes")
    for torn in root.glob(f"{_UNFINISHED}*"):
        at = age(torn.name.removeprefix(_UNFINISHED))
        if at is None or at.reign <= given.reign:
            shutil.rmtree(torn)
    unfinished = root / f"{_UNFINISHED}{final.name}"
    unfinished.mkdir(mode=0o700)
    try:
        sums = fill(unfinished)
        version = version or f"{final.name}-{sums[WEIGHTS][:8]}"
        manifest = msgspec.structs.replace(
            given, sha256=sums, model_version=version, written_ms=time.time_ns() // 1_000_000
        )
        _write(unfinished / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        _sync_folder(unfinished)
    except OSError:  # a full disk: what stands on it is given back
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    unfinished.rename(final)
    _sync_folder(root)
    _prune(root, manifest.reign, keep)
    return manifest


def _prune(root: Path, reign: int, keep: int) -> None:
    """Leaves the newest `keep` models of this reign and those before it, of each the newest two states of the feed, and
    all of later reigns, and what is served.

    Revisions share the files of one model: counted alone, they would leave no other one to go back to.
    """
    own = [path for path in folders(root) if (at := age(path.name)) and at.reign <= reign]
    states: Counter[str] = Counter()
    served = _served(root)
    for path in reversed(own):
        version = _version(path)
        states[version] += 1
        if (len(states) > max(1, keep) or states[version] > REVISIONS) and path != served:
            shutil.rmtree(path)


def _served(root: Path) -> Path | None:
    try:
        return next((path for path, _ in choice.served(root)), None)
    except CheckpointError as error:
        logger.error("%s", error)
        return None


def _version(path: Path) -> str:
    """The model's version; a damaged checkpoint counts as a model of its own."""
    try:
        return read_manifest(path).model_version
    except CheckpointError:
        return path.name


def _name(manifest: Manifest) -> str:
    return name(manifest.step, manifest.reign, manifest.revision)


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


def _weights(
    path: Path, manifest: Manifest, dtype: torch.dtype | None, file: str = WEIGHTS
) -> dict[str, Tensor]:  # fmt: skip
    """Mapped into memory, where they are of the type already. Raises CheckpointError unless they are finite and of the
    manifest's shape, before a model is made for them: a manifest may say any size."""
    check_file(path, manifest, file)
    try:
        places = weights.find([path / file], manifest.model)
    except Uninstalled as error:
        raise CheckpointError(f"{path.name} cannot be used: {error}") from error
    except Refused as error:
        raise CheckpointError(f"{path.name}: the weights are not of the manifest's shape: {error}") from error
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
    as they were written. Raises CheckpointError."""
    manifest = read_manifest(path)
    model = weights.assemble(manifest.model, _weights(path, manifest, dtype))
    return model.eval(), manifest, read_tokenizer(path, manifest)


def trained_weights(path: Path) -> dict[str, Tensor]:
    """Those that training goes on with, float32. Raises CheckpointError."""
    manifest = read_manifest(path)
    return _weights(path, manifest, torch.float32, TRAINED if TRAINED in manifest.sha256 else WEIGHTS)


def load_all(path: Path) -> Contents:
    """What a trainer goes on from. Raises CheckpointError."""
    manifest = read_manifest(path)
    return Contents(
        manifest=manifest,
        weights=trained_weights(path),
        frozen=read_file(path, manifest, FROZEN) if FROZEN in manifest.sha256 else b"",
        optimizer=_optimizer(path, manifest),
        feed=read_file(path, manifest, FEED),
        tokenizer=read_tokenizer(path, manifest),
        side_files={file: read_file(path, manifest, file) for file in SIDE_FILES if file in manifest.sha256},
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
