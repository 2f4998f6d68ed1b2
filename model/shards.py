"""Which files of a folder, or of a hub's repository, hold a model's weights: those that `transformers` reads."""

from __future__ import annotations

import json
from collections.abc import Collection
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path

from model.families.reading import Refused

CONFIG = "config.json"
"""What a folder says of its model."""
ONE, INDEX = "model.safetensors", "model.safetensors.index.json"
PATTERNS = (ONE, "model-*-of-*.safetensors", INDEX)
"""Of the files' names. What else is safetensors is an adapter's, an optimizer's, or a copy for another library."""
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack")
POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins that Git LFS left in place of a large one (git-lfs, docs/spec.md)."""
SAMPLES, SAMPLE_BYTES = 256, 4096
"""A megabyte of each file."""
LARGEST_INDEX = 64 << 20
"""Bytes: one of 100,000 tensors has 10 MB."""


def weight_files(folder: Path) -> list[Path]:
    """model.safetensors where it is there, or the files of the index. Raises Refused."""
    if (folder / ONE).is_file():
        return [_whole(folder / ONE)]
    if (folder / INDEX).is_file():
        return [_whole(path) for path in _indexed(folder)]
    raise Refused(absent({path.name for path in folder.iterdir() if path.is_file()}))


def fingerprint(folder: Path, config: str) -> str:
    """Hex, of the config and of the weights: their sizes and SAMPLES pieces of each file, so that 30 GB are told apart
    in milliseconds. Two trainings of one shape differ nearly everywhere. Raises Refused, OSError."""
    digest = sha256((folder / config).read_bytes())
    for path in weight_files(folder):
        size = path.stat().st_size
        digest.update(size.to_bytes(8, "little"))
        with path.open("rb") as file:
            for n in range(SAMPLES):
                file.seek(n * max(0, size - SAMPLE_BYTES) // (SAMPLES - 1))
                digest.update(file.read(SAMPLE_BYTES))
    return digest.hexdigest()[:32]


def _indexed(folder: Path) -> list[Path]:
    """The index's files, each there. Raises Refused."""
    path = _whole(folder / INDEX)
    if path.stat().st_size > LARGEST_INDEX:
        raise Refused(f"{INDEX} has more than {LARGEST_INDEX >> 20} MiB")
    try:
        keys = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise Refused(f"{INDEX} is no JSON: {error}") from error
    table = keys.get("weight_map") if isinstance(keys, dict) else None
    names = sorted(set(map(str, table.values()))) if isinstance(table, dict) else []
    if not names or any("/" in name or name.startswith(".") for name in names):
        raise Refused(f"{INDEX} names no files of this folder")
    if torn := [name for name in names if not (folder / name).is_file()]:
        raise Refused(f"{len(torn)} of {len(names)} files of weights are not there: {', '.join(torn[:3])}")
    return [folder / name for name in names]


def _whole(path: Path) -> Path:
    """Raises Refused for what Git LFS left in place of a file."""
    with path.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            raise Refused(pointer(path.name))
    return path


def pointer(name: str) -> str:
    """What to do about a file that is one, in a sentence."""
    return f"{name} is a Git LFS pointer, not the file itself: run `git lfs pull` in its folder"


def absent(names: Collection[str]) -> str:
    """Why there are no weights among the files of these names, in a sentence."""
    pickles = sorted(name for name in names if "/" not in name and _is_pickle(name))
    if pickles:
        return (
            f"the weights are in {pickles[0]}, a pickle or another library's, which can run any program when it is "
            "read: only safetensors are. Save the model with save_pretrained(...) of transformers, and import that"
        )
    others = sorted(name for name in names if name.endswith(".safetensors"))
    if others:
        return f"there is no {ONE} and no {INDEX}, and {', '.join(others[:3])} is none of the files of a whole model"
    return f"there is no *.safetensors file: a model's weights are in {ONE}, or in the files of {INDEX}"


def _is_pickle(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in PICKLES)
