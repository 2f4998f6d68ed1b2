"""Keys and values of all sequences, in pages that are tensors (model.decoder.stores).

Shapes: L layers, P pages, G heads of keys and values, K head width, S tokens of a page, N tokens, T tokens of one
sequence.
"""

from __future__ import annotations

import torch
from torch import Tensor

from model.decoder.stores import PAGE


class Pages:
    """Keys and values of one decoder on a CPU, float32, as the compiled functions of model.decoder.rows read them.
    Memory is taken as pages are written first, where the system does so."""

    def __init__(self, layers: int, count: int, heads: int, width: int) -> None:
        self.size, self.count = PAGE, count
        self.keys_LPGKS = torch.empty((layers, count, heads, width, PAGE))
        self.values_LPGSK = torch.empty((layers, count, heads, PAGE, width))

    def copy(self, source: int, target: int, tokens: int) -> None:
        self.keys_LPGKS[:, target, :, :, :tokens] = self.keys_LPGKS[:, source, :, :, :tokens]
        self.values_LPGSK[:, target, :, :tokens] = self.values_LPGSK[:, source, :, :tokens]

    def drop(self, page: int) -> None:
        """Its memory stays for the next that takes it."""

    def gather(self, layer: int, page_N: Tensor, first: int, end: int) -> tuple[Tensor, Tensor]:
        """k_GTK and v_GTK of the tokens from `first` on, before `end`, of a sequence in these pages."""
        _, _, g, k, s = self.keys_LPGKS.shape
        pages = page_N[first // s : -(-end // s)]
        k_GTK = self.keys_LPGKS[layer].index_select(0, pages).permute(1, 0, 3, 2).reshape(g, -1, k)
        v_GTK = self.values_LPGSK[layer].index_select(0, pages).permute(1, 0, 2, 3).reshape(g, -1, k)
        skipped = first // s * s
        return k_GTK[:, first - skipped : end - skipped], v_GTK[:, first - skipped : end - skipped]


class TokenPages:
    """Keys and values of one decoder on a card: a token's heads stand together, as its kernels read them.

    A row may be given all slots of a page, the ones behind its sequence with a weight of 0, which numbers that are
    none would survive. So such a slot is finite: pages begin as zeros, whoever begins one empties it (`begin`), and a
    copy is empty behind what was copied. The page `spare`, behind the `count` that are allotted, is nobody's: rows
    that fill a batch write there.
    """

    def __init__(self, layers: int, count: int, heads: int, width: int, like: Tensor) -> None:
        """On the device of `like`, and of its type."""
        self.size, self.count, self.spare = PAGE, count, count
        shape = (layers, count + 1, PAGE, heads, width)
        self.keys_LPSGK = torch.zeros(shape, dtype=like.dtype, device=like.device)
        self.values_LPSGK = torch.zeros_like(self.keys_LPSGK)

    def copy(self, source: int, target: int, tokens: int) -> None:
        for held_LPSGK in (self.keys_LPSGK, self.values_LPSGK):
            held_LPSGK[:, target, :tokens] = held_LPSGK[:, source, :tokens]
            held_LPSGK[:, target, tokens:] = 0

    def drop(self, page: int) -> None:
        """Its memory stays for the next that takes it."""

    def begin(self, page_N: Tensor) -> None:
        """Empties pages of all layers."""
        self.keys_LPSGK.index_fill_(1, page_N, 0)
        self.values_LPSGK.index_fill_(1, page_N, 0)

    def write(self, layer: int, page_N: Tensor, slot_N: Tensor, k_NGK: Tensor, v_NGK: Tensor) -> None:
        """Of N tokens, each into its place."""
        self.keys_LPSGK[layer][page_N, slot_N] = k_NGK.to(self.keys_LPSGK.dtype)
        self.values_LPSGK[layer][page_N, slot_N] = v_NGK.to(self.values_LPSGK.dtype)

    def gather(self, layer: int, page_N: Tensor) -> tuple[Tensor, Tensor]:
        """k_TGK and v_TGK of all slots of the pages, one page behind the other."""
        keys_PSGK, values_PSGK = self.keys_LPSGK[layer], self.values_LPSGK[layer]
        return keys_PSGK.index_select(0, page_N).flatten(0, 1), values_PSGK.index_select(0, page_N).flatten(0, 1)
