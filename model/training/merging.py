"""The weights that are published: the mean of those of the last checkpoints (WSM, arXiv 2507.17634).

A stream has no end at which a learning rate could decay; the mean of weights at a constant rate comes to the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from model import loading
from model.manifest import CheckpointError, Manifest, folders, read_manifest


def earlier(root: Path, manifest: Manifest, count: int) -> list[Path]:
    """The checkpoints whose weights go into the mean beside those of `manifest`: the newest `count` of other weights
    that were trained before them on the same line, newest first."""
    paths: list[Path] = []
    versions: set[str] = set()
    for path in reversed(folders(root)) if count else ():
        try:
            other = read_manifest(path)
        except CheckpointError:
            continue
        alike = all(getattr(other, name) == getattr(manifest, name) for name in ("model", "adapter", "base"))
        trained = alike and manifest.warm_from < other.step < manifest.step
        if trained and other.model_version not in versions and len(paths) < count:
            versions.add(other.model_version)
            paths.append(path)
    return paths


def mean(own: dict[str, Tensor], paths: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of `own` and of the trained weights of the folders, in float32, one tensor at a time. Raises
    CheckpointError."""
    others = [loading.trained_weights(path) for path in paths]
    return {name: _mean(tensor, [other[name] for other in others]) for name, tensor in own.items()}


def _mean(own: Tensor, others: Sequence[Tensor]) -> Tensor:
    total = own.to(torch.float32, copy=True)
    for other in others:
        total += other
    return total.div_(len(others) + 1).to(own.dtype)
