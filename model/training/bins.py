"""Online best-fit packing (Johnson 1974): whole items into rows of T tokens, nothing cut and nothing dropped."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from math import inf
from typing import Generic, TypeVar

Item = TypeVar("Item")

_NUMBER = 40
"""Bits of a bin's number: free tokens above, number below, a bin is one integer, and C compares them."""
_NUMBERS = (1 << _NUMBER) - 1


class Bins(Generic[Item]):
    """Open rows and the queue of complete ones. The same items in the same order give the same rows.

    The state is `open_bins` and `rows`: who owns the items encodes them, and `restore` builds the bins from them.
    Times are the owner's, of any unit; they are no state, and decide only what `flush` closes.
    """

    def __init__(self, row_tokens: int, open_limit: int = 64) -> None:
        self.row_tokens = row_tokens
        self.open_limit = open_limit
        self.rows: deque[list[Item]] = deque()
        """Complete rows, oldest first; the owner takes them from the left."""
        self._bins: dict[int, list[Item]] = {}
        self._begun: dict[int, float] = {}
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
        now: float = 0.0,
    ) -> Bins[Item]:
        """Bins that go on just as those that `open_bins` and `rows` were read from."""
        bins = cls(row_tokens, open_limit)
        bins.rows.extend(list(row) for row in rows)
        for items in open_bins:
            bins._open(list(items), row_tokens - sum(map(size, items)), now)
        return bins

    @property
    def open_bins(self) -> list[list[Item]]:
        """Items of the rows that are not complete, in the order that the rows were begun."""
        return [list(items) for items in self._bins.values()]

    @property
    def empty(self) -> bool:
        """There is neither an open row nor a complete one."""
        return not (self._bins or self.rows)

    @property
    def oldest(self) -> float:
        """Since when the item waits that has waited longest in an open row; infinity where none is in a hurry."""
        return min(self._begun.values(), default=inf)

    def add(self, tokens: int, item: Item, now: float = 0.0) -> None:
        """Puts the item where it leaves the least room; opens a row where it fits in none. `now`: since when it waits;
        infinity: it may wait for ever.

        Raises ValueError for an item longer than a row: cutting is the packer's work.
        """
        if not 0 < tokens <= self.row_tokens:
            raise ValueError(f"an item of {tokens} tokens does not fit a row of {self.row_tokens}")
        free = self._free
        best = bisect_left(free, tokens << _NUMBER)
        if best < len(free):
            bin_ = free.pop(best) - (tokens << _NUMBER)
            number = bin_ & _NUMBERS
            self._bins[number].append(item)
            self._begun[number] = min(now, self._begun[number])
            if bin_ > _NUMBERS:
                insort(free, bin_, 0, best)
            else:
                self._close(bin_)
        elif tokens == self.row_tokens:
            self.rows.append([item])
        else:
            if len(free) >= self.open_limit:
                self._close(free.pop(0))
            self._open([item], self.row_tokens - tokens, now)

    def flush(self, before: float = inf, least: int = 0) -> int:
        """Completes the open rows that hold an item from before this time (infinity: all), and more until there are
        `least`, the oldest and of those the fullest; returns how many."""
        due = sum(begun < before or before == inf for begun in self._begun.values())
        in_turn = sorted(self._free, key=lambda bin_: self._begun[bin_ & _NUMBERS])
        old = set(islice(in_turn, max(due, least)))
        closing = [bin_ for bin_ in self._free if bin_ in old]
        self._free = [bin_ for bin_ in self._free if bin_ not in old]
        for bin_ in closing:
            self._close(bin_)
        return len(closing)

    def _open(self, items: list[Item], free: int, now: float) -> None:
        self._bins[self._next], self._begun[self._next] = items, now
        insort(self._free, free << _NUMBER | self._next)
        self._next += 1

    def _close(self, bin_: int) -> None:
        number = bin_ & _NUMBERS
        self.rows.append(self._bins.pop(number))
        del self._begun[number]
