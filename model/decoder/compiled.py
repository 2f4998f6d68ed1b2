"""From a decoder's modules to what its compiled step reads.

Shapes: R rows, C columns, D width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.decoder.frozen import Frozen
from model.kernels.compiled import CompiledStep
from model.kernels.isa import Way
from model.kernels.packing import Floats, Matrix, Rows, packed


class Compiled:
    """A compiled step whose logits are a Tensor."""

    def __init__(self, step: CompiledStep) -> None:
        self.step = step

    def __call__(
        self,
        ids_M: NDArray[np.int64],
        positions_M: NDArray[np.int32],
        tables_MN: NDArray[np.int32],
        keys_LPGKS: Floats,
        values_LPGSK: Floats,
        wanted_W: NDArray[np.int64] | None = None,
    ) -> Tensor:
        """logits_WV."""
        return torch.from_numpy(self.step(ids_M, positions_M, tables_MN, keys_LPGKS, values_LPGSK, wanted_W))


def floats(tensor: Tensor) -> Floats:
    return tensor.detach().float().numpy()


def rows_of(module: Any) -> Rows:
    """A matrix and its bias, of an nn.Linear, an nn.Embedding or what is held in its place."""
    bias = getattr(module, "bias", None)
    bias_R = None if bias is None else floats(bias)
    if isinstance(module, Frozen) and module.scale_O is not None:
        return Rows(module.weight_OI.numpy(), floats(module.scale_O), bias_R)
    return Rows(floats(module.weight), None, bias_R)


def joined(parts: Sequence[Rows]) -> Rows:
    """One matrix of the rows of several, all of them held alike."""
    weight = np.concatenate([part.weight for part in parts])
    scale = None if parts[0].scale is None else np.concatenate([part.scale for part in parts])  # pyright: ignore
    if all(part.bias is None for part in parts):
        return Rows(weight, scale)
    return Rows(weight, scale, np.concatenate([_bias(part) for part in parts]))


def _bias(part: Rows) -> Floats:
    return np.zeros(len(part.weight), np.float32) if part.bias is None else part.bias


def matrix(blocks: Iterable[Any], count: int, way: Way, take: Callable[[Any], Rows]) -> Matrix:
    """Of all layers."""
    return packed((take(block) for block in blocks), count, way)


def table(module: Any, way: Way) -> Matrix:
    """Of tokens, or the head."""
    return packed([rows_of(module)], 1, way)


def norms(modules: Sequence[Any], width: int) -> tuple[Floats, Floats]:
    """Weights and shifts, a row for each module; a shift that it has not is 0, a norm that is not there 1."""
    weights = [np.ones(width, np.float32) if m is None else floats(m.weight) for m in modules]
    shifts = [np.zeros(width, np.float32) if getattr(m, "bias", None) is None else floats(m.bias) for m in modules]
    return np.stack(weights), np.stack(shifts)


def is_compilable(module: nn.Module) -> bool:
    """On a CPU, every matrix an nn.Linear or held in its place, and nothing stands beside them."""
    return all(t.device.type == "cpu" for t in module.state_dict().values())
