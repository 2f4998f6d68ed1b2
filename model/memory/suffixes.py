"""Suffix arrays of token ids, sorted to the depth that is ever asked for.

Multikey quicksort (Bentley and Sedgewick 1997) with the first token counted into buckets. Suffixes that agree to the
depth stand in the order of their positions: the same ids give the same array on every machine.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit

DEPTH = 25
"""Tokens by which suffixes are sorted: the longest context, and the one behind it."""
FEW = 24
"""Suffixes that are sorted by insertion."""

Ids = NDArray[Any]
"""uint16 or uint32."""


def suffix_array(ids_N: Ids, separator: int) -> NDArray[np.int32]:
    """The positions of ids that are no separator, sorted by the DEPTH ids that begin there.

    `ids_N` must end with DEPTH separators.
    """
    starts = np.flatnonzero(ids_N != separator).astype(np.int32)
    if not len(starts):
        return starts
    keys = ids_N[starts]
    order = starts[np.argsort(keys, kind="stable")]
    bounds = np.flatnonzero(np.diff(np.sort(keys))) + 1
    edges_B = np.concatenate([[0], bounds, [len(order)]]).astype(np.int64)
    _sort(ids_N, order, edges_B)
    return order


@njit(cache=True, nogil=True)
def _sort(ids_N: Any, order_M: Any, edges_B: Any) -> None:
    """Each stretch between two edges has suffixes of one first token."""
    stack_S3 = np.empty((4096, 3), np.int64)
    for b in range(len(edges_B) - 1):
        stack_S3[0, 0], stack_S3[0, 1], stack_S3[0, 2] = edges_B[b], edges_B[b + 1], 1
        top = 1
        while top:
            top -= 1
            low, high, depth = stack_S3[top]
            if depth >= DEPTH:
                order_M[low:high].sort()  # all agree: by position
                continue
            if high - low <= FEW:
                _by_insertion(ids_N, order_M, low, high, depth)
                continue
            left, right = _parted(ids_N, order_M, low, high, depth)
            most = max(left - low, right - left, high - right)
            for takes_most in (True, False):  # the largest waits longest: the stack stays short
                for begin, end, deep in ((low, left, depth), (right, high, depth), (left, right, depth + 1)):
                    if end - begin > 1 and (end - begin == most) is takes_most:
                        stack_S3[top, 0], stack_S3[top, 1], stack_S3[top, 2] = begin, end, deep
                        top += 1


@njit(cache=True, nogil=True)
def _parted(ids_N: Any, order_M: Any, low: int, high: int, depth: int) -> tuple[int, int]:
    """Between the two, the suffixes whose id at the depth is the pivot: lesser ones before, greater ones behind."""
    a = ids_N[order_M[low] + depth]
    b = ids_N[order_M[(low + high) // 2] + depth]
    c = ids_N[order_M[high - 1] + depth]
    pivot = max(min(a, b), min(max(a, b), c))
    left, right, at = low, high, low
    while at < right:
        own = ids_N[order_M[at] + depth]
        if own < pivot:
            order_M[left], order_M[at] = order_M[at], order_M[left]
            left += 1
            at += 1
        elif own > pivot:
            right -= 1
            order_M[right], order_M[at] = order_M[at], order_M[right]
        else:
            at += 1
    return left, right


@njit(cache=True, nogil=True)
def _by_insertion(ids_N: Any, order_M: Any, low: int, high: int, depth: int) -> None:
    for i in range(low + 1, high):
        own = order_M[i]
        j = i
        while j > low and _is_before(ids_N, own, order_M[j - 1], depth):
            order_M[j] = order_M[j - 1]
            j -= 1
        order_M[j] = own


@njit(cache=True, nogil=True, inline="always")
def _is_before(ids_N: Any, one: int, other: int, depth: int) -> bool:
    for d in range(depth, DEPTH):
        if ids_N[one + d] != ids_N[other + d]:
            return ids_N[one + d] < ids_N[other + d]
    return one < other
