"""Online best-fit packing (Johnson 1974): whole items into rows of T tokens, nothing cut and nothing dropped."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

Item = TypeVar("Item")


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
        self._free: list[tuple[int, int]] = []  # (free tokens, number of the bin), sorted; numbers grow with age
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

    def add(self, tokens: int, item: Item) -> None:
        """Puts the item where it leaves the least room; opens a row where it fits in none.

        Raises ValueError for an item longer than a row: cutting is the packer's work.
        """
        if not 0 < tokens <= self.row_tokens:
            raise ValueError(f"an item of {tokens} tokens does not fit a row of {self.row_tokens}")
        best = bisect_left(self._free, (tokens, -1))
        if best < len(self._free):
            free, number = self._free.pop(best)
            self._bins[number].append(item)
            self._settle(number, free - tokens)
            return
        if len(self._bins) >= self.open_limit:
            self._close(self._free[0][1])
        self._open([item], self.row_tokens - tokens)

    def flush(self) -> int:
        """Completes all open rows, fullest first; returns how many."""
        numbers = [number for _, number in self._free]
        for number in numbers:
            self._close(number)
        return len(numbers)

    def _open(self, items: list[Item], free: int) -> None:
        number, self._next = self._next, self._next + 1
        self._bins[number] = items
        self._settle(number, free)

    def _settle(self, number: int, free: int) -> None:
        insort(self._free, (free, number))
        if free == 0:
            self._close(number)

    def _close(self, number: int) -> None:
        del self._free[next(i for i, (_, n) in enumerate(self._free) if n == number)]
        self.rows.append(self._bins.pop(number))
