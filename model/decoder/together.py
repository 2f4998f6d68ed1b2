"""Rows of few new tokens, all in one forward without a loop over their sequences: how a card decodes.

What a forward needs stands in buffers of a few shapes, so that it can be captured and replayed (model.decoder.graphs):
M rows and tables of N pages are rounded up, and what fills them writes into a page that is nobody's. Nothing between
the buffers and the logits waits for the card.

Shapes: M rows, N pages of a table, T tokens of these, H query heads, G heads of keys and values, R = H / G of them a
head of keys, K head width, S tokens of a page, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from model.decoder.decoder import Decoder
from model.decoder.graphs import Capture, Graphs, capture_on
from model.decoder.pages import TokenPages
from model.decoder.stores import Slice

MOST_ROWS = 64
"""Of a forward: more rows are several forwards. A table is gathered for each row, which is memory that the scores of
longer batches would not gain back."""


@dataclass(frozen=True)
class Row:
    """A new token."""

    id: int
    at: int
    """Its position."""
    table: NDArray[np.int32]
    """Of its sequence, at least up to its own page."""


def rows_of(slices: Sequence[Slice]) -> list[Row]:
    """Of all new tokens, in order."""
    return [Row(token, s.at + n, s.table) for s in slices for n, token in enumerate(s.ids)]


def bucket(count: int, most: int) -> int:
    """The next power of two, `most` at most."""
    return min(most, 1 << max(0, count - 1).bit_length())


class Rows:
    """Static buffers: one copy brings all that a forward needs onto the device."""

    def __init__(self, rows: int, pages: int, spare: int, device: torch.device) -> None:
        """`pages`: of a table; `spare`: the page of what fills a batch."""
        self._spare = spare
        is_cuda = device.type == "cuda"
        self._host = torch.empty(rows * (2 + pages), dtype=torch.int64, pin_memory=is_cuda)
        self._device = torch.empty(rows * (2 + pages), dtype=torch.int64, device=device)
        self._copied = torch.cuda.Event() if is_cuda else None
        parts = [rows, rows, rows * pages]
        ids_M, positions_M, tables = self._device.split(parts)
        self.ids_1M, self.positions_1M, self.tables_MN = ids_M[None], positions_M[None], tables.view(rows, pages)
        self._parts = [part.numpy() for part in self._host.split(parts)]

    def fill(self, rows: Sequence[Row], size: int) -> None:
        """`size`: of a page. Of a table no page is taken behind the row's own: others may hold numbers that are
        none."""
        if self._copied is not None:
            self._copied.synchronize()  # the card may not have read the last rows yet
        ids_M, positions_M, tables = self._parts
        tables_MN = tables.reshape(len(ids_M), -1)
        ids_M.fill(0)
        positions_M.fill(0)
        tables_MN.fill(self._spare)
        for m, row in enumerate(rows):
            pages = row.at // size + 1
            ids_M[m], positions_M[m], tables_MN[m, :pages] = row.id, row.at, row.table[:pages]
        self._device.copy_(self._host, non_blocking=True)
        if self._copied is not None:
            self._copied.record(torch.cuda.current_stream(self._device.device))


class Together:
    """Forwards over the pages of one store."""

    def __init__(self, model: Decoder, pages: TokenPages, capture: Capture | None = None) -> None:
        """`capture`: None: as the pages' device has it. Buffers and graphs live as long as this."""
        self._model, self._pages = model, pages
        self._device = pages.keys_LPSGK.device
        if self._device.type == "cuda":
            torch.backends.cuda.enable_cudnn_sdp(False)  # it makes a plan for each shape, which takes longer than it
        self._most_pages = -(-model.spec.context // pages.size)
        self._graphs = Graphs(self._new, self.forward, capture or capture_on(self._device))

    @property
    def captured(self) -> int:
        """Shapes of batches that are replayed."""
        return self._graphs.captured

    def __call__(self, rows: Sequence[Row]) -> Tensor:
        """Appends the rows to their sequences; float32 logits_MV after each. A sequence's rows stand in order."""
        made = [self._part(rows[n : n + MOST_ROWS]) for n in range(0, len(rows), MOST_ROWS)]
        return made[0] if len(made) == 1 else torch.cat(made)

    def forward(self, rows: Rows) -> Tensor:
        """logits_MV of what the buffers hold. This is what is captured."""
        mixing = _Mixing(self._pages, rows.positions_1M[0], rows.tables_MN)
        x_1MD = self._model.embed(rows.ids_1M, rows.positions_1M)
        x_1MD = self._model.through(x_1MD, self._model.rotation(rows.positions_1M), mixing)
        return self._model.logits(x_1MD[0]).float()

    def _new(self, shape: tuple[int, int]) -> Rows:
        return Rows(*shape, self._pages.spare, self._device)

    def _part(self, rows: Sequence[Row]) -> Tensor:
        """A copy, which the next replay leaves alone."""
        size = self._pages.size
        longest = max(row.at for row in rows) // size + 1
        shape = bucket(len(rows), MOST_ROWS), bucket(longest, self._most_pages)
        return self._graphs(shape, lambda buffers: buffers.fill(rows, size))[: len(rows)].clone()


class _Mixing:
    """The `Attend` of one forward: the keys and values of all rows are written, then each row sees its own table up to
    its position."""

    def __init__(self, pages: TokenPages, position_M: Tensor, tables_MN: Tensor) -> None:
        self._pages, self._position_M, self._tables_MN = pages, position_M, tables_MN
        size = pages.size
        self._page_M = tables_MN.gather(1, (position_M // size)[:, None])[:, 0]
        self._slot_M = position_M % size
        self._seen: dict[int | None, tuple[Tensor, Tensor]] = {}
        pages.begin(self._page_M.masked_fill(self._slot_M != 0, pages.spare))

    def __call__(
        self, layer: int, q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor, scale: float, window: int | None
    ) -> Tensor:
        """B is 1, T the rows. The R query heads of a head of keys stand where a call has its tokens, so that no keys
        are repeated."""
        self._pages.write(layer, self._page_M, self._slot_M, k_BGTK[0].transpose(0, 1), v_BGTK[0].transpose(0, 1))
        m, g = q_BHTK.shape[2], k_BGTK.shape[1]
        page_N, mask_M11T = self._table(window, q_BHTK.dtype)
        k_MGTK, v_MGTK = (
            x.to(q_BHTK.dtype).view(m, -1, g, x.shape[-1]).transpose(1, 2) for x in self._pages.gather(layer, page_N)
        )
        q_MGRK = q_BHTK[0].unflatten(0, (g, -1)).permute(2, 0, 1, 3)
        mask_MGRT = mask_M11T.expand(m, g, q_MGRK.shape[2], -1)
        mixed_MGRK = F.scaled_dot_product_attention(q_MGRK, k_MGTK, v_MGTK, attn_mask=mask_MGRT, scale=scale)
        return mixed_MGRK.flatten(1, 2).transpose(0, 1)[None]

    def _table(self, window: int | None, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The pages that the rows may see, one row's behind the other's, and minus infinity where one may not look;
        made once for all layers with this window, which see no pages in front of it."""
        if window not in self._seen:
            size, (_, most) = self._pages.size, self._tables_MN.shape
            position_M1 = self._position_M[:, None]
            count = most if window is None else min(most, -(-(window - 1) // size) + 1)
            number_MN = torch.arange(count, device=position_M1.device).expand(len(position_M1), -1)
            if count < most and window is not None:
                number_MN = number_MN + (position_M1 - window + 1).clamp(min=0) // size
            slot_S = torch.arange(size, device=position_M1.device)
            at_MT = (number_MN[:, :, None] * size + slot_S).flatten(1)
            forbidden_MT = at_MT > position_M1
            if window is not None:
                forbidden_MT = forbidden_MT | (position_M1 - at_MT >= window)
            mask_MT = torch.zeros(at_MT.shape, dtype=dtype, device=at_MT.device).masked_fill(forbidden_MT, -torch.inf)
            page_MN = self._tables_MN.gather(1, number_MN.clamp(max=most - 1))
            self._seen[window] = page_MN.flatten(), mask_MT[:, None, None]
        return self._seen[window]
