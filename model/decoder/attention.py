"""Attention of packed rows: it never crosses a document.

Shapes: B rows, T tokens, H query heads, G heads of keys and values (H is a multiple of G), K head width.

Two layouts of the same thing: on a CPU each document is attended to by itself, so a row costs what
its documents cost and may be longer than the context; elsewhere one call with a dense mask.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from model.example import PADDING


class Attend(Protocol):
    """What a layer is given to mix its values with: over packed rows, or over a sequence that grows."""

    def __call__(
        self, layer: int, q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor, scale: float, window: int | None
    ) -> Tensor:
        """BHTK. `scale`: of the scores; `window`: a token sees itself and the window - 1 tokens before; None: all."""
        ...


@dataclass(frozen=True)
class Runs:
    """The documents of a batch as runs of its B * T tokens, row after row."""

    lengths: list[int]
    real: list[bool]
    """False for padding, which attends to nothing."""


class Packed:
    """An `Attend` over packed rows."""

    def __init__(self, documents_BT: Tensor) -> None:
        """`documents_BT`: a number a document, PADDING where there is none; tokens of a document stand together."""
        dense = documents_BT.device.type != "cpu"
        self.where = document_mask(documents_BT) if dense else runs(documents_BT)

    def __call__(
        self, layer: int, q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor, scale: float, window: int | None
    ) -> Tensor:
        if isinstance(self.where, Runs):
            return _by_run(q_BHTK, k_BGTK, v_BGTK, self.where, scale, window)
        allow_B1TT = self.where if window is None else self.where & _near(self.where.shape[-1], window, q_BHTK)
        return _grouped(q_BHTK, k_BGTK, v_BGTK, scale, allow_B1TT)


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


def _near(t: int, window: int, like: Tensor) -> Tensor:
    """allow_TT: true where the key is not further back than the window."""
    at_T = torch.arange(t, device=like.device)
    return at_T[:, None] - at_T[None, :] < window


BUCKET = 64
"""Documents are attended to in lengths that are multiples of it: kernels are compiled and kept for every length that
comes, which is memory that grows for as long as new ones do."""


def _by_run(q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor, where: Runs, scale: float, window: int | None) -> Tensor:
    """What fills a bucket stands behind the document, which never looks ahead; what it gives is left out."""
    b, h, t, k = q_BHTK.shape
    room = [-(-length // BUCKET) * BUCKET for length in where.lengths]
    starts = [end - length for end, length in zip(accumulate(where.lengths), where.lengths, strict=True)]
    beyond = max(0, max(start + size for start, size in zip(starts, room, strict=True)) - b * t)
    q_NK, k_NK, v_NK = (
        F.pad(x.transpose(0, 1).reshape(1, x.shape[1], b * t, k), (0, 0, 0, beyond)) for x in (q_BHTK, k_BGTK, v_BGTK)
    )
    mixed: list[Tensor] = []
    for start, size, length, real in zip(starts, room, where.lengths, where.real, strict=True):
        q, key, value = (x.narrow(2, start, size) for x in (q_NK, k_NK, v_NK))
        mixed.append(_run(q, key, value, scale, window)[:, :, :length] if real else q.new_zeros(1, h, length, k))
    return torch.cat(mixed, dim=2).view(h, b, t, k).transpose(0, 1)


def _run(q_1HTK: Tensor, k_1GTK: Tensor, v_1GTK: Tensor, scale: float, window: int | None) -> Tensor:
    t = q_1HTK.shape[2]
    if window is None or t <= window:
        return _grouped(q_1HTK, k_1GTK, v_1GTK, scale)
    allow_TT = _near(t, window, q_1HTK).tril_()
    return _grouped(q_1HTK, k_1GTK, v_1GTK, scale, allow_TT)


def _grouped(
    q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor, scale: float, allow: Tensor | None = None
) -> Tensor:  # fmt: skip
    """Causal where there is no mask. Heads are repeated: the library's own grouping is slower on a CPU."""
    repeats = q_BHTK.shape[1] // k_BGTK.shape[1]
    k_BHTK, v_BHTK = (_repeated(x, repeats) for x in (k_BGTK, v_BGTK))
    return F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, attn_mask=allow, is_causal=allow is None, scale=scale)


def _repeated(x_BGTK: Tensor, repeats: int) -> Tensor:
    """Each head `repeats` times in a row; a view where there is one."""
    b, g, t, k = x_BGTK.shape
    if g == 1:
        return x_BGTK.expand(b, repeats, t, k)
    return x_BGTK if repeats == 1 else x_BGTK[:, :, None].expand(b, g, repeats, t, k).reshape(b, g * repeats, t, k)
