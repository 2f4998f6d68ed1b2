"""A compiled step on pages of its own: first token, tokens behind it, and a few typed ones."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from torch import Tensor

from model.decoder.decoder import Decoder, Step
from model.decoder.pages import Pages
from model.decoder.stores import PAGE

COUNT = 48
"""Tokens that are generated behind the first one."""


@dataclass(frozen=True)
class Times:
    """Milliseconds."""

    first: float
    """Of a prompt with its first token."""
    token: float
    """Of one token behind it, the median."""
    key: float
    """Of a few typed tokens and the one behind them, the median of three."""


class Ours:
    """One sequence."""

    def __init__(self, model: Decoder, step: Step, context: int) -> None:
        spec: Any = model.spec
        self._step, count = step, -(-context // PAGE)
        pages = Pages(spec.layers, count, spec.kv_heads, spec.head_width)
        self._keys, self._values = pages.keys_LPGKS.numpy(), pages.values_LPGSK.numpy()
        self._table_1N = np.arange(count, dtype=np.int32)[None]

    def extend(self, ids: Sequence[int], at: int, every: bool = False) -> Tensor:
        """logits_V after the last id, or logits_NV after each."""
        n = len(ids)
        positions_M, tables_MN = np.arange(at, at + n, dtype=np.int32), np.repeat(self._table_1N, n, axis=0)
        wanted_W = np.arange(n) if every else np.array([n - 1])
        logits = self._step(np.array(ids), positions_M, tables_MN, self._keys, self._values, wanted_W)
        return logits if every else logits[0]

    def run(self, ids: list[int], typed: list[int]) -> Times:
        began = time.perf_counter()
        token = int(self.extend(ids, 0).argmax())
        first = time.perf_counter() - began
        each, keys = [], []
        for n in range(COUNT):
            began = time.perf_counter()
            token = int(self.extend([token], len(ids) + n).argmax())
            each.append(time.perf_counter() - began)
        for _ in range(3):
            began = time.perf_counter()
            int(self.extend(typed, len(ids)).argmax())
            keys.append(time.perf_counter() - began)
        return Times(1e3 * first, 1e3 * median(each), 1e3 * median(keys))
