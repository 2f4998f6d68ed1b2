"""All layers and the head of a decoder as one compiled function, for any number of rows.

Several threads may run it together: each calls it with its number, does its share of rows, tiles and heads, and meets
the others between two parts. A row's logits have the same bits alone and in any batch, on any number of threads.

Shapes: M rows, L layers, D width, H query heads, G heads of keys and values, K head width, I inner width, N pages of a
row's table, P pages, S tokens a page, W rows whose logits are wanted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from model.kernels.attention import attend
from model.kernels.operators import arrive, arrived, give_way, product
from model.kernels.packing import AT_NUMBERS, AT_TILES, STEPS, TILES, Floats
from model.kernels.rows import activate, add, embed, norm, quantise, rotate
from model.kernels.tile import LANES

SPINS = 2_000
"""Looks at whether the others have arrived before the core is given away: some microseconds."""
QKV, OUT, UP, DOWN = range(4)
"""A layer's matrices: queries, keys and values in one; the gate stands before `up`, where there is one."""
TOKENS, HEAD = range(2)
"""Those behind the last layer."""
NORM_1, SHIFT_1, NORM_2, SHIFT_2 = range(4)


class Shape(NamedTuple):
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    inner: int
    """Width of the MLP."""
    activation: int
    """Of model.kernels.functions."""
    gated: bool
    centred: bool
    """The norms are LayerNorm, not RMSNorm."""
    rotary: bool
    qk_norm: bool
    epsilon: np.float32
    attention_scale: np.float32
    residual_scale: np.float32
    embedding_scale: np.float32
    logit_scale: np.float32


class Weights(NamedTuple):
    tiles: NDArray[Any]
    numbers: Floats
    places: NDArray[np.int64]
    """(L + 1, 4, 4): of each layer's matrices, and behind them of TOKENS and HEAD, as `packing.Store` says."""
    norms: Floats
    """(L + 1, 4, D): NORM_1 and what follows; behind the layers the last norm, as NORM_1."""
    head_norms: Floats
    """(L, 2, K): of queries, of keys."""
    positions_TD: Floats
    """Learned positions; of no rows where there are none."""
    windows_L: NDArray[np.int64]
    """Tokens that a row sees, its own among them; 0: all."""


class Work(NamedTuple):
    """What a step writes: at least M rows."""

    x_MD: Floats
    normed_MD: Floats
    mixed_MA: Floats
    acted_MI: Floats
    made_MR: Floats
    """What a product gives, whose rows are its tiles'."""
    bytes_MC: NDArray[np.uint8]
    factor_M: Floats
    scores_PHT: Floats
    """Of each thread."""
    met: NDArray[np.int64]
    """How often a thread has met the others, all in all."""


class Call(NamedTuple):
    ids_M: NDArray[np.int64]
    positions_M: NDArray[np.int64]
    tables_MN: NDArray[np.int32]
    cos_MK: Floats
    sin_MK: Floats
    wanted_W: NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def _meet(met, parts):  # pyright: ignore
    """All have come this far."""
    if parts > 1:
        goal = (arrive(met) + parts - 1) // parts * parts
        spins = 0
        while arrived(met) < goal:
            spins += 1
            if spins > SPINS:
                give_way()


@njit(cache=True, nogil=True, error_model="numpy")
def _multiply(way, tiles, numbers, place, x, bytes_MC, factor_M, rows, out, part, parts):  # pyright: ignore
    """out = W x + bias of all rows, of this part's tiles."""
    count = place[TILES]
    first, last = count * part // parts, count * (part + 1) // parts
    product(way, tiles, place[AT_TILES], numbers, place[AT_NUMBERS], count, first, last, place[STEPS], x, x.shape[1],
            bytes_MC, bytes_MC.shape[1], factor_M, rows, out, out.shape[1])  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _turn(shape, norms_2K, made_R, cos_K, sin_K):  # pyright: ignore
    """Queries and keys of a row are normed and turned."""
    k = shape.head_width
    for h in range(shape.heads + shape.kv_heads):
        x_K = made_R[h * k : (h + 1) * k]
        if shape.qk_norm:
            which = 0 if h < shape.heads else 1
            norm(x_K, norms_2K[which], norms_2K[which], shape.epsilon, False, x_K)
        if shape.rotary:
            rotate(x_K, cos_K, sin_K)


@njit(cache=True, nogil=True, error_model="numpy")
def _keep(shape, made_R, layer, page, slot, keys, values):  # pyright: ignore
    """A row's keys and values are written to its page."""
    k = shape.head_width
    at = shape.heads * k
    for g in range(shape.kv_heads):
        for i in range(k):
            keys[layer, page, g, i, slot] = made_R[at + g * k + i]
            values[layer, page, g, slot, i] = made_R[at + (shape.kv_heads + g) * k + i]


@njit(cache=True, nogil=True, error_model="numpy")
def step(way, shape, weights, work, call, keys, values, logits_WV, part, parts):  # pyright: ignore
    """`keys` (L, P, G, K, S) and `values` (L, P, G, S, K): all pages. Thread `part` of `parts`."""
    tiles, numbers, places, norms, head_norms, positions_TD, windows_L = weights
    x_MD, normed_MD, mixed_MA, acted_MI, made_MR, bytes_MC, factor_M, scores_PHT, met = work
    ids_M, positions_M, tables_MN, cos_MK, sin_MK, wanted_W = call
    rows, group, narrow = len(ids_M), shape.heads // shape.kv_heads, way.offset >= 0
    mine, units = range(rows * part // parts, rows * (part + 1) // parts), rows * shape.kv_heads
    for m in mine:
        embed(tiles, numbers, places[shape.layers, TOKENS], ids_M[m], shape.embedding_scale, x_MD[m])
        if len(positions_TD):
            add(x_MD[m], positions_TD[positions_M[m]], np.float32(1))
    for layer in range(shape.layers + 1):
        last = layer == shape.layers
        if last:
            mine = range(len(wanted_W) * part // parts, len(wanted_W) * (part + 1) // parts)
            _meet(met, parts)
        for m in mine:
            row = wanted_W[m] if last else m
            norm(x_MD[row], norms[layer, NORM_1], norms[layer, SHIFT_1], shape.epsilon, shape.centred, normed_MD[m])
            if narrow:
                factor_M[m] = quantise(normed_MD[m], way.offset, bytes_MC[m])
        _meet(met, parts)
        if last:
            break
        _multiply(way, tiles, numbers, places[layer, QKV], normed_MD, bytes_MC, factor_M, rows, made_MR, part, parts)
        _meet(met, parts)
        for m in mine:
            _turn(shape, head_norms[layer], made_MR[m], cos_MK[m], sin_MK[m])
            page, slot = tables_MN[m, positions_M[m] // LANES], positions_M[m] % LANES
            _keep(shape, made_MR[m], layer, page, slot, keys, values)
        _meet(met, parts)
        for unit in range(units * part // parts, units * (part + 1) // parts):
            m, g, window = unit // shape.kv_heads, unit % shape.kv_heads, windows_L[layer]
            end = positions_M[m] + 1
            first = max(0, end - window) if window > 0 else 0
            attend(made_MR[m], g * group * shape.head_width, group, shape.head_width, shape.attention_scale, first, end,
                   tables_MN[m], keys, values, layer, g, scores_PHT[part], mixed_MA[m])  # fmt: skip
        _meet(met, parts)
        if narrow:
            for m in mine:
                factor_M[m] = quantise(mixed_MA[m], way.offset, bytes_MC[m])
            _meet(met, parts)
        _multiply(way, tiles, numbers, places[layer, OUT], mixed_MA, bytes_MC, factor_M, rows, made_MR, part, parts)
        _meet(met, parts)
        for m in mine:
            add(x_MD[m], made_MR[m], shape.residual_scale)
            norm(x_MD[m], norms[layer, NORM_2], norms[layer, SHIFT_2], shape.epsilon, shape.centred, normed_MD[m])
            if narrow:
                factor_M[m] = quantise(normed_MD[m], way.offset, bytes_MC[m])
        _meet(met, parts)
        _multiply(way, tiles, numbers, places[layer, UP], normed_MD, bytes_MC, factor_M, rows, made_MR, part, parts)
        _meet(met, parts)
        for m in mine:
            activate(made_MR[m], shape.activation, shape.gated, acted_MI[m])
            if narrow:
                factor_M[m] = quantise(acted_MI[m], way.offset, bytes_MC[m])
        _meet(met, parts)
        _multiply(way, tiles, numbers, places[layer, DOWN], acted_MI, bytes_MC, factor_M, rows, made_MR, part, parts)
        _meet(met, parts)
        for m in mine:
            add(x_MD[m], made_MR[m], shape.residual_scale)
    head = places[shape.layers, HEAD]
    _multiply(way, tiles, numbers, head, normed_MD, bytes_MC, factor_M, len(wanted_W), logits_WV, part, parts)
    _meet(met, parts)
    for m in mine:
        for v in range(logits_WV.shape[1]):
            logits_WV[m, v] *= shape.logit_scale
