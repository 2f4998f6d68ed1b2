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


@njit(cache=True, nogil=True)
def _frequent(ids_N: Any, order_M: Any, separator: int) -> tuple[Any, Any, Any, Any]:
    """Keys, begins, tokens and counts of the contexts that occur more than CAP times."""
    is_counted = np.zeros(LONGEST + 1, np.bool_)
    for n in ORDERS:
        is_counted[n] = True
    keys, begins = np.empty(64, np.int64), np.empty(64, np.int32)
    tokens, counts = np.empty(1024, ids_N.dtype), np.empty(1024, np.uint8)
    contexts = entries = 0
    stack = np.empty((64, 3), np.int64)
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, len(order_M), 0
    top = 1 if len(order_M) > CAP else 0
    while top:
        top -= 1
        low, high, depth = stack[top]
        if is_counted[depth]:
            if contexts == len(keys):
                keys = np.concatenate((keys, np.empty_like(keys)))
                begins = np.concatenate((begins, np.empty_like(begins)))
            keys[contexts], begins[contexts] = key(depth, low), entries
            contexts += 1
        at = low
        while at < high:
            end = run_end(ids_N, order_M, at, high, depth)
            token = ids_N[order_M[at] + depth]
            if token != separator:
                if is_counted[depth]:
                    if entries == len(tokens):
                        tokens = np.concatenate((tokens, np.empty_like(tokens)))
                        counts = np.concatenate((counts, np.empty_like(counts)))
                    tokens[entries], counts[entries] = token, min(CAP, end - at)
                    entries += 1
                if end - at > CAP and depth < LONGEST:
                    if top == len(stack):
                        stack = np.concatenate((stack, np.empty_like(stack)))
                    stack[top, 0], stack[top, 1], stack[top, 2] = at, end, depth + 1
                    top += 1
            at = end
    sizes = np.empty(contexts + 1, np.int32)
    sizes[:contexts], sizes[contexts] = begins[:contexts], entries
    return _sorted(keys[:contexts], sizes, tokens[:entries], counts[:entries])


@njit(cache=True, nogil=True)
def _sorted(keys: Any, begins: Any, tokens: Any, counts: Any) -> tuple[Any, Any, Any, Any]:
    """In the order of the keys."""
    order = np.argsort(keys)
    keys_H, begins_H = keys[order], np.zeros(len(keys) + 1, np.int32)
    tokens_E, counts_E = np.empty_like(tokens), np.empty_like(counts)
    for h in range(len(order)):
        begin, end = begins[order[h]], begins[order[h] + 1]
        to = begins_H[h] + end - begin
        tokens_E[begins_H[h] : to], counts_E[begins_H[h] : to] = tokens[begin:end], counts[begin:end]
        begins_H[h + 1] = to
    return keys_H, begins_H, tokens_E, counts_E
