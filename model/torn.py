"""What can be seen of a damaged checkpoint without reading all of it: files that are gone or of another length than
they say, and an adapter without its base. Whoever loads one holds each file against its sum."""

from __future__ import annotations

import json
from pathlib import Path

from model.manifest import ADAPTER, WEIGHTS, Manifest

MOST_HEADER = 100_000_000
"""Bytes, as the format has it."""


def damage(path: Path, manifest: Manifest) -> str:
    """What is wrong with the weights that are served from this folder; empty: nothing that shows."""
    if manifest.adapter is None:
        return _of_file(path / WEIGHTS)
    base = path.parent / manifest.base.folder if manifest.base and manifest.base.folder else None
    if base is None or not base.is_dir():
        return f"its base {base.name if base else ''} is not there".replace("  ", " ")
    return _of_file(path / ADAPTER) or _of_file(base / WEIGHTS)


def _of_file(path: Path) -> str:
    """Of a safetensors file: a length, a header of that length which tells where each tensor ends, the tensors."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > MOST_HEADER:
                return f"{path.name} is torn"
            header = json.loads(file.read(length))
        ends = [tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"]
        return "" if path.stat().st_size == 8 + length + max(ends, default=0) else f"{path.name} is torn"
    except OSError as error:
        return f"{path.name}: {error.strerror}"
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return f"{path.name} is torn"
