"""Checkpoints of an adapter: the low-rank part alone, and the checkpoint beside it whose weights it stands beside.

Such a folder is one of the `peft` package, too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model import weights
from model.adapters import lora, peft_files
from model.adapters.spec import Adapter
from model.decoder.decoder import Decoder
from model.families.reading import Refused, Uninstalled
from model.low_rank import OtherBase as OtherBase
from model.low_rank import arrays, base_of
from model.low_rank import base_name as base_name
from model.low_rank import named as named
from model.manifest import ADAPTER, ADAPTER_CONFIG, TOKENIZER, WEIGHTS, CheckpointError, Manifest, check_file, read_file
from model.manifest import read_manifest as read


def fill(
    root: Path, folder: Path, manifest: Manifest, tensors: Mapping[str, Tensor], dtype: torch.dtype | None
) -> dict[str, str]:  # fmt: skip
    """Writes the low-rank part, its config and the base's tokenizer; returns their sums. `dtype`: as of
    `peft_files.stored`."""
    adapter, base = manifest.adapter, manifest.base
    assert adapter is not None and base is not None
    config = peft_files.config(adapter, str((root / base.folder).absolute()))
    _write(folder / ADAPTER_CONFIG, config)
    its = read(root / base.folder)
    try:
        os.link(root / base.folder / TOKENIZER, folder / TOKENIZER)
    except OSError:  # of a file system without links
        _write(folder / TOKENIZER, read_file(root / base.folder, its, TOKENIZER))
    return {
        ADAPTER: weights.write(folder / ADAPTER, peft_files.stored(manifest.model, tensors, dtype)),
        ADAPTER_CONFIG: sha256(config).hexdigest(), TOKENIZER: its.sha256[TOKENIZER],
    }  # fmt: skip


def _write(path: Path, data: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def low_rank(path: Path, manifest: Manifest) -> dict[str, Tensor]:
    """As `low_rank.arrays`."""
    return {name: torch.from_numpy(array) for name, array in arrays(path, manifest).items()}


def beside(base: Decoder, path: Path, manifest: Manifest) -> Decoder:
    """The base's decoder with the low-rank part of the checkpoint in `path` beside it; the base stays as it is. Raises
    CheckpointError."""
    assert manifest.adapter is not None
    return lora.attach(base, manifest.adapter, low_rank(path, manifest))


def places(path: Path, manifest: Manifest, file: str = WEIGHTS) -> dict[str, weights.Stored]:
    """Where each weight lies in the file, by our names; of an adapter each one is merged when it is loaded, which
    exports alone do. Raises CheckpointError."""
    if manifest.adapter is not None:
        return _merged(path, manifest, manifest.adapter)
    check_file(path, manifest, file)
    try:
        return weights.find([path / file], manifest.model)
    except Uninstalled as error:
        raise CheckpointError(f"{path.name} cannot be used: {error}") from error
    except Refused as error:
        raise CheckpointError(f"{path.name}: the weights are not of the manifest's shape: {error}") from error


def _merged(path: Path, manifest: Manifest, adapter: Adapter) -> dict[str, weights.Stored]:
    own, tensors = places(*base_of(path, manifest)), low_rank(path, manifest)
    paths = {name: theirs for theirs, name in peft_files.modules(manifest.model).items()}
    for name, place in own.items():
        module = name.removesuffix(".weight")
        if f"{module}.a" not in tensors:
            continue
        parts: Any = [tensors.get(f"{module}.{part}") for part in lora.PARTS]
        own[name] = _with(place, parts, adapter.scale_of(paths[module]))
    return own


def _with(place: weights.Stored, parts: Any, scale: float) -> weights.Stored:
    return place._replace(load=lambda: lora.merged(place.load(), *parts, scale=scale), source=None)
