"""Sequences through a compiled step, their pages out of order; and the forward that they are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from model.decoder.decoder import Decoder


def ids(count: int, seed: int = 3) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(0, 200, count)


class Sequences:
    """Pages of nothing but rubbish, and the tables of two sequences that stand in them out of order."""

    def __init__(self, spec: Any) -> None:
        heads, width = spec.kv_heads, spec.head_width
        self.keys = np.full((spec.layers, 20, heads, width, 32), np.nan, np.float32)
        self.values = np.full((spec.layers, 20, heads, 32, width), np.inf, np.float32)
        order = np.random.default_rng(0).permutation(20).astype(np.int32)
        self.tables = order[:16].reshape(2, 8)

    def run(self, step: Any, rows: list[tuple[int, int, int]], wanted: NDArray[np.int64] | None = None) -> Any:
        """logits. `rows`: (id, position, sequence)."""
        numbers = np.array(rows)
        logits = step(numbers[:, 0], numbers[:, 1].astype(np.int32), self.tables[numbers[:, 2]], self.keys, self.values,
                      wanted)  # fmt: skip
        return logits.numpy()


def feed(sequences: Sequences, step: Any, tokens: NDArray[np.int64], which: int, chunks: list[int]) -> Any:
    """logits_TV of a sequence, so many tokens at a time."""
    made, at = [], 0
    for size in chunks:
        made.append(sequences.run(step, [(int(tokens[at + n]), at + n, which) for n in range(size)]))
        at += size
    return np.concatenate(made)


@torch.inference_mode()
def whole(model: Decoder, tokens: NDArray[np.int64]) -> Any:
    ids_1T = torch.from_numpy(tokens)[None]
    return model(ids_1T, torch.arange(len(tokens))[None], torch.zeros_like(ids_1T))[0].numpy()
