"""Keys and values of all sequences, in pages that are tensors (model.decoder.stores).

Shapes: L layers, P pages, G heads of keys and values, K head width, S tokens of a page, N tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor

from model.decoder.stores import PAGE


class Pages:
    """Keys and values of one decoder. Memory is taken as pages are written first, where the system does so."""

    def __init__(self, layers: int, count: int, heads: int, width: int, like: Tensor) -> None:
        """On the device of `like`; of its type there, and in float32 on a CPU."""
        self.size, self.count = PAGE, count
        dtype = torch.float32 if like.device.type == "cpu" else like.dtype
        self.keys_LPGKS = torch.empty((layers, count, heads, width, PAGE), dtype=dtype, device=like.device)
        self.values_LPGSK = torch.empty((layers, count, heads, PAGE, width), dtype=dtype, device=like.device)

    def copy(self, source: int, target: int, tokens: int) -> None:
        self.keys_LPGKS[:, target, :, :, :tokens] = self.keys_LPGKS[:, source, :, :, :tokens]
        self.values_LPGSK[:, target, :, :tokens] = self.values_LPGSK[:, source, :, :tokens]

    def drop(self, page: int) -> None:
        """Its memory stays for the next that takes it."""

    def write(self, layer: int, page_N: Tensor, slot_N: Tensor, k_GNK: Tensor, v_GNK: Tensor) -> None:
        """Of N tokens, each into its place."""
        keys_PGKS, values_PGSK = self.keys_LPGKS[layer], self.values_LPGSK[layer]
        keys_PGKS[page_N, :, :, slot_N] = k_GNK.transpose(0, 1).to(keys_PGKS.dtype)
        values_PGSK[page_N, :, slot_N] = v_GNK.transpose(0, 1).to(values_PGSK.dtype)

    def gather(self, layer: int, page_N: Tensor, first: int, end: int) -> tuple[Tensor, Tensor]:
        """k_GTK and v_GTK of the tokens from `first` on, before `end`, of a sequence in these pages."""
        _, _, g, k, s = self.keys_LPGKS.shape
        pages = page_N[first // s : -(-end // s)]
        k_GTK = self.keys_LPGKS[layer].index_select(0, pages).permute(1, 0, 3, 2).reshape(g, -1, k)
        v_GTK = self.values_LPGSK[layer].index_select(0, pages).permute(1, 0, 2, 3).reshape(g, -1, k)
        skipped = first // s * s
        return k_GTK[:, first - skipped : end - skipped], v_GTK[:, first - skipped : end - skipped]
