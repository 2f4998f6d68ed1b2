"""Checkpoints: immutable folders, written under another name, fsynced, renamed; pruned only after."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from model import based, pruning, side_files, weights
from model.families import Names
from model.families.reading import Refused
from model.manifest import (
    ADAPTER,
    FEED,
    FROZEN,
    MANIFEST,
    OPTIMIZER,
    TOKENIZER,
    TRAINED,
    WEIGHTS,
    CheckpointError,
    Manifest,
    age,
    name,
)
from model.tokens.tokenizer import Tokenizer

logger = logging.getLogger("midstream.model")

_UNFINISHED = ".unfinished-"
FULL = (errno.ENOSPC, errno.EDQUOT)
"""The disk, or its owner's share of it."""
MASTER = "master/"
"""Before the names of an adapter's own float32 numbers, among the optimizer's state: what is served is bfloat16."""


@dataclass(frozen=True)
class Contents:
    """All of a checkpoint, for the trainer."""

    manifest: Manifest
    weights: dict[str, Tensor]
    """That are trained, by our names; float32. Of an adapter the base's, as they are stored; none when it is
    written."""
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
    low_rank: dict[str, Tensor] = field(default_factory=dict)
    """Of an adapter, by our names."""


def write(root: Path, contents: Contents, keep: int) -> Manifest:
    """Writes the checkpoint that `contents.manifest` names, prunes to the newest `keep` models, returns the manifest.

    The folder is one of Hugging Face's, too: `transformers` opens it. Raises CheckpointError when there is one of that
    name already, since a checkpoint never changes, and when the weights are not finite.
    """
    try:
        for tensors in (contents.low_rank or contents.weights, contents.mean):
            weights.refuse_infinite(tensors)
    except Refused as error:
        raise CheckpointError(f"the model cannot be written: {error}") from error
    if contents.manifest.adapter is not None:
        return write_adapter(root, contents, keep)
    places = weights.stored(contents.mean or contents.weights)
    version = 2 if contents.mean else 1
    return write_places(root, msgspec.structs.replace(contents.manifest, v=version), places, contents, keep)


def write_places(
    root: Path, given: Manifest, places: Mapping[str, weights.Stored], contents: Contents, keep: int,
    linked: bool = False,
) -> Manifest:  # fmt: skip
    """As `write`, with weights that need not be in memory all at once. `linked`: where they lie in one file of this
    file system, that file is linked and not copied."""
    names = Names(given.model)

    def fill(folder: Path) -> dict[str, str]:
        sums = {WEIGHTS: weights.link(folder / WEIGHTS, places) if linked else ""}
        if not sums[WEIGHTS]:
            sums[WEIGHTS] = weights.write(folder / WEIGHTS, {names.theirs(n): p for n, p in places.items()})
        if contents.mean:
            trained = weights.stored(contents.weights)
            sums[TRAINED] = weights.write(folder / TRAINED, {names.theirs(n): p for n, p in trained.items()})
        sums |= _frozen_set(folder, contents)
        if contents.optimizer:
            sums[OPTIMIZER] = weights.write(folder / OPTIMIZER, weights.stored(contents.optimizer))
        dtype = next(iter(places.values())).dtype
        texts = side_files.make(given, contents.tokenizer, dtype, contents.side_files)
        for file, data in (FEED, contents.feed), (TOKENIZER, contents.tokenizer.json.encode()), *texts.items():
            _write(folder / file, data)
            sums[file] = sha256(data).hexdigest()
        return sums

    return _publish(root, given, fill, "", keep)


def write_adapter(root: Path, contents: Contents, keep: int, dtype: torch.dtype | None = torch.bfloat16) -> Manifest:
    """As `write`, of what an adapter has of its own. `dtype`: of the low-rank parts; None: as they are."""

    def fill(folder: Path) -> dict[str, str]:
        sums = based.fill(root, folder, contents.manifest, contents.mean or contents.low_rank, dtype)
        sums |= _frozen_set(folder, contents)
        if contents.optimizer:
            sums[OPTIMIZER] = weights.write(folder / OPTIMIZER, weights.stored(contents.optimizer))
        _write(folder / FEED, contents.feed)
        return {**sums, FEED: sha256(contents.feed).hexdigest()}

    return _publish(root, contents.manifest, fill, "", keep)


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
        version = version or f"{final.name}-{(sums.get(WEIGHTS) or sums[ADAPTER])[:8]}"
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
    pruning.prune(root, manifest.reign, keep)
    return manifest


def _name(manifest: Manifest) -> str:
    return name(manifest.step, manifest.reign, manifest.revision)


def _frozen_set(folder: Path, contents: Contents) -> dict[str, str]:
    if not contents.frozen:
        return {}
    _write(folder / FROZEN, contents.frozen)
    return {FROZEN: sha256(contents.frozen).hexdigest()}


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
