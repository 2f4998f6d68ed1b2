"""A checkpoint as a folder of Hugging Face's, without what is the trainer's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from model import based, weights
from model.adapters import peft_files
from model.families import Names
from model.families.reading import Refused
from model.manifest import (
    ADAPTER,
    ADAPTER_CONFIG,
    SIDE_FILES,
    TOKENIZER,
    WEIGHTS,
    Manifest,
    check_file,
    read_manifest,
)

CONFIG = SIDE_FILES[0]
HUB = "hf:"
"""How the reference of a hub begins (model.hub)."""
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def export(checkpoint: Path, out: Path, dtype: str = "") -> list[str]:
    """Copies weights, tokenizer and configs to the new folder `out`; returns the files' names. `dtype`: of DTYPES;
    empty: that of the weights that training began with, or the checkpoint's own. An adapter is merged into its base's
    weights.

    The folder appears when it is whole. Raises CheckpointError for a damaged checkpoint, Refused for one from before
    checkpoints were such folders, and for numbers that the type cannot hold.
    """
    manifest = read_manifest(checkpoint)
    rest_of, rest = (checkpoint, manifest) if manifest.adapter is None else based.base_of(checkpoint, manifest)
    if CONFIG not in rest.sha256:
        raise Refused(f"{checkpoint.name} was written by an earlier version; the next checkpoint of its run will do")
    files = [name for name in (WEIGHTS, TOKENIZER, *SIDE_FILES) if name in rest.sha256]
    kind = DTYPES.get(dtype or manifest.dtype)
    with _appearing(out) as unfinished:
        for name in files:
            source = check_file(rest_of, rest, name)
            if name == WEIGHTS and (kind is not None or rest is not manifest):
                _write_weights(unfinished / name, based.places(checkpoint, manifest), manifest, kind)
            elif kind is not None and name == CONFIG:
                _write_config(unfinished / name, source, kind)
            else:
                shutil.copyfile(source, unfinished / name)
    return files


def export_adapter(checkpoint: Path, out: Path) -> list[str]:
    """Copies the adapter alone, as `peft` reads it, to the new folder `out`; returns the files' names. Raises
    CheckpointError as `export`, Refused for a checkpoint that holds all weights."""
    manifest = read_manifest(checkpoint)
    if manifest.adapter is None or manifest.base is None:
        raise Refused(f"{checkpoint.name} holds all weights, and no adapter")
    named = manifest.asked or manifest.imported or manifest.base.folder
    named = named.removeprefix(HUB).partition("@")[0] if named.startswith(HUB) else named
    config = peft_files.config(manifest.adapter, named)
    with _appearing(out) as unfinished:
        shutil.copyfile(check_file(checkpoint, manifest, ADAPTER), unfinished / ADAPTER)
        (unfinished / ADAPTER_CONFIG).write_bytes(config)
    return [ADAPTER, ADAPTER_CONFIG]


@contextmanager
def _appearing(out: Path) -> Iterator[Path]:
    """A folder that is `out` when it is whole."""
    unfinished = out.parent / f".unfinished-{out.name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    yield unfinished
    unfinished.rename(out)


def _write_weights(
    path: Path, places: Mapping[str, weights.Stored], manifest: Manifest, dtype: torch.dtype | None
) -> None:  # fmt: skip
    """One tensor at a time. `dtype`: None: of each its own. Raises Refused."""
    names = Names(manifest.model)
    files = {place.source and place.source[0] for place in places.values()}
    file = files.pop() if len(files) == 1 else None
    if file is not None and all(place.dtype == dtype for place in places.values()):
        shutil.copyfile(file, path)
        return
    made = {names.theirs(name): _converted(name, place, dtype or place.dtype) for name, place in places.items()}
    weights.write(path, made)


def _converted(name: str, place: weights.Stored, dtype: torch.dtype) -> weights.Stored:
    def load() -> Any:
        tensor = place.load().to(dtype)
        weights.refuse_infinite({name: tensor})
        return tensor

    return place._replace(dtype=dtype, load=load)


def _write_config(path: Path, source: Path, dtype: torch.dtype) -> None:
    kind = str(dtype).removeprefix("torch.")
    keys = json.loads(source.read_bytes()) | {"dtype": kind, "torch_dtype": kind}
    path.write_text(json.dumps(keys, indent=2, sort_keys=True) + "\n", encoding="utf-8")
