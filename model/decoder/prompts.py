"""Attention of sequences with many new tokens over their pages, on a card: an `Attend` of one forward. Those that begin
are one call over all of them, the rest are attended to one by one.

Shapes: N rows of all sequences, n rows and T tokens of one of them, W rows of the sequences that begin, H query heads,
G heads of keys and values, K head width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from model.decoder.paged import mask, mix, places
from model.decoder.pages import TokenPages
from model.decoder.stores import Slice

Varlen = Callable[[Tensor, Tensor, Tensor, Tensor, int, float, int | None], Tensor]
"""mixed_WHK of q_WHK, k_WGK, v_WGK, the int32 starts of the sequences among the rows with the end of the last, the
length of the longest, the scores' scale and the window. Each row sees itself and what is before it in its sequence."""


def varlen(
    q_WHK: Tensor, k_WGK: Tensor, v_WGK: Tensor, starts: Tensor, longest: int, scale: float, window: int | None
) -> Tensor:
    """torch's own call, which is FlashAttention's (arXiv 2307.08691)."""
    from torch.nn.attention.varlen import varlen_attn

    back = -1 if window is None else window - 1
    is_grouped = q_WHK.shape[1] != k_WGK.shape[1]
    made = varlen_attn(
        q_WHK, k_WGK, v_WGK, starts, starts, longest, longest, scale=scale, window_size=(back, 0), enable_gqa=is_grouped
    )
    assert isinstance(made, Tensor)
    return made


def varlen_of(like: Tensor, head_width: int) -> Varlen | None:
    """None where there is none: it takes two bytes a number, heads of multiples of 8 up to 256, and a card of Ampere's
    age or younger."""
    if like.device.type != "cuda" or like.dtype not in (torch.bfloat16, torch.float16):
        return None
    is_young = torch.cuda.get_device_capability(like.device) >= (8, 0)
    return varlen if is_young and head_width % 8 == 0 and head_width <= 256 else None


class Prompts:
    """Writes the keys and values of all rows, then mixes the values of each sequence."""

    def __init__(self, pages: TokenPages, slices: Sequence[Slice], call: Varlen | None) -> None:
        """`call`: None: sequences that begin are attended to one by one, too."""
        self._pages, self._call = pages, call
        at_N, page_N = places(slices, pages.size)
        self.positions_1N = self._onto(at_N)[None]
        self._page_N, self._slot_N = self._onto(page_N), self._onto(at_N % pages.size)
        placed = list(zip(accumulate((len(s.ids) for s in slices), initial=0), slices, strict=False))
        begun = [(start, s) for start, s in placed if s.at == 0 and call is not None]
        self._others = [(start, s) for start, s in placed if s.at > 0 or call is None]
        self._tables = [self._onto(s.table[: -(-s.end // pages.size)]) for _, s in self._others]
        self._longest = max((s.end for _, s in begun), default=0)
        if begun:
            self._row_W = self._onto(np.concatenate([np.arange(start, start + s.end) for start, s in begun]))
            self._starts = self._onto(np.cumsum([0, *(s.end for _, s in begun)])).int()
        self._masks: dict[tuple[int, int | None], Tensor] = {}
        if last := [int(page) for s in slices if (page := _begun(s, pages.size)) is not None]:
            pages.begin(self._onto(np.array(last)))

    def __call__(
        self, layer: int, q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor, scale: float, window: int | None
    ) -> Tensor:
        """B is 1, T the rows of all sequences."""
        q_NHK, k_NGK, v_NGK = (x[0].transpose(0, 1) for x in (q_BHTK, k_BGTK, v_BGTK))
        self._pages.write(layer, self._page_N, self._slot_N, k_NGK, v_NGK)
        out_NHK = q_NHK.new_empty(q_NHK.shape)
        if self._call is not None and self._longest:
            q_WHK, k_WGK, v_WGK = (x.index_select(0, self._row_W) for x in (q_NHK, k_NGK, v_NGK))
            mixed_WHK = self._call(q_WHK, k_WGK, v_WGK, self._starts, self._longest, scale, window)
            out_NHK[self._row_W] = mixed_WHK
        for number, (start, s) in enumerate(self._others):
            end = start + len(s.ids)
            new = k_BGTK[0, :, start:end], v_BGTK[0, :, start:end]
            mixed_1HnK = self._mixed(layer, number, q_BHTK[:, :, start:end], new, scale, window)
            out_NHK[start:end] = mixed_1HnK[0].transpose(0, 1)
        return out_NHK.transpose(0, 1)[None]

    def _onto(self, numbers: np.ndarray) -> Tensor:
        """int64, on the pages' device."""
        return torch.from_numpy(numbers.astype(np.int64)).to(self._pages.keys_LPSGK.device)

    def _mixed(
        self, layer: int, number: int, q_1HnK: Tensor, new: tuple[Tensor, Tensor], scale: float, window: int | None
    ) -> Tensor:
        """Of one sequence; `new` are its new tokens' keys and values."""
        s = self._others[number][1]
        if s.at == 0 and (window is None or s.end <= window):
            return mix(q_1HnK, *new, scale, None)
        first = 0 if window is None else max(0, s.at + 1 - window)
        size = self._pages.size
        gathered = self._pages.gather(layer, self._tables[number][first // size :])
        skipped = first // size * size
        k_GTK, v_GTK = (x[first - skipped : s.end - skipped].transpose(0, 1).to(q_1HnK.dtype) for x in gathered)
        if (number, window) not in self._masks:
            self._masks[number, window] = mask(s, first, window, q_1HnK)
        return mix(q_1HnK, k_GTK, v_GTK, scale, self._masks[number, window])


def _begun(s: Slice, size: int) -> np.int32 | None:
    """The page that the new tokens begin and do not fill."""
    last = (s.end - 1) // size
    return s.table[last] if s.end % size and last * size >= s.at else None
