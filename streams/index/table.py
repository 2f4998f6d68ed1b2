"""The near-duplicate table: open addressing over all bands, signatures beside it, probed a Frame at a time.

Removed documents stay in the table and are passed over. A newer version of a thread is written over the former one,
so a thread that grows takes one row, however often it does. Growing rebuilds the entries from the signatures, so
nothing else needs to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streams.index import probe
from streams.index.minhash import PERMUTATIONS
from streams.index.probe import ENTRIES, Columns, Held
from streams.index.setfile import SetFile
from streams.index.shingles import LIMIT, PADDING

LOAD = 0.6
"""The fullest that the table gets by documents before it doubles."""
STALE_LOAD = 0.7
"""The fullest that it gets by entries, those of replaced versions included, before it is rebuilt without these."""


@dataclass(frozen=True)
class Matches:
    """What became of each row."""

    numbers: NDArray[np.int64]
    """The document that it repeats; -1: it was kept and inserted."""
    similarities: NDArray[np.float64]
    exact: NDArray[np.bool_]
    """Whether the two say the same."""
    places: NDArray[np.int64]
    """Where it was kept its own number: a new one, or that of the former version of its thread."""


class SignatureTable:
    """Documents by number, in the order of insertion. Not thread-safe: one owner."""

    def __init__(
        self, threshold: float, version_threshold: float, folder: Path | None = None, capacity: int = 4096
    ) -> None:
        """`folder`: of the file with the sets of shingles."""
        self.threshold = threshold
        self.version_threshold = version_threshold
        self.count = 0
        self._stamp = 0
        self._sets = SetFile(folder)
        self._rows = Columns(
            np.zeros(capacity, np.uint8),
            np.zeros((capacity, 2), np.uint64),
            np.zeros(capacity, np.uint64),
            np.zeros(capacity, np.uint64),
            np.zeros((capacity, PERMUTATIONS), np.uint8),
            np.zeros(capacity, np.bool_),
            np.zeros(capacity, np.int64),
            self._sets.data,
        )
        self._alive = np.zeros(capacity, np.bool_)
        self._stamps = np.zeros(capacity, np.uint32)
        self._space = np.zeros((2, LIMIT), np.uint32)
        self._allocate(capacity)

    def admit(self, rows: Columns) -> Matches:
        """Look up and insert in one pass; what is kept gets the next numbers, in order."""
        n = len(rows.kinds)
        self._reserve(rows)
        matches = Matches(np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.bool_), np.zeros(n, np.int64))
        self.count, self._sets.used, added = probe.take(
            self._held(), rows, self.count, self._sets.used, self._next_stamp(n),
            self.threshold, self.version_threshold,
            matches.numbers, matches.similarities, matches.exact, matches.places,
        )  # fmt: skip
        self._entries += added
        return matches

    def append(self, rows: Columns) -> NDArray[np.int64]:
        """Insert without a look-up: a verdict that the log already holds. Returns the numbers of the rows."""
        self._reserve(rows)
        places = np.zeros(len(rows.kinds), np.int64)
        self.count, self._sets.used, added = probe.append(self._held(), rows, self.count, self._sets.used, places)
        self._entries += added
        return places

    def remove(self, number: int) -> None:
        self._alive[number] = False

    def same_path(self, number: int, path: int) -> bool:
        return path != 0 and int(self._rows.paths[number]) == path

    def is_thread(self, number: int) -> bool:
        return int(self._rows.versions[number]) != 0

    def alive(self, number: int) -> bool:
        return bool(self._alive[number])

    @property
    def nbytes(self) -> int:
        """Bytes of memory of all arrays, so without the sets."""
        own = (*self._rows[:-1], self._alive, self._stamps, self._tags, self._documents, self._space)
        return sum(a.nbytes for a in own)

    @property
    def sets_nbytes(self) -> int:
        """Bytes of the sets, in their file."""
        return self._sets.used

    def _held(self) -> Held:
        return Held(self._tags, self._documents, self._rows, self._alive, self._stamps, self._space)

    def _next_stamp(self, n: int) -> int:
        """The first of n stamps that mark which documents a query has looked at."""
        if self._stamp + n >= 0xFFFFFFFF:
            self._stamps[:] = 0
            self._stamp = 0
        first = self._stamp + 1
        self._stamp += n
        return first

    def _allocate(self, capacity: int) -> None:
        slots = 1 << int(np.ceil(np.log2(capacity * ENTRIES / LOAD)))
        self._tags = np.zeros(slots, np.uint32)
        self._documents = np.zeros(slots, np.uint32)
        self._entries = 0

    def _reserve(self, rows: Columns) -> None:
        """Room for more rows, their sets and their entries."""
        self._sets.reserve(len(rows.sets) - 1 - PADDING)
        self._rows = self._rows._replace(sets=self._sets.data)
        n, capacity = len(rows.kinds), len(self._alive)
        if self.count + n <= capacity and self._entries + n * ENTRIES <= STALE_LOAD * len(self._tags):
            return
        while capacity < self.count + n:
            capacity *= 2
        if capacity > len(self._alive):
            self._rows = Columns(*(_grown(a, capacity) for a in self._rows[:-1]), sets=self._sets.data)
            self._alive = _grown(self._alive, capacity)
            self._stamps = _grown(self._stamps, capacity)
        self._allocate(max(capacity, self.count + n))
        self._entries = probe.rebuild(self._held(), self.count)


def _grown(array: NDArray, capacity: int) -> NDArray:  # pyright: ignore[reportMissingTypeArgument]
    grown = np.zeros((capacity, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
