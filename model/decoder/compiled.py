"""A decoder's compiled step: which one there is, and its logits as a Tensor. numba is imported by who has one."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.decoder.frozen import Held
from model.kernels import isa


class Compiled:
    """A compiled step whose logits are a Tensor."""

    def __init__(self, step: Any) -> None:
        self.step = step

    def __call__(
        self,
        ids_M: NDArray[np.int64],
        positions_M: NDArray[np.int32],
        tables_MN: NDArray[np.int32],
        keys_LPGKS: NDArray[np.float32],
        values_LPGSK: NDArray[np.float32],
        wanted_W: NDArray[np.int64] | None = None,
    ) -> Tensor:
        """logits_WV."""
        return torch.from_numpy(self.step(ids_M, positions_M, tables_MN, keys_LPGKS, values_LPGSK, wanted_W))


def way_of(decoder: nn.Module, held: Held, way: isa.Way | None) -> isa.Way | None:
    """How its matrices are multiplied; None: not by a compiled step."""
    if not decoder.is_plain or any(t.device.type != "cpu" for t in decoder.state_dict().values()):
        return None
    if held == "bf16":
        return None
    return way or (isa.NAMES["float32"] if held == "float32" else isa.choose())
