"""From a decoder's modules to what its compiled step reads.

Shapes: R rows, C columns, D width, L layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from model.decoder.frozen import Frozen
from model.kernels.isa import Way
from model.kernels.packing import Floats, Rows, Store
from model.kernels.step import Weights


def floats(tensor: Tensor) -> Floats:
    return tensor.detach().float().numpy()


def rows_of(module: Any) -> Rows:
    """A matrix and its bias, of an nn.Linear, an nn.Embedding or what is held in its place."""
    bias = getattr(module, "bias", None)
    bias_R = None if bias is None else floats(bias)
    if isinstance(module, Frozen) and module.scale_O is not None:
        return Rows(module.weight_OI.numpy(), floats(module.scale_O), bias_R)
    return Rows(floats(module.weight), None, bias_R)


@dataclass(frozen=True)
class Parts:
    """What a family's layers are made of."""

    blocks: Sequence[Any]
    take: Callable[[Any], tuple[Rows, Rows, Rows, Rows]]
    """A block's QKV, OUT, UP and DOWN."""
    shapes: Sequence[tuple[int, int]]
    """Of these four."""
    head_width: int
    windows: Sequence[int]


def weights(decoder: Any, way: Way, parts: Parts) -> Weights:
    """A copy of a decoder's."""
    blocks, norm = list(decoder.blocks), decoder.norm
    tables = [decoder.tokens] if decoder.head is None else [decoder.tokens, decoder.head]
    v, d = decoder.spec.vocab, decoder.spec.width
    store = Store(way, [*parts.shapes] * len(blocks) + [(v, d)] * len(tables))
    places = np.zeros((len(blocks) + 1, 4, 4), np.int64)
    for number, block in enumerate(blocks):
        for which, rows in enumerate(parts.take(block)):
            places[number, which] = store.put(rows)
    places[-1, :2] = [store.put(rows_of(table)) for table in tables] * (3 - len(tables))
    norms = [_norm(block.norm_1) + _norm(block.norm_2) for block in blocks] + [_norm(norm) * 2]
    head_norms = [[_head_norm(block, name, parts.head_width) for name in ("q_norm", "k_norm")] for block in blocks]
    positions = getattr(decoder, "positions", None)
    positions_TD = np.zeros((0, d), np.float32) if positions is None else floats(positions.weight)
    return Weights(
        store.tiles, store.numbers, places, np.array(norms, np.float32), np.array(head_norms, np.float32), positions_TD,
        np.array(parts.windows, np.int64),
    )  # fmt: skip


def _norm(module: Any) -> list[Floats]:
    """Weight and shift, which is 0 where there is none."""
    weight_D, bias = floats(module.weight), getattr(module, "bias", None)
    return [weight_D, np.zeros_like(weight_D) if bias is None else floats(bias)]


def _head_norm(block: Any, name: str, width: int) -> Floats:
    module = getattr(block, name, None)
    return np.ones(width, np.float32) if module is None else floats(module.weight)
