"""Where sequences are kept, without torch: pages of keys and values as arrays, and pasts that a family keeps itself.

Shapes: L layers, P pages, G heads of keys and values, K head width, S tokens of a page.

A sequence is a table of page numbers in order, and a length: its token t stands in page table[t // S], slot t % S.
Slots behind a length hold rubbish, numbers that are none among it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

PAGE = 32
"""Tokens of a page, S: scores of a page fill whole registers of eight to sixteen numbers, and what a sequence leaves
unused of its last page is small beside a prompt."""


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


def check(slices: Sequence[Slice], context: int) -> None:
    """Raises ValueError when the context has no room for the new tokens."""
    for s in slices:
        if s.end > context:
            raise ValueError(f"{s.end} tokens do not fit into a context of {context}")


class Store(Protocol):
    """What stands for `size` tokens has a number below `count`."""

    size: int
    count: int

    def copy(self, source: int, target: int, tokens: int) -> None:
        """The first `tokens` of a page become those of another."""
        ...

    def drop(self, page: int) -> None:
        """Nobody needs what stands in it any more."""
        ...


class Arrays:
    """Keys and values of one decoder, float32. Memory is taken as pages are written first, where the system does so."""

    def __init__(self, layers: int, count: int, heads: int, width: int) -> None:
        self.size, self.count = PAGE, count
        self.keys_LPGKS = np.empty((layers, count, heads, width, PAGE), np.float32)
        self.values_LPGSK = np.empty((layers, count, heads, PAGE, width), np.float32)

    def copy(self, source: int, target: int, tokens: int) -> None:
        self.keys_LPGKS[:, target, :, :, :tokens] = self.keys_LPGKS[:, source, :, :, :tokens]
        self.values_LPGSK[:, target, :, :tokens] = self.values_LPGSK[:, source, :, :tokens]

    def drop(self, page: int) -> None:
        """Its memory stays for the next that takes it."""


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
