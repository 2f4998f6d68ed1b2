"""Rotary positions: pairs of a head's numbers are turned by angles that grow with the position.

Shapes: B rows, T tokens, K head width.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

from model.families.llama.scaling import Scaling, attention_factor, yarn_bounds


def frequencies(width: int, theta: float, s: Scaling, length: int = 0) -> Tensor:
    """Radians a position of each pair, K / 2 of them, float32. `length`: tokens of the sequence, for dynamic."""
    if s.kind == "dynamic" and length > s.original:
        grown = s.factor * length / s.original - (s.factor - 1)
        theta = theta * grown ** (width / (width - 2))
    plain = 1.0 / theta ** (torch.arange(0, width, 2, dtype=torch.int64).float() / width)
    if s.kind == "linear":
        return plain / s.factor
    if s.kind == "llama3":
        return _llama3(plain, s)
    if s.kind == "yarn":
        low, high = yarn_bounds(s, width, theta)
        ramp = ((torch.arange(width // 2, dtype=torch.float32) - low) / (high - low)).clamp(0, 1)
        return plain / s.factor * ramp + plain * (1 - ramp)
    return plain


def _llama3(plain: Tensor, s: Scaling) -> Tensor:
    """Slow frequencies are divided, fast ones kept, and those between a mixture."""
    turns = s.original * plain / (2 * math.pi)
    part = (turns - s.low) / (s.high - s.low)
    mixed = (1 - part) * plain / s.factor + part * plain
    return torch.where(turns < s.low, plain / s.factor, torch.where(turns > s.high, plain, mixed))


class Rotation:
    """Sine and cosine of a batch's positions."""

    def __init__(self, angles_BTK: Tensor, factor: float) -> None:
        """`angles_BTK`: the K / 2 angles twice."""
        self.cos_B1TK = (angles_BTK.cos() * factor)[:, None]
        self.sin_B1TK = (angles_BTK.sin() * factor)[:, None]

    def __call__(self, x_BHTK: Tensor) -> Tensor:
        """Number i of a head is a pair with number i + K / 2."""
        one, two = x_BHTK.chunk(2, dim=-1)
        cos_B1TK, sin_B1TK = self.cos_B1TK.to(x_BHTK.dtype), self.sin_B1TK.to(x_BHTK.dtype)
        return x_BHTK * cos_B1TK + torch.cat((-two, one), dim=-1) * sin_B1TK


class Rotary:
    """Makes the Rotation of positions; frequencies that do not depend on the length are made once."""

    def __init__(self, width: int, theta: float, s: Scaling) -> None:
        self._width, self._theta, self._scaling = width, theta, s
        with torch.device("cpu"):
            self._plain = self._there = frequencies(width, theta, s)
        self._factor = attention_factor(s)

    def __call__(self, positions_BT: Tensor, length: int | None = None) -> Rotation:
        """`length`: of the one sequence that they are of; None: of each row's documents, as the positions say."""
        if self._scaling.kind == "dynamic":
            frequencies_BTK = self._by_length(positions_BT, length)
        else:
            if self._there.device != positions_BT.device:  # once: a step that is captured copies nothing from a CPU
                self._there = self._plain.to(positions_BT.device)
            frequencies_BTK = self._there
        angles = positions_BT[..., None].float() * frequencies_BTK
        return Rotation(torch.cat((angles, angles), dim=-1), self._factor)

    def _by_length(self, positions_BT: Tensor, length: int | None) -> Tensor:
        """Each document has the frequencies of its own length: what stands beside it in a row changes nothing."""
        if length is not None:
            return frequencies(self._width, self._theta, self._scaling, length).to(positions_BT.device)
        lengths_N = torch.ones(positions_BT.numel(), dtype=torch.int64)
        flat = positions_BT.flatten().cpu()
        starts = [0, *(i for i in range(1, len(flat)) if flat[i] != flat[i - 1] + 1), len(flat)]
        for start, end in pairwise(starts):
            lengths_N[start:end] = flat[end - 1] + 1
        tables = {n: frequencies(self._width, self._theta, self._scaling, n) for n in set(lengths_N.tolist())}
        rows = torch.stack([tables[n] for n in lengths_N.tolist()])
        return rows.view(*positions_BT.shape, -1).to(positions_BT.device)
