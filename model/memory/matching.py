"""Where a context's suffixes stand in each part, kept from token to token, and what they are followed by.

Shapes: P parts, C continuations, V the vocabulary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit
from model.memory.part import CAP, LONGEST, key, run_end

FEW = 8
"""Suffixes that are looked through one by one."""


def beginning(parts: int) -> NDArray[np.int64]:
    """Ranges of no context, ranges_P2L: begin and end in each part's suffix array of those whose first n ids are the
    context's last n, for n of 0 to LONGEST; n = 0 is not used."""
    return np.zeros((parts, 2, LONGEST + 1), np.int64)


@njit(cache=True, nogil=True, inline="always")
def narrowed(ids_N: Any, order_M: Any, low: int, high: int, depth: int, token: int) -> tuple[int, int]:
    """Those of the suffixes whose id at the depth is the token."""
    end = high
    if high - low <= FEW:
        while low < high and ids_N[order_M[low] + depth] < token:
            low += 1
        end = low
        while end < high and ids_N[order_M[end] + depth] == token:
            end += 1
        return low, end
    while low < end:
        middle = (low + end) // 2
        if ids_N[order_M[middle] + depth] < token:
            low = middle + 1
        else:
            end = middle
    if low < high and ids_N[order_M[low] + depth] == token:
        return low, run_end(ids_N, order_M, low, high, depth)
    return low, low


@njit(cache=True, nogil=True)
def advance(parts: Any, ranges_P2L: Any, token: int) -> None:
    """The context is one token longer."""
    for p in range(len(parts)):
        part, ranges_2L = parts[p], ranges_P2L[p]
        for n in range(LONGEST, 0, -1):
            low, high = ranges_2L[0, n - 1], ranges_2L[1, n - 1]
            if n == 1:
                low, high = 0, len(part.order_M)
            if low < high:
                low, high = narrowed(part.ids_N, part.order_M, low, high, n - 1, token)
            else:
                low = high = 0
            ranges_2L[0, n], ranges_2L[1, n] = low, high


@njit(cache=True, nogil=True, inline="always")
def collect(part: Any, low: int, high: int, depth: int, separator: int, counts_V: Any, seen_V: Any, found: int) -> int:
    """Adds the counts of what follows these suffixes to counts_V; the tokens that were none there join seen_V, of which
    `found` are filled. How many are then."""
    if high - low > CAP:
        at = np.searchsorted(part.keys_H, key(depth, low))
        if at < len(part.keys_H) and part.keys_H[at] == key(depth, low):
            for e in range(part.begins_H[at], part.begins_H[at + 1]):
                token = part.tokens_E[e]
                if counts_V[token] == 0:
                    seen_V[found] = token
                    found += 1
                counts_V[token] += part.counts_E[e]
            return found
    at = low
    while at < high:
        token = part.ids_N[part.order_M[at] + depth]
        end = run_end(part.ids_N, part.order_M, at, high, depth)
        if token != separator:
            if counts_V[token] == 0:
                seen_V[found] = token
                found += 1
            counts_V[token] += min(CAP, end - at)
        at = end
    return found
