"""Keys and values of all sequences, in pages.

Shapes: L layers, P pages, G heads of keys and values, K head width, S tokens of a page, N tokens.

A sequence is a table of page numbers in order, and a length: its token t stands in page table[t // S], slot t % S.
Slots behind a length hold rubbish, numbers that are none among it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

PAGE = 32
"""Tokens of a page, S: scores of a page fill whole registers of eight to sixteen numbers, and what a sequence leaves
unused of its last page is small beside a prompt."""


class Store(Protocol):
    """Where sequences are kept: what stands for `size` tokens has a number below `count`."""

    size: int
    count: int

    def copy(self, source: int, target: int, tokens: int) -> None:
        """The first `tokens` of a page become those of another."""
        ...

    def drop(self, page: int) -> None:
        """Nobody needs what stands in it any more."""
        ...


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


class Pasts:
    """Of a family that keeps a sequence in its own way: a page is a whole sequence, and a table is its number."""

    def __init__(self, context: int, count: int, new: Callable[[], Any]) -> None:
        self.size, self.count = context, count
        self._new = new
        self._pasts: dict[int, Any] = {}

    def __getitem__(self, number: int) -> Any:
        if number not in self._pasts:
            self._pasts[number] = self._new()
        return self._pasts[number]

    def copy(self, source: int, target: int, tokens: int) -> None:
        """All of it: the family cuts it to what is common when it goes on."""
        self._pasts[target] = copy.deepcopy(self[source])

    def drop(self, page: int) -> None:
        self._pasts.pop(page, None)


def page_bytes(layers: int, heads: int, width: int, item: int = 4) -> int:
    """Of a page's keys and values."""
    return 2 * layers * heads * width * PAGE * item
