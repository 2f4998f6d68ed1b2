"""A part of a memory: texts' ids one behind another, their suffix array, and what follows its frequent contexts.

Shapes: N ids, M suffixes, H frequent contexts, E of their continuations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit
from model.memory.suffixes import DEPTH, Ids, suffix_array

ORDERS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24)
"""Lengths of the contexts that are counted."""
LONGEST = ORDERS[-1]
CAP = 255
"""A count is no more."""


class Part(NamedTuple):
    """Arrays, for the compiled functions."""

    ids_N: Ids
    """With a separator behind each text, and LONGEST more at the end."""
    order_M: NDArray[np.int32]
    """The suffix array."""
    keys_H: NDArray[np.int64]
    """Of contexts that occur more than CAP times, by `key`; sorted."""
    begins_H: NDArray[np.int32]
    """Where the continuations of each begin; one more at the end."""
    tokens_E: Ids
    counts_E: NDArray[np.uint8]

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in self)


def dtype_of(vocab: int) -> type[np.uint16] | type[np.uint32]:
    """Of ids and a separator."""
    return np.uint16 if vocab < 1 << 16 else np.uint32


def separator_of(dtype: Any) -> int:
    """Between two texts: no id of a token."""
    return int(np.iinfo(dtype).max)


def build(texts: Iterable[Ids], vocab: int) -> Part:
    """Of the texts in their order."""
    dtype = dtype_of(vocab)
    separator = separator_of(dtype)
    end = np.full(1, separator, dtype)
    pieces = [piece for text in texts if len(text) for piece in (text.astype(dtype, copy=False), end)]
    ids_N = np.concatenate([*pieces, np.full(DEPTH, separator, dtype)])
    order_M = suffix_array(ids_N, separator)
    return Part(ids_N, order_M, *_frequent(ids_N, order_M, separator))


@njit(cache=True, nogil=True, inline="always")
def key(depth: int, low: int) -> int:
    """Of the context of `depth` tokens whose suffixes begin at `low`."""
    return (depth << 40) | low


@njit(cache=True, nogil=True, inline="always")
def run_end(ids_N: Any, order_M: Any, low: int, high: int, depth: int) -> int:
    """Where the suffixes end whose id at the depth is that of the first; by doubled steps, then by halves."""
    own = ids_N[order_M[low] + depth]
    step, at = 1, low + 1
    while at < high and ids_N[order_M[at] + depth] == own:
        low = at
        step *= 2
        at = low + step
    end = min(at, high)
    low += 1
    while low < end:
        middle = (low + end) // 2
        if ids_N[order_M[middle] + depth] == own:
            low = middle + 1
        else:
            end = middle
    return low


def _frequent(ids_N: Ids, order_M: NDArray[np.int32], separator: int) -> tuple[Any, Any, Any, Any]:
    """Keys, begins, tokens and counts of the contexts that occur more than CAP times."""
    is_counted = np.zeros(LONGEST + 1, np.bool_)
    is_counted[list(ORDERS)] = True
    none = np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, ids_N.dtype), np.empty(0, np.uint8)
    contexts, entries = _walk(ids_N, order_M, separator, is_counted, False, *none)
    keys, sizes = np.empty(contexts, np.int64), np.empty(contexts, np.int32)
    tokens, counts = np.empty(entries, ids_N.dtype), np.empty(entries, np.uint8)
    _walk(ids_N, order_M, separator, is_counted, True, keys, sizes, tokens, counts)
    order = np.argsort(keys)
    begins = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    begins_H = np.concatenate([[0], np.cumsum(sizes[order])]).astype(np.int32)
    at_E = np.repeat(begins[:-1][order] - begins_H[:-1], sizes[order]) + np.arange(entries)
    return keys[order], begins_H, tokens[at_E], counts[at_E]


@njit(cache=True, nogil=True)
def _walk(
    ids_N: Any, order_M: Any, separator: int, is_counted: Any, fills: bool, keys: Any, sizes: Any, tokens: Any,
    counts: Any,
) -> tuple[int, int]:  # fmt: skip
    """How many contexts there are that occur more than CAP times, and continuations of them; the arrays are filled."""
    contexts = entries = 0
    most = len(order_M) // CAP + 2
    stack = np.empty((most, 3), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, len(order_M), 0
    top = 1 if len(order_M) > CAP else 0
    while top:
        top -= 1
        low, high, depth = stack[top, 0], stack[top, 1], stack[top, 2]
        begin, at = entries, low
        while at < high:
            end = run_end(ids_N, order_M, at, high, depth)
            token = ids_N[order_M[at] + depth]
            if token != separator:
                if is_counted[depth]:
                    if fills:
                        tokens[entries], counts[entries] = token, min(CAP, end - at)
                    entries += 1
                if end - at > CAP and depth < LONGEST:
                    stack[top, 0], stack[top, 1], stack[top, 2] = at, end, depth + 1
                    top += 1
            at = end
        if is_counted[depth]:
            if fills:
                keys[contexts], sizes[contexts] = key(depth, low), entries - begin
            contexts += 1
    return contexts, entries
