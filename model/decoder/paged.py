"""Attention of several sequences over their pages on a CPU: an `Attend` of one forward.

Shapes: N rows of all sequences, n rows and T tokens of one of them, H query heads, G heads of keys and values, K head
width, M rows that are attended to one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from model.decoder import rows
from model.decoder.pages import Pages
from model.decoder.stores import Slice

FEW = 16
"""New tokens of a sequence up to which its rows are attended to one by one."""


def places(slices: Sequence[Slice], size: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """at_N and page_N of all new tokens; `size`: of a page."""
    at_N = np.concatenate([np.arange(s.at, s.end) for s in slices])
    return at_N, np.concatenate([s.table[np.arange(s.at, s.end) // size] for s in slices])


def mask(s: Slice, first: int, window: int | None, like: Tensor) -> Tensor:
    """mask_nT of the tokens from `first` on: minus infinity where a new token may not look. Of the type and on the
    device of `like`."""
    query_n = torch.arange(s.at, s.end, device=like.device)
    key_T = torch.arange(first, s.end, device=like.device)
    forbidden_nT = key_T > query_n[:, None]
    if window is not None:
        forbidden_nT |= query_n[:, None] - key_T >= window
    return torch.zeros(forbidden_nT.shape, dtype=like.dtype, device=like.device).masked_fill_(forbidden_nT, -torch.inf)


class Paged:
    """Writes the keys and values of all rows, then mixes the values of each sequence."""

    def __init__(self, pages: Pages, slices: Sequence[Slice]) -> None:
        self._pages = pages
        at_N, page_N = places(slices, pages.size)
        self._places = page_N, (at_N % pages.size).astype(np.int32)
        self.positions_1N = torch.from_numpy(at_N)[None]
        starts = accumulate((len(s.ids) for s in slices), initial=0)
        placed = list(zip(starts, slices, strict=False))
        self._many = [(start, s) for start, s in placed if len(s.ids) > FEW]
        self._tables = [torch.from_numpy(s.table.astype(np.int64)) for _, s in self._many]
        few = [(start, s) for start, s in placed if len(s.ids) <= FEW]
        self._rows = _Rows(few) if few else None
        self._masks: dict[tuple[int, int | None], Tensor] = {}

    def __call__(
        self, layer: int, q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor, scale: float, window: int | None
    ) -> Tensor:
        """B is 1, T the rows of all sequences."""
        self._write(layer, k_BGTK[0], v_BGTK[0])
        out_NHK = q_BHTK.new_empty((q_BHTK.shape[2], q_BHTK.shape[1], q_BHTK.shape[3]))
        if self._rows is not None:
            self._rows(layer, self._pages, q_BHTK[0].transpose(0, 1), scale, window, out_NHK)
        for number, (start, s) in enumerate(self._many):
            end = start + len(s.ids)
            q_1HnK, new = q_BHTK[:, :, start:end], (k_BGTK[0, :, start:end], v_BGTK[0, :, start:end])
            out_NHK[start:end] = self._mixed(layer, number, q_1HnK, new, scale, window)[0].transpose(0, 1)
        return out_NHK.transpose(0, 1)[None]

    def _write(self, layer: int, k_GNK: Tensor, v_GNK: Tensor) -> None:
        pages = self._pages
        keys_PGKS, values_PGSK = pages.keys_LPGKS[layer].numpy(), pages.values_LPGSK[layer].numpy()
        rows.write(_rows(k_GNK), _rows(v_GNK), *self._places, keys_PGKS, values_PGSK)

    def _mixed(
        self, layer: int, number: int, q_1HnK: Tensor, new: tuple[Tensor, Tensor], scale: float, window: int | None
    ) -> Tensor:
        """Of a sequence with many new tokens; `new` are their own keys and values."""
        s = self._many[number][1]
        if s.at == 0 and window is None:
            return mix(q_1HnK, *new, scale, None)
        first = 0 if window is None else max(0, s.at + 1 - window)
        k_GTK, v_GTK = self._pages.gather(layer, self._tables[number], first, s.end)
        mask_nT = self._mask(number, s, first, window, q_1HnK)
        return mix(q_1HnK, k_GTK.to(q_1HnK.dtype), v_GTK.to(q_1HnK.dtype), scale, mask_nT)

    def _mask(self, number: int, s: Slice, first: int, window: int | None, like: Tensor) -> Tensor:
        """Minus infinity where a new token may not look."""
        key = number, window
        if key not in self._masks:
            self._masks[key] = mask(s, first, window, like)
        return self._masks[key]


class _Rows:
    """The slices of few tokens, row by row."""

    def __init__(self, few: Sequence[tuple[int, Slice]]) -> None:
        counts = [len(s.ids) for _, s in few]
        self._row_M = np.concatenate([np.arange(start, start + len(s.ids), dtype=np.int32) for start, s in few])
        self._last_M = np.concatenate([np.arange(s.at, s.end, dtype=np.int32) for _, s in few])
        self._tables_MN = np.zeros((len(self._row_M), max(len(s.table) for _, s in few)), np.int32)
        for (_, s), end, count in zip(few, accumulate(counts), counts, strict=True):
            self._tables_MN[end - count : end, : len(s.table)] = s.table

    def __call__(
        self, layer: int, pages: Pages, q_NHK: Tensor, scale: float, window: int | None, out_NHK: Tensor
    ) -> None:
        first_M = np.maximum(0, self._last_M + 1 - window) if window else np.zeros(len(self._last_M), np.int32)
        keys_PGKS, values_PGSK = pages.keys_LPGKS[layer].numpy(), pages.values_LPGSK[layer].numpy()
        wide_NHK = out_NHK if out_NHK.dtype == torch.float32 else torch.empty(out_NHK.shape)
        rows.attend(
            q_NHK.float().contiguous().numpy(), self._row_M, keys_PGKS, values_PGSK, self._tables_MN, first_M,
            self._last_M, np.float32(scale), wide_NHK.numpy(),
        )  # fmt: skip
        if wide_NHK is not out_NHK:
            row_M = torch.from_numpy(self._row_M)
            out_NHK[row_M] = wide_NHK[row_M].to(out_NHK.dtype)


def _rows(x_GNK: Tensor) -> NDArray[np.float32]:
    """x_NGK, rows one behind the other."""
    return x_GNK.transpose(0, 1).float().contiguous().numpy()


def mix(q_1HnK: Tensor, k_GTK: Tensor, v_GTK: Tensor, scale: float, mask_nT: Tensor | None) -> Tensor:
    """Causal where there is no mask. Heads are repeated, as views where one of keys serves all."""
    h, g = q_1HnK.shape[1], k_GTK.shape[0]
    k_1HTK, v_1HTK = (
        (x.expand(h, -1, -1) if g == 1 else x.repeat_interleave(h // g, 0) if h > g else x)[None]
        for x in (k_GTK, v_GTK)
    )
    return F.scaled_dot_product_attention(
        q_1HnK, k_1HTK, v_1HTK, attn_mask=mask_nT, is_causal=mask_nT is None, scale=scale
    )
