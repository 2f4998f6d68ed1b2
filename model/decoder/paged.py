"""Attention of several sequences over their pages: an `Attend` of one forward.

Shapes: N rows of all sequences, n rows and T tokens of one of them, H query heads, G heads of keys and values, K head
width, M rows that are attended to one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from model.decoder.pages import Pages

FEW = 16
"""New tokens of a sequence up to which its rows are attended to one by one, where that is a compiled function."""


@dataclass(frozen=True)
class Slice:
    """New tokens of one sequence."""

    ids: Sequence[int]
    """At least one."""
    at: int
    """Tokens that it has already."""
    table: NDArray[np.int32]
    """Its pages, with room for the new tokens."""
    every: bool = False
    """Logits after all of the new tokens, not after the last alone."""

    @property
    def end(self) -> int:
        return self.at + len(self.ids)


class Paged:
    """Writes the keys and values of all rows, then mixes the values of each sequence."""

    def __init__(self, pages: Pages, slices: Sequence[Slice]) -> None:
        self._pages = pages
        device, size = pages.keys_LPGKS.device, pages.size
        self._starts = [0, *accumulate(len(s.ids) for s in slices)]
        self._slices = list(zip(self._starts, slices, strict=False))
        at_N = np.concatenate([np.arange(s.at, s.end) for s in slices])
        page_N = np.concatenate([s.table[at // size] for s, at in _places(slices)])
        self._page_N, self._slot_N = (torch.from_numpy(x.astype(np.int64)).to(device) for x in (page_N, at_N % size))
        self.positions_1N = torch.from_numpy(at_N)[None].to(device)
        compiled = device.type == "cpu"
        self._few = [(start, s) for start, s in self._slices if compiled and len(s.ids) <= FEW]
        self._many = [(start, s) for start, s in self._slices if not compiled or len(s.ids) > FEW]
        self._tables = [torch.from_numpy(s.table.astype(np.int64)).to(device) for _, s in self._many]
        self._rows = _Rows(self._few) if self._few else None
        self._masks: dict[tuple[int, int | None], Tensor] = {}

    def __call__(
        self, layer: int, q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor, scale: float, window: int | None
    ) -> Tensor:
        """B is 1, T the rows of all sequences."""
        self._pages.write(layer, self._page_N, self._slot_N, k_BGTK[0], v_BGTK[0])
        out_NHK = q_BHTK.new_empty((q_BHTK.shape[2], q_BHTK.shape[1], q_BHTK.shape[3]))
        if self._rows is not None:
            self._rows(layer, self._pages, q_BHTK, scale, window, out_NHK)
        for number, (start, s) in enumerate(self._many):
            end = start + len(s.ids)
            q_1HnK = q_BHTK[:, :, start:end]
            if s.at == 0 and window is None:
                k_GTK, v_GTK = k_BGTK[0, :, start:end], v_BGTK[0, :, start:end]
                mixed_1HnK = _mix(q_1HnK, k_GTK, v_GTK, scale, None)
            else:
                first = 0 if window is None else max(0, s.at + 1 - window)
                k_GTK, v_GTK = self._pages.gather(layer, self._tables[number], first, s.end)
                mask_nT = self._mask(number, s, first, window, q_1HnK)
                mixed_1HnK = _mix(q_1HnK, k_GTK.to(q_1HnK.dtype), v_GTK.to(q_1HnK.dtype), scale, mask_nT)
            out_NHK[start:end] = mixed_1HnK[0].transpose(0, 1)
        return out_NHK.transpose(0, 1)[None]

    def _mask(self, number: int, s: Slice, first: int, window: int | None, like: Tensor) -> Tensor:
        """Minus infinity where a new token may not look."""
        key = number, window
        if key not in self._masks:
            query_n = torch.arange(s.at, s.end, device=like.device)
            key_T = torch.arange(first, s.end, device=like.device)
            forbidden_nT = key_T > query_n[:, None]
            if window is not None:
                forbidden_nT |= query_n[:, None] - key_T >= window
            zero = torch.zeros(forbidden_nT.shape, dtype=like.dtype, device=like.device)
            self._masks[key] = zero.masked_fill_(forbidden_nT, -torch.inf)
        return self._masks[key]


class _Rows:
    """The slices of few tokens, their rows one below the other."""

    def __init__(self, few: Sequence[tuple[int, Slice]]) -> None:
        from model.decoder import rows

        self._attend = rows.attend
        self._where = [(start, start + len(s.ids)) for start, s in few]
        longest = max(len(s.table) for _, s in few)
        self._tables_MN = np.zeros((sum(len(s.ids) for _, s in few), longest), np.int32)
        row = 0
        for _, s in few:
            self._tables_MN[row : row + len(s.ids), : len(s.table)] = s.table
            row += len(s.ids)
        self._last_M = np.concatenate([np.arange(s.at, s.end, dtype=np.int32) for _, s in few])
        self._index_M = torch.cat([torch.arange(start, end) for start, end in self._where])

    def __call__(
        self, layer: int, pages: Pages, q_1HNK: Tensor, scale: float, window: int | None, out_NHK: Tensor
    ) -> None:
        first_M = np.zeros_like(self._last_M) if window is None else np.maximum(0, self._last_M + 1 - window)
        q_MHK = q_1HNK[0].transpose(0, 1)[self._index_M].float().contiguous().numpy()
        mixed_MHK = np.empty_like(q_MHK)
        keys_PGKS, values_PGSK = pages.keys_LPGKS[layer].numpy(), pages.values_LPGSK[layer].numpy()
        self._attend(
            q_MHK, keys_PGKS, values_PGSK, self._tables_MN, first_M, self._last_M, np.float32(scale), mixed_MHK
        )
        out_NHK[self._index_M] = torch.from_numpy(mixed_MHK).to(out_NHK.dtype)


def _mix(q_1HnK: Tensor, k_GTK: Tensor, v_GTK: Tensor, scale: float, mask_nT: Tensor | None) -> Tensor:
    """Causal where there is no mask. Heads are repeated, as views where one of keys serves all."""
    h, g = q_1HnK.shape[1], k_GTK.shape[0]
    k_1HTK, v_1HTK = (
        (x.expand(h, -1, -1) if g == 1 else x.repeat_interleave(h // g, 0) if h > g else x)[None]
        for x in (k_GTK, v_GTK)
    )
    return F.scaled_dot_product_attention(
        q_1HnK, k_1HTK, v_1HTK, attn_mask=mask_nT, is_causal=mask_nT is None, scale=scale
    )


def _places(slices: Sequence[Slice]) -> list[tuple[Slice, NDArray[np.int64]]]:
    return [(s, np.arange(s.at, s.end)) for s in slices]
