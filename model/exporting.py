"""A checkpoint as a folder of Hugging Face's, without what is the trainer's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from model import weights
from model.families import Names
from model.families.reading import Refused
from model.manifest import SIDE_FILES, TOKENIZER, WEIGHTS, Manifest, check_file, read_manifest

CONFIG = SIDE_FILES[0]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def export(checkpoint: Path, out: Path, dtype: str = "") -> list[str]:
    """Copies weights, tokenizer and configs to the new folder `out`; returns the files' names. `dtype`: of DTYPES;
    empty: that of the weights that training began with, or the checkpoint's own.

    The folder appears when it is whole. Raises CheckpointError for a damaged checkpoint, Refused for one from before
    checkpoints were such folders, and for numbers that the type cannot hold.
    """
    manifest = read_manifest(checkpoint)
    if CONFIG not in manifest.sha256:
        raise Refused(f"{checkpoint.name} was written by an earlier version; the next checkpoint of its run will do")
    files = [name for name in (WEIGHTS, TOKENIZER, *SIDE_FILES) if name in manifest.sha256]
    unfinished = out.parent / f".unfinished-{out.name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    kind = DTYPES.get(dtype or manifest.dtype)
    for name in files:
        source = check_file(checkpoint, manifest, name)
        if kind is not None and name == WEIGHTS:
            _write_weights(unfinished / name, source, manifest, kind)
        elif kind is not None and name == CONFIG:
            _write_config(unfinished / name, source, kind)
        else:
            shutil.copyfile(source, unfinished / name)
    unfinished.rename(out)
    return files


def _write_weights(path: Path, source: Path, manifest: Manifest, dtype: torch.dtype) -> None:
    """One tensor at a time. Raises Refused."""
    names = Names(manifest.model)
    places = weights.find([source], manifest.model)
    if all(place.dtype == dtype for place in places.values()):
        shutil.copyfile(source, path)
        return
    weights.write(path, {names.theirs(name): _converted(name, place, dtype) for name, place in places.items()})


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
