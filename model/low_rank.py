"""Checkpoints of an adapter, without torch: what such a one stands beside, and its low-rank part as arrays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.adapters import peft_reading
from model.adapters.spec import Adapter, Base
from model.families.reading import Refused
from model.manifest import ADAPTER, ADAPTER_CONFIG, WEIGHTS, CheckpointError, Manifest, check_file
from model.manifest import read_manifest as read

if TYPE_CHECKING:
    from model.kernels.compiled import CompiledStep


class OtherBase(CheckpointError):
    """The base of an adapter is missing or another: no reason to go on from an older checkpoint."""

    kind = "base"


def named(path: Path, manifest: Manifest) -> Base:
    """How an adapter names the checkpoint in `path`, which holds all weights, as its base."""
    return Base(folder=path.name, model_version=manifest.model_version, sha256=manifest.sha256[WEIGHTS])


def base_name(path: Path) -> str:
    """Name of the folder that the adapter in `path` stands beside; empty: it is none, or cannot be read."""
    try:
        manifest = read(path)
    except CheckpointError:
        return ""
    return manifest.base.folder if manifest.base else ""


def base_of(path: Path, manifest: Manifest) -> tuple[Path, Manifest]:
    """The folder and the manifest of an adapter's base. Raises OtherBase when it is missing or another one."""
    base = manifest.base
    if base is None or not base.folder or "/" in base.folder or base.folder.startswith("."):
        raise OtherBase(f"{path.name} is an adapter, and names no base")
    folder = path.parent / base.folder
    if not folder.is_dir():
        raise OtherBase(f"{path.name} is an adapter of {base.model_version}, and {folder} is not there: put it back")
    try:
        its = read(folder)
    except CheckpointError as error:
        raise OtherBase(f"{path.name} is an adapter of {base.model_version}, which cannot be read: {error}") from error
    if its.sha256.get(WEIGHTS) != base.sha256 or its.model != manifest.model:
        raise OtherBase(
            f"{path.name} is an adapter of {base.model_version}, and {folder} holds other weights "
            f"({its.model_version}): put back those that it was trained beside"
        )
    return folder, its


def arrays(path: Path, manifest: Manifest) -> dict[str, NDArray[np.float32]]:
    """The low-rank part by our names, float32. Raises CheckpointError unless it is what was written, and fits."""
    for file in (ADAPTER, ADAPTER_CONFIG):
        check_file(path, manifest, file)
    try:
        adapter, stored = peft_reading.read(path, manifest.model)
    except (Refused, OSError) as error:
        raise CheckpointError(f"{path.name}: {error}") from error
    if _shape(adapter) != _shape(manifest.adapter):
        raise CheckpointError(f"{path.name}: {ADAPTER_CONFIG} is of another adapter than the manifest")
    return {name: peft_reading.widened(array) for name, array in stored.items()}


def beside(step: CompiledStep, path: Path, manifest: Manifest) -> CompiledStep:
    """The step of the base, with the low-rank part of the checkpoint in `path` beside it; the base's stays as it is.
    Raises CheckpointError."""
    from model.adapters.parts import parts  # numba, which only those who run a step need

    assert manifest.adapter is not None
    return step.beside(parts(manifest.model, manifest.adapter, arrays(path, manifest)))


def _shape(adapter: Adapter | None) -> Any:
    return adapter and (
        adapter.kind, adapter.rank, adapter.alpha, adapter.rslora, sorted(adapter.targets), sorted(adapter.modules),
        adapter.ranks, adapter.alphas,
    )  # fmt: skip
