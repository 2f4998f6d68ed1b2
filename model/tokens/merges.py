"""Byte-pair merges of one pre-token, as one compiled loop over a hash table of pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit

LONGEST = 128
"""Bytes. The work is quadratic in them: a longer pre-token goes to the library, whose queue is not."""

_NEVER = 0x7FFFFFFF
_K = np.uint64(0x9E3779B97F4A7C15)


class Merges(NamedTuple):
    """The merges of one tokenizer."""

    first: NDArray[np.int32]
    """(256,): the id of each byte."""
    pairs: NDArray[np.uint64]
    """(slots, 2), slots a power of two: left id << 32 | right id, plus one (0: empty); rank << 32 | the pair's id."""

    @classmethod
    def of(cls, first: Sequence[int], merges: Sequence[tuple[int, int, int]]) -> Merges:
        """`merges` are (left, right, merged) ids in the order of their ranks; a pair given twice keeps its last rank,
        as in the library."""
        bits = max(4, (2 * len(merges)).bit_length())
        pairs = np.zeros((1 << bits, 2), np.uint64)
        ids = np.array(merges, np.uint64).reshape(-1, 3)
        _fill(pairs, (ids[:, 0] << np.uint64(32) | ids[:, 1]) + np.uint64(1), ids[:, 2])
        return cls(np.array(first, np.int32), pairs)


@njit(cache=True, nogil=True)
def _place(pairs, key):  # pyright: ignore
    """The slot that holds the key, or the empty one where it would be."""
    mask = np.uint64(pairs.shape[0] - 1)
    slot = ((key * _K) >> np.uint64(32)) & mask
    while pairs[slot, 0] != np.uint64(0) and pairs[slot, 0] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(cache=True, nogil=True)
def _fill(pairs, keys, made):  # pyright: ignore
    for rank in range(keys.shape[0]):
        slot = _place(pairs, keys[rank])
        pairs[slot, 0] = keys[rank]
        pairs[slot, 1] = np.uint64(rank) << np.uint64(32) | made[rank]


@njit(cache=True, nogil=True)
def _look(pairs, left, right):  # pyright: ignore
    """rank << 32 | id of the merged pair; _NEVER << 32: the two are not merged."""
    key = (np.uint64(left) << np.uint64(32) | np.uint64(right)) + np.uint64(1)
    slot = _place(pairs, key)
    return pairs[slot, 1] if pairs[slot, 0] == key else np.uint64(_NEVER) << np.uint64(32)


@njit(cache=True, nogil=True)
def merge(data, at, end, first, pairs, ids, found):  # pyright: ignore
    """Fills `ids` with those of data[at:end] and returns how many; at most LONGEST bytes.

    The pair of the lowest rank first, the leftmost of several (Sennrich 2016, as the `tokenizers` library does it).
    `found`, (LONGEST,) uint64, is work space: what each id makes with the next one.
    """
    count = end - at
    for i in range(count):
        ids[i] = first[data[at + i]]
    for i in range(count - 1):
        found[i] = _look(pairs, ids[i], ids[i + 1])
    never = np.uint64(_NEVER)
    while count > 1:
        best = 0
        lowest = found[0] >> np.uint64(32)
        for i in range(1, count - 1):
            rank = found[i] >> np.uint64(32)
            if rank < lowest:
                best, lowest = i, rank
        if lowest == never:
            break
        ids[best] = np.int32(found[best] & np.uint64(0xFFFFFFFF))
        count -= 1
        for i in range(best + 1, count):
            ids[i] = ids[i + 1]
            found[i - 1] = found[i]
        for i in range(max(0, best - 1), min(best + 1, count - 1)):
            found[i] = _look(pairs, ids[i], ids[i + 1])
    return count
