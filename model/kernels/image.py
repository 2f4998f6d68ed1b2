"""A compiled step's weights as a folder that another process maps: each array as a file of numpy's own format, whose
data begin at a line of the cache, and the rest as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.kernels import isa
from model.kernels.compiled import CompiledStep
from model.kernels.step import Shape, Weights

SHAPE = "shape.json"
FREQUENCIES = "frequencies"


def write(step: CompiledStep, folder: Path) -> None:
    """Into a folder that is there."""
    for name, array in {**step.weights._asdict(), FREQUENCIES: step.frequencies_K}.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    told = {
        "way": isa.name_of(step.way), "shape": {k: _plain(v) for k, v in step.shape._asdict().items()},
        "vocab": step.vocab, "factor": float(step.factor),
    }  # fmt: skip
    (folder / SHAPE).write_text(json.dumps(told))


def read(folder: Path, threads: int = 1) -> CompiledStep:
    """Mapped: the files may be removed behind it, where the system allows that. Of `write` on this machine alone."""
    told: Mapping[str, Any] = json.loads((folder / SHAPE).read_text())
    given: dict[str, Any] = {name: np.float32(v) if isinstance(v, float) else v for name, v in told["shape"].items()}
    weights = Weights(**{name: _mapped(folder / f"{name}.npy") for name in Weights._fields})
    frequencies_K = _mapped(folder / f"{FREQUENCIES}.npy")
    return CompiledStep(
        isa.NAMES[told["way"]], Shape(**given), weights, told["vocab"], frequencies_K, told["factor"], threads
    )


def _mapped(path: Path) -> NDArray[Any]:
    """Nobody writes them; a mapping that could not be written is another type to the compiler. Empty ones are read."""
    array = np.load(path, mmap_mode="c") if path.stat().st_size > 4096 else np.load(path)
    return np.asarray(array)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, np.floating) else value
