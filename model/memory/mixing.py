"""The rule by which counts are mixed into a model's distribution, and the weights of the orders, which are learnt.

p_0 is the model's distribution. For each length n of ORDERS whose context occurs, p_n(w) = l c_n(w) / T_n + (1 - l)
p_{n-1}(w), where l is the weight of the bucket of (n, T_n, how many different tokens follow). What comes out is a
distribution by construction: one number that all of the model's is multiplied by, and what is added to a few tokens.

A weight is the share of what was explained at its order: of each token that was scored before it was learnt, from the
longest order down, with flow f = 1: r = l (c/T) / p_n; num += f r; den += f; f *= 1 - r; l = num / den.

Shapes: V the vocabulary, B buckets, C tokens that something is added to.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit
from model.memory.matching import collect
from model.memory.part import CAP, ORDERS

TOTALS, DISTINCT = 5, 4
"""Buckets of T_n: 1, 2, 3 to 4, 5 to 8, more. Of different tokens: 1, 2, 3 to 4, more."""
BUCKETS = len(ORDERS) * TOTALS * DISTINCT
PSEUDO = 4.0
"""How many tokens a weight's beginning stands for."""


class Weights(NamedTuple):
    """What was explained, and what there was to explain, of each bucket."""

    num_B: NDArray[np.float64]
    den_B: NDArray[np.float64]


class Work(NamedTuple):
    """Room for the compiled functions; counts are 0 between two calls."""

    counts_V: NDArray[np.int32]
    seen_V: NDArray[np.int32]
    added_V: NDArray[np.float32]
    touched_V: NDArray[np.int32]


def beginning() -> Weights:
    """A longer context is worth more, one that was always followed by the same token more than one that was not."""
    first = np.empty((len(ORDERS), TOTALS, DISTINCT))
    for at, n in enumerate(ORDERS):
        for total in range(TOTALS):
            for distinct in range(DISTINCT):
                sure = (0.6, 0.45, 0.35, 0.3)[distinct] + (0.0, 0.05, 0.1, 0.15, 0.2)[total] * (distinct == 0)
                first[at, total, distinct] = sure * min(1.0, (n + 1) / 8)
    flat = first.reshape(-1)
    return Weights(PSEUDO * flat, np.full(BUCKETS, PSEUDO))


def work(vocab: int) -> Work:
    return Work(
        np.zeros(vocab, np.int32), np.empty(vocab, np.int32), np.zeros(vocab, np.float32), np.empty(vocab, np.int32)
    )


@njit(cache=True, nogil=True, inline="always")
def bucket(at: int, total: int, distinct: int) -> int:
    """Of the order ORDERS[at]."""
    t = 0 if total == 1 else 1 if total == 2 else 2 if total <= 4 else 3 if total <= 8 else 4
    d = 0 if distinct == 1 else 1 if distinct == 2 else 2 if distinct <= 4 else 3
    return (at * TOTALS + t) * DISTINCT + d


@njit(cache=True, nogil=True, inline="always")
def counted(parts: Any, ranges_P2L: Any, n: int, separator: int, work: Any) -> tuple[int, int]:
    """The counts of order n are in work.counts_V: the sum of them, and how many tokens have some, in work.seen_V."""
    found = 0
    for p in range(len(parts)):
        low, high = ranges_P2L[p, 0, n], ranges_P2L[p, 1, n]
        if low < high:
            found = collect(parts[p], low, high, n, separator, work.counts_V, work.seen_V, found)
    total = 0
    for i in range(found):
        token = work.seen_V[i]
        work.counts_V[token] = min(CAP, work.counts_V[token])
        total += work.counts_V[token]
    return total, found


@njit(cache=True, nogil=True)
def mix(parts: Any, ranges_P2L: Any, separator: int, weights: Any, work: Any) -> tuple[float, int]:
    """What the model's distribution is multiplied by, and how many tokens something is added to: work.touched_V, by
    work.added_V, which the caller sets to 0 again (`clear`)."""
    flow, touched = 1.0, 0
    for at in range(len(ORDERS) - 1, -1, -1):
        total, found = counted(parts, ranges_P2L, ORDERS[at], separator, work)
        if total == 0:
            continue
        b = bucket(at, total, found)
        share = weights.num_B[b] / weights.den_B[b]
        by = np.float32(flow * share / total)
        for i in range(found):
            token = work.seen_V[i]
            if work.added_V[token] == 0:
                work.touched_V[touched] = token
                touched += 1
            work.added_V[token] += by * work.counts_V[token]
            work.counts_V[token] = 0
        flow *= 1.0 - share
    return flow, touched


@njit(cache=True, nogil=True)
def clear(work: Any, touched: int) -> None:
    for i in range(touched):
        work.added_V[work.touched_V[i]] = 0


@njit(cache=True, nogil=True)
def observe(
    parts: Any, ranges_P2L: Any, separator: int, weights: Any, work: Any, token: int, given: float, learns: bool
) -> float:
    """The mixed probability of the token, whose probability by the model is `given`. `learns`: the weights do."""
    size = len(ORDERS)
    shares, terms, buckets = np.zeros(size), np.zeros(size), np.full(size, -1)
    p_n = np.empty(size + 1)
    p_n[0] = given
    for at in range(size):
        total, found = counted(parts, ranges_P2L, ORDERS[at], separator, work)
        if total:
            buckets[at] = bucket(at, total, found)
            shares[at] = weights.num_B[buckets[at]] / weights.den_B[buckets[at]]
            terms[at] = work.counts_V[token] / total
        for i in range(found):
            work.counts_V[work.seen_V[i]] = 0
        p_n[at + 1] = shares[at] * terms[at] + (1 - shares[at]) * p_n[at]
    flow = 1.0
    for at in range(size - 1, -1, -1):
        if not learns or buckets[at] < 0 or p_n[at + 1] <= 0:
            continue
        explained = shares[at] * terms[at] / p_n[at + 1]
        weights.num_B[buckets[at]] += flow * explained
        weights.den_B[buckets[at]] += flow
        flow *= 1.0 - explained
    return p_n[size]
