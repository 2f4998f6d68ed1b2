"""Attention of one row over the pages of its sequence, compiled.

Shapes: H query heads, G heads of keys and values, K head width, S tokens a page (LANES), P pages, T scores of a row.
Keys of a page are transposed, so scores are made for 32 tokens at once; heads that share keys read them once.
"""

from __future__ import annotations

import numpy as np

from model.compiling import njit
from model.kernels.functions import exp
from model.kernels.operators import mix
from model.kernels.rows import FAST
from model.kernels.tile import LANES

_F = np.float32


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def attend(q, q_at, heads, width, scale, first, end, table, keys, values, layer, g, scores, out):  # pyright: ignore
    """Heads of one head of keys: queries `q[q_at:]`, `heads` of `width` numbers, see the tokens from `first` up to
    `end`. `keys` (L, P, G, K, S) and `values` (L, P, G, S, K) are all pages; `scores` (heads, room for whole pages) is
    overwritten. What stands behind `end` in a page is never used."""
    room = scores.shape[1]
    block = width * LANES
    page, last = first // LANES, (end - 1) // LANES
    pages, kv_heads = keys.shape[1], keys.shape[2]
    flat_keys, flat_values = keys.reshape(keys.size), values.reshape(values.size)
    flat, base = scores.reshape(scores.size), page * LANES
    for h in range(heads):
        for t in range((last - page + 1) * LANES):
            scores[h, t] = _F(0)
    for p in range(page, last + 1):
        at = ((layer * pages + table[p]) * kv_heads + g) * block
        mix(q, q_at, width, heads, flat_keys, at, LANES, width, flat, p * LANES - base, room)
    for h in range(heads):
        _weights(scores[h, first - base : end - base], scale)
        for i in range(width):
            out[q_at + h * width + i] = _F(0)
    for p in range(page, last + 1):
        at = ((layer * pages + table[p]) * kv_heads + g) * block
        begin = max(first - p * LANES, 0)
        count = min(end - p * LANES, LANES) - begin
        place = p * LANES - base + begin
        at += begin * width
        for lane in range(0, width - LANES + 1, LANES):
            mix(flat, place, room, heads, flat_values, at + lane, width, count, out, q_at + lane, width)
        for lane in range(width // LANES * LANES, width):
            for h in range(heads):
                total = out[q_at + h * width + lane]
                for i in range(count):
                    total += flat[h * room + place + i] * flat_values[at + i * width + lane]
                out[q_at + h * width + lane] = total


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def _weights(scores_T, scale):  # pyright: ignore
    """Their softmax, in place. Numbers from 0 on: with any other beginning the loops would be no vectors."""
    highest = scores_T[0]
    for t in range(len(scores_T)):
        highest = scores_T[t] if scores_T[t] > highest else highest
    total = _F(0)
    for t in range(len(scores_T)):
        weight = exp((scores_T[t] - highest) * scale)
        scores_T[t] = weight
        total += weight
    factor = _F(1) / total
    for t in range(len(scores_T)):
        scores_T[t] *= factor
