"""Attention that never crosses a document in a packed row.

Shapes: B rows, T tokens, H query heads, K head width. Keys and values have one head.

Two layouts of the same thing: on a CPU each document is attended to by itself, so a row costs what
its documents cost and may be longer than the context; elsewhere one call with a dense mask.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from model.example import PADDING


@dataclass(frozen=True)
class Runs:
    """The documents of a batch as runs of its B * T tokens, row after row."""

    lengths: list[int]
    real: list[bool]
    """False for padding, which attends to nothing."""


Layout = Runs | Tensor


def layout(documents_BT: Tensor) -> Layout:
    """Which tokens see each other, once a batch: earlier ones of their own document alone."""
    return runs(documents_BT) if documents_BT.device.type == "cpu" else document_mask(documents_BT)


def runs(documents_BT: Tensor) -> Runs:
    """A document's tokens must stand together, as `model.training.batch.collate` puts them."""
    lengths: list[int] = []
    real: list[bool] = []
    for row in documents_BT:
        numbers, counts = torch.unique_consecutive(row, return_counts=True)
        lengths += counts.tolist()
        real += [number != PADDING for number in numbers.tolist()]
    return Runs(lengths, real)


def document_mask(documents_BT: Tensor) -> Tensor:
    """allow_B1TT: true where a query may look: at its own document, not ahead.

    Padding is a document like another, so that no row of the mask is empty.
    """
    same_BTT = documents_BT[:, :, None] == documents_BT[:, None, :]
    return same_BTT.tril_()[:, None]


def attend(q_BHTK: Tensor, k_BTK: Tensor, v_BTK: Tensor, where: Layout) -> Tensor:
    """Attention of a packed batch, every head over the same keys and values. Returns BHTK."""
    if isinstance(where, Runs):
        return _by_run(q_BHTK, k_BTK, v_BTK, where)
    return _one_head(q_BHTK, k_BTK[:, None], v_BTK[:, None], attn_mask=where)


def _by_run(q_BHTK: Tensor, k_BTK: Tensor, v_BTK: Tensor, where: Runs) -> Tensor:
    b, h, t, k = q_BHTK.shape
    q_1HNK = q_BHTK.transpose(0, 1).reshape(1, h, b * t, k)
    keys, values = (x.reshape(1, 1, b * t, k).split(where.lengths, dim=2) for x in (k_BTK, v_BTK))
    queries = q_1HNK.split(where.lengths, dim=2)
    mixed = [
        _one_head(q, key, value, is_causal=True) if real else torch.zeros_like(q)
        for q, key, value, real in zip(queries, keys, values, where.real, strict=True)
    ]
    return torch.cat(mixed, dim=2).view(h, b, t, k).transpose(0, 1)


def _one_head(
    q_BHTK: Tensor, k_B1TK: Tensor, v_B1TK: Tensor, attn_mask: Tensor | None = None, is_causal: bool = False
) -> Tensor:
    heads = q_BHTK.shape[1]
    k_BHTK, v_BHTK = (x.expand(-1, heads, -1, -1) for x in (k_B1TK, v_B1TK))
    return F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, attn_mask=attn_mask, is_causal=is_causal)
