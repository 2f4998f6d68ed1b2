"""Inference by a compiled step, without torch: all rows of all sequences go through it, so an answer's bits do not
depend on what else runs.

Shapes: N new tokens of all sequences, n of one of them, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from model.decoder.stores import Arrays, Slice, Store, check, page_bytes
from model.kernels.compiled import CompiledStep

Floats = NDArray[np.float32]


class Model(Protocol):
    """What an engine runs."""

    @property
    def spec(self) -> Any: ...

    @property
    def pages(self) -> Store:
        """Of the sequences of `run`."""
        ...

    @property
    def page_bytes(self) -> int:
        """Of a page; 0 where a family keeps its sequences itself."""
        ...

    @property
    def is_on_card(self) -> bool:
        """It computes on another device than the CPU."""
        ...

    def allot(self, count: int) -> None:
        """Empty pages, so many; what was there before is gone."""
        ...

    def run(self, slices: Sequence[Slice]) -> list[Floats]:
        """Appends the new tokens of each slice to its sequence. For each, logits_1V after its last token, or logits_nV
        after every one. Raises ValueError when the context has no room for them."""
        ...


class Stepper:
    """A `Model` of a compiled step."""

    is_on_card = False

    def __init__(self, spec: Any, step: CompiledStep) -> None:
        self.spec, self.step = spec, step
        self.allot(0)

    @property
    def page_bytes(self) -> int:
        return page_bytes(self.spec.layers, self.spec.kv_heads, self.spec.head_width)

    def allot(self, count: int) -> None:
        self.pages = Arrays(self.spec.layers, count, self.spec.kv_heads, self.spec.head_width)

    def run(self, slices: Sequence[Slice]) -> list[Floats]:
        check(slices, self.spec.context)
        starts = np.cumsum([0, *(len(s.ids) for s in slices)])
        ids_N = np.concatenate([np.asarray(s.ids, np.int64) for s in slices])
        positions_N = np.concatenate([np.arange(s.at, s.end, dtype=np.int32) for s in slices])
        tables_NP = np.zeros((len(ids_N), max(len(s.table) for s in slices)), np.int32)
        for start, s in zip(starts, slices, strict=False):
            tables_NP[start : start + len(s.ids), : len(s.table)] = s.table
        ends = starts[1:].tolist()
        counts = [len(s.ids) if s.every else 1 for s in slices]
        wanted_W = np.concatenate([np.arange(e - c, e) for e, c in zip(ends, counts, strict=True)])
        logits_WV = self.step(ids_N, positions_N, tables_NP, self.pages.keys_LPGKS, self.pages.values_LPGSK, wanted_W)
        return np.split(logits_WV, np.cumsum(counts)[:-1])
