"""Writing into pages, and attention of a few rows over them, as compiled functions: no operator is dispatched for each
sequence, and what a row gives does not depend on the rows beside it.

Shapes: N rows of a forward, M those of them that are attended to, H query heads, G heads of keys and values, K head
width, P pages, S tokens of a page, T tokens; a table of M rows is MN, N pages long. Float32 on a CPU.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit

Array = NDArray[np.float32]
Numbers = NDArray[np.int32]

_MATHS = {"contract", "reassoc", "nsz", "arcp", "afn"}
"""All liberties but those with numbers that are none: unused slots of a page hold such."""
_LOG2E = np.float32(1.4426950408889634)
_LEAST = np.float32(-126.0)


@njit(fastmath=_MATHS, cache=True, nogil=True, inline="always")
def _exponentials(x_T: Array, count: int, bits_T: Numbers) -> np.float32:
    """exp of the first `count` numbers, none of them above 0, in place; returns their sum. 2^x is a polynomial between
    whole exponents (Cephes' exp2f, 2e-7 of the number), so that a loop makes eight at once."""
    floats_T = bits_T.view(np.float32)
    total = np.float32(0)
    for t in range(count):
        scaled = max(x_T[t] * _LOG2E, _LEAST)
        whole = np.floor(scaled + np.float32(0.5))
        rest = scaled - whole
        bits_T[t] = (np.int32(whole) + np.int32(127)) << np.int32(23)
        made = np.float32(1.535336188319500e-4)
        made = made * rest + np.float32(1.339887440266574e-3)
        made = made * rest + np.float32(9.618437357674640e-3)
        made = made * rest + np.float32(5.550332471162809e-2)
        made = made * rest + np.float32(2.402264791363012e-1)
        made = made * rest + np.float32(6.931472028550421e-1)
        x_T[t] = made * rest + np.float32(1)
    for t in range(count):
        x_T[t] *= floats_T[t]
        total += x_T[t]
    return total


@njit(fastmath=_MATHS, cache=True, nogil=True, inline="always")
def _add(weight_I: Array, rows_IJ: Array, first: int, end: int, out_J: Array) -> None:
    """Adds the rows from `first` on, before `end`, each times its weight: four at a time, so that what they are added
    to is read and written once for four of them."""
    width, fours = out_J.shape[0], first + (end - first) // 4 * 4
    for i in range(first, fours, 4):
        one, two, three, four = weight_I[i], weight_I[i + 1], weight_I[i + 2], weight_I[i + 3]
        for j in range(width):
            out_J[j] += (one * rows_IJ[i, j] + two * rows_IJ[i + 1, j]) + (
                three * rows_IJ[i + 2, j] + four * rows_IJ[i + 3, j]
            )
    for i in range(fours, end):
        for j in range(width):
            out_J[j] += weight_I[i] * rows_IJ[i, j]


@njit(fastmath=_MATHS, cache=True, nogil=True, inline="always")
def _soften(x_T: Array, bits_T: Numbers) -> None:
    """Softmax, in place."""
    highest = x_T[0]
    for t in range(x_T.shape[0]):
        highest = max(highest, x_T[t])
    for t in range(x_T.shape[0]):
        x_T[t] -= highest
    share = np.float32(1) / _exponentials(x_T, x_T.shape[0], bits_T)
    for t in range(x_T.shape[0]):
        x_T[t] *= share


@njit(cache=True, nogil=True)
def write(
    k_NGK: Array, v_NGK: Array, page_N: Numbers, slot_N: Numbers, keys_PGKS: Array, values_PGSK: Array
) -> None:  # fmt: skip
    """Each row's keys and values into its place."""
    for n in range(k_NGK.shape[0]):
        page, slot = page_N[n], slot_N[n]
        for g in range(k_NGK.shape[1]):
            for k in range(k_NGK.shape[2]):
                keys_PGKS[page, g, k, slot] = k_NGK[n, g, k]
                values_PGSK[page, g, slot, k] = v_NGK[n, g, k]


@njit(fastmath=_MATHS, cache=True, nogil=True)
def attend(
    q_NHK: Array,
    row_M: Numbers,
    keys_PGKS: Array,
    values_PGSK: Array,
    tables_MN: Numbers,
    first_M: Numbers,
    last_M: Numbers,
    scale: np.float32,
    out_NHK: Array,
) -> None:
    """Row `row_M[m]` sees the tokens from `first_M[m]` to `last_M[m]`, both included, of the sequence in its table."""
    size, groups = keys_PGKS.shape[3], keys_PGKS.shape[1]
    each = q_NHK.shape[1] // groups
    longest = np.int64(np.max(last_M)) + 2 * size
    scores_HT, bits_T = np.empty((each, longest), np.float32), np.empty(longest, np.int32)
    q_HK = np.empty((each, q_NHK.shape[2]), np.float32)
    for m in range(row_M.shape[0]):
        first, last = np.int64(first_M[m]), np.int64(last_M[m])
        begin, pages = first // size, last // size + 1
        skip = first - begin * size
        for g in range(groups):
            q_HK[:] = q_NHK[row_M[m], g * each : (g + 1) * each] * scale
            out_HK = out_NHK[row_M[m], g * each : (g + 1) * each]
            scores_HT[:, : (pages - begin) * size] = 0
            for n in range(begin, pages):
                at, keys_KS = (n - begin) * size, keys_PGKS[tables_MN[m, n], g]
                for h in range(each):
                    _add(q_HK[h], keys_KS, 0, keys_KS.shape[0], scores_HT[h, at : at + size])
            for h in range(each):
                _soften(scores_HT[h, skip : last + 1 - begin * size], bits_T)
            out_HK[:] = 0
            for n in range(begin, pages):
                at, values_SK = (n - begin) * size, values_PGSK[tables_MN[m, n], g]
                here, end = (skip if n == begin else 0), min(size, last + 1 - n * size)
                for h in range(each):
                    _add(scores_HT[h, at : at + size], values_SK, here, end, out_HK[h])
