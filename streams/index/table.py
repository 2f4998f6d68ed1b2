"""The near-duplicate table: open addressing over all bands, signatures beside it, probed a Frame at a time.

An entry is (tag, document number) in two uint32 arrays; a document has one entry a band and one for
its exact hash. Removed documents stay in the table and are passed over. Growing rebuilds the entries
from the signatures, so nothing else needs to be kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streams.index.minhash import BANDS, PERMUTATIONS, ROWS, _mix

LOAD = 0.6
"""The fullest that the table gets before it doubles."""
ENTRIES = BANDS + 1
NONE = -1

_EXACT_BAND = np.uint64(0xE0)


@dataclass(frozen=True)
class Columns:
    """What the table compares, one row a document."""

    kinds: NDArray[np.uint8]
    exacts: NDArray[np.uint64]
    """(n, 2): 128 bits of the compared text."""
    paths: NDArray[np.uint64]
    """Hash of repository and path; 0 where the kind has no versions."""
    signatures: NDArray[np.uint8]
    """(n, 256)."""
    signed: NDArray[np.bool_]
    """False below five tokens: exact hash only."""


@dataclass(frozen=True)
class Matches:
    """For each row: the number of the document it repeats (NONE: kept and inserted) and how alike they are."""

    numbers: NDArray[np.int64]
    similarities: NDArray[np.float64]


@njit(cache=True, nogil=True)
def _band_key(signature: NDArray[np.uint8], band: int, kind: np.uint8) -> np.uint64:
    key = np.uint64(kind) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(band)
    word = np.uint64(0)
    for r in range(ROWS):
        word = (word << np.uint64(8)) | np.uint64(signature[band * ROWS + r])
    return _mix(_mix(word) + key)


@njit(cache=True, nogil=True)
def _exact_key(exact: NDArray[np.uint64], kind: np.uint8) -> np.uint64:
    return _mix(exact[0] + np.uint64(kind) * np.uint64(0x9E3779B97F4A7C15) + _EXACT_BAND)


@njit(cache=True, nogil=True)
def _put(tags: NDArray[np.uint32], documents: NDArray[np.uint32], key: np.uint64, number: int) -> None:
    """Store under the first free slot from the key's own; document numbers are kept plus one, 0 is free."""
    mask = np.uint64(tags.shape[0] - 1)
    slot = key & mask
    while documents[slot] != 0:
        slot = (slot + np.uint64(1)) & mask
    tags[slot] = np.uint32(key >> np.uint64(32))
    documents[slot] = np.uint32(number + 1)


@njit(cache=True, nogil=True)
def _insert(tags, documents, number, kind, exact, signature, signed) -> None:  # pyright: ignore
    _put(tags, documents, _exact_key(exact, kind), number)
    if signed:
        for band in range(BANDS):
            _put(tags, documents, _band_key(signature, band, kind), number)


@njit(cache=True, nogil=True)
def _alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    equal = 0
    for i in range(PERMUTATIONS):
        equal += one[i] == other[i]
    return max(0.0, (equal / PERMUTATIONS - 1 / 256) / (1 - 1 / 256))


@njit(cache=True, nogil=True)
def _find_exact(tags, documents, alive, kinds, exacts, kind, exact) -> int:  # pyright: ignore
    """The living document of this kind with this exact hash, or NONE."""
    mask = np.uint64(tags.shape[0] - 1)
    key = _exact_key(exact, kind)
    tag = np.uint32(key >> np.uint64(32))
    slot = key & mask
    while documents[slot] != 0:
        d = np.int64(documents[slot]) - 1
        if (
            tags[slot] == tag
            and alive[d]
            and kinds[d] == kind
            and exacts[d, 0] == exact[0]
            and exacts[d, 1] == exact[1]
        ):
            return d  # pyright: ignore[reportReturnType]
        slot = (slot + np.uint64(1)) & mask
    return NONE


@njit(cache=True, nogil=True)
def _find_near(  # pyright: ignore
    tags, documents, alive, kinds, paths, signatures, stamps, stamp, kind, path, signature, bar, version_bar
):
    """The most alike living document above its bar (the lower number at a tie), and how alike it is."""
    mask = np.uint64(tags.shape[0] - 1)
    best, best_alike = np.int64(NONE), 0.0
    for band in range(BANDS):
        key = _band_key(signature, band, kind)
        tag = np.uint32(key >> np.uint64(32))
        slot = key & mask
        while documents[slot] != 0:
            d = np.int64(documents[slot]) - 1
            if tags[slot] == tag and stamps[d] != stamp:
                stamps[d] = stamp
                if alive[d] and kinds[d] == kind:
                    alike = _alike(signatures[d], signature)
                    own_bar = version_bar if path != 0 and paths[d] == path else bar
                    if alike >= own_bar and (alike > best_alike or (alike == best_alike and d < best)):
                        best, best_alike = d, alike
            slot = (slot + np.uint64(1)) & mask
    return best, best_alike


@njit(cache=True, nogil=True)
def _take(  # pyright: ignore
    tags, documents, alive, kinds, exacts, paths, signatures, signed, stamps, first_stamp,
    q_kinds, q_exacts, q_paths, q_signatures, q_signed, count, bar, version_bar, numbers, alikes,
):  # fmt: skip
    """Look each row up among everything before it, the Frame's own kept rows included; insert what is new."""
    for i in range(q_kinds.shape[0]):
        found = _find_exact(tags, documents, alive, kinds, exacts, q_kinds[i], q_exacts[i])
        alike = 1.0
        if found == NONE and q_signed[i]:
            found, alike = _find_near(
                tags, documents, alive, kinds, paths, signatures, stamps, first_stamp + i,
                q_kinds[i], q_paths[i], q_signatures[i], bar, version_bar,
            )  # fmt: skip
        numbers[i] = found
        alikes[i] = alike if found != NONE else 0.0
        if found == NONE:
            kinds[count], paths[count], signed[count], alive[count] = q_kinds[i], q_paths[i], q_signed[i], True
            exacts[count], signatures[count] = q_exacts[i], q_signatures[i]
            _insert(tags, documents, count, q_kinds[i], q_exacts[i], q_signatures[i], q_signed[i])
            count += 1
    return count


@njit(cache=True, nogil=True)
def _rebuild(tags, documents, alive, kinds, exacts, signatures, signed, count) -> None:  # pyright: ignore
    for d in range(count):
        if alive[d]:
            _insert(tags, documents, d, kinds[d], exacts[d], signatures[d], signed[d])


class SignatureTable:
    """Documents by number, in the order of insertion. Not thread-safe: one owner."""

    def __init__(self, threshold: float, version_threshold: float, capacity: int = 4096) -> None:
        self.threshold = threshold
        self.version_threshold = version_threshold
        self.count = 0
        self._stamp = 0
        self._rows = Columns(
            np.zeros(capacity, np.uint8),
            np.zeros((capacity, 2), np.uint64),
            np.zeros(capacity, np.uint64),
            np.zeros((capacity, PERMUTATIONS), np.uint8),
            np.zeros(capacity, np.bool_),
        )
        self._alive = np.zeros(capacity, np.bool_)
        self._stamps = np.zeros(capacity, np.uint32)
        self._allocate(capacity)

    def admit(self, rows: Columns) -> Matches:
        """Look up and insert in one pass; what is kept gets the next numbers, in order."""
        n = len(rows.kinds)
        self._reserve(n)
        numbers, alikes = np.zeros(n, np.int64), np.zeros(n, np.float64)
        own = self._rows
        self.count = _take(
            self._tags, self._documents, self._alive, own.kinds, own.exacts, own.paths, own.signatures, own.signed,
            self._stamps, self._next_stamp(n),
            rows.kinds, rows.exacts, rows.paths, rows.signatures, rows.signed,
            self.count, self.threshold, self.version_threshold, numbers, alikes,
        )  # fmt: skip
        return Matches(numbers, alikes)

    def append(self, rows: Columns) -> None:
        """Insert without a look-up: a verdict that the log already holds."""
        n = len(rows.kinds)
        self._reserve(n)
        own, at = self._rows, slice(self.count, self.count + n)
        own.kinds[at], own.exacts[at], own.paths[at] = rows.kinds, rows.exacts, rows.paths
        own.signatures[at], own.signed[at] = rows.signatures, rows.signed
        self._alive[at] = True
        for i in range(n):
            _insert(
                self._tags, self._documents, self.count + i,
                rows.kinds[i], rows.exacts[i], rows.signatures[i], rows.signed[i],
            )  # fmt: skip
        self.count += n

    def remove(self, number: int) -> None:
        self._alive[number] = False

    def same_path(self, number: int, path: int) -> bool:
        return path != 0 and int(self._rows.paths[number]) == path

    def exact(self, number: int) -> bytes:
        """The 16 bytes of the exact hash."""
        return self._rows.exacts[number].tobytes()

    def alive(self, number: int) -> bool:
        return bool(self._alive[number])

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        own = self._rows
        arrays = (own.kinds, own.exacts, own.paths, own.signatures, own.signed)
        return sum(a.nbytes for a in (*arrays, self._alive, self._stamps, self._tags, self._documents))

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

    def _reserve(self, n: int) -> None:
        capacity = len(self._alive)
        if self.count + n <= capacity:
            return
        while capacity < self.count + n:
            capacity *= 2
        self._rows = Columns(*(_grown(a, capacity) for a in vars(self._rows).values()))
        self._alive = _grown(self._alive, capacity)
        self._stamps = _grown(self._stamps, capacity)
        self._allocate(capacity)
        own = self._rows
        _rebuild(
            self._tags, self._documents, self._alive, own.kinds, own.exacts, own.signatures, own.signed, self.count
        )


def _grown(array: NDArray, capacity: int) -> NDArray:  # pyright: ignore[reportMissingTypeArgument]
    grown = np.zeros((capacity, *array.shape[1:]), array.dtype)
    grown[: len(array)] = array
    return grown
