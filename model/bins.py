"""Online best-fit packing (Johnson 1974): whole items into rows of T tokens, nothing cut and nothing dropped."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")

_NUMBER = 40
"""Bits of a bin's number: free tokens above, number below, a bin is one integer, and C compares them."""
_NUMBERS = (1 << _NUMBER) - 1


class Bins(Generic[Item]):
    """Open rows and the queue of complete ones. The same items in the same order give the same rows.

    The state is `open_bins` and `rows`: who owns the items encodes them, and `restore` builds the bins from them.
    """

    def __init__(self, row_tokens: int, open_limit: int = 64) -> None:
        self.row_tokens = row_tokens
        self.open_limit = open_limit
        self.rows: deque[list[Item]] = deque()
        """Complete rows, oldest first; the owner takes them from the left."""
        self._bins: dict[int, list[Item]] = {}
        self._free: list[int] = []  # sorted: free tokens << _NUMBER | number of the bin; numbers grow
        self._next = 0

    @classmethod
    def restore(
        cls,
        row_tokens: int,
        open_limit: int,
        open_bins: Iterable[list[Item]],
        rows: Iterable[list[Item]],
        size: Callable[[Item], int],
    ) -> Bins[Item]:
        """Bins that go on just as those that `open_bins` and `rows` were read from."""
        bins = cls(row_tokens, open_limit)
        bins.rows.extend(list(row) for row in rows)
        for items in open_bins:
            bins._open(list(items), row_tokens - sum(map(size, items)))
        return bins

    @property
    def open_bins(self) -> list[list[Item]]:
        """Items of the rows that are not complete, in the order that the rows were begun."""
        return [list(items) for items in self._bins.values()]

    @property
    def empty(self) -> bool:
        """There is neither an open row nor a complete one."""
        return not (self._bins or self.rows)

    def add(self, tokens: int, item: Item) -> None:
        """Puts the item where it leaves the least room; opens a row where it fits in none.

        Raises ValueError for an item longer than a row: cutting is the packer's work.
        """
        if not 0 < tokens <= self.row_tokens:
            raise ValueError(f"an item of {tokens} tokens does not fit a row of {self.row_tokens}")
        free = self._free
        best = bisect_left(free, tokens << _NUMBER)
        if best < len(free):
            bin_ = free.pop(best) - (tokens << _NUMBER)
            self._bins[bin_ & _NUMBERS].append(item)
            if bin_ > _NUMBERS:
                insort(free, bin_, 0, best)
            else:
                self.rows.append(self._bins.pop(bin_))
        elif tokens == self.row_tokens:
            self.rows.append([item])
        else:
            if len(free) >= self.open_limit:
                self.rows.append(self._bins.pop(free.pop(0) & _NUMBERS))
            self._open([item], self.row_tokens - tokens)

    def flush(self) -> int:
        """Completes all open rows, fullest first; returns how many."""
        closed = len(self._free)
        self.rows.extend(self._bins.pop(bin_ & _NUMBERS) for bin_ in self._free)
        self._free.clear()
        return closed

    def _open(self, items: list[Item], free: int) -> None:
        self._bins[self._next] = items
        insort(self._free, free << _NUMBER | self._next)
        self._next += 1
