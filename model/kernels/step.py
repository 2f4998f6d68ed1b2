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
from model.kernels.packing import Floats, Matrix
from model.kernels.rows import activate, add, embed, norm, quantise, rotate

SPINS = 2_000
"""Looks at whether the others have arrived before the core is given away: some microseconds."""


class Shape(NamedTuple):
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
    tokens: Matrix
    positions_TD: Floats
    """Learned positions; of no rows where there are none."""
    norm_1_LD: Floats
    shift_1_LD: Floats
    qkv: Matrix
    """Queries, keys, values."""
    q_norm_LK: Floats
    k_norm_LK: Floats
    out: Matrix
    norm_2_LD: Floats
    shift_2_LD: Floats
    up: Matrix
    """The gate before it, where there is one."""
    down: Matrix
    norm_D: Floats
    shift_D: Floats
    head: Matrix
    windows_L: NDArray[np.int64]
    """Tokens that a row sees, its own among them; 0: all."""


class Work(NamedTuple):
    """What a step writes, of at least M rows; each but the first has room for whole tiles."""

    x_MD: Floats
    normed_MD: Floats
    qkv_MR: Floats
    mixed_MA: Floats
    added_MD: Floats
    inner_MI: Floats
    acted_MI: Floats
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
def _multiply(way, m, layer, x, work, rows, out, part, parts):  # pyright: ignore
    """out = W x + bias of all rows, of this part's tiles."""
    tiles = m.tiles[layer]
    count, steps = tiles.shape[0], tiles.shape[1]
    first, last = count * part // parts, count * (part + 1) // parts
    sizes = x.shape[1], work.bytes_MC.shape[1], out.shape[1]
    product(way, tiles, m.scale[layer], m.start[layer], m.bias[layer], first, last, steps, x, sizes[0], work.bytes_MC,
            sizes[1], work.factor_M, rows, out, sizes[2])  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _heads(shape, weights, work, call, layer, keys, values, m):  # pyright: ignore
    """Queries and keys of a row are normed and turned; its keys and values are written to its page."""
    k, q_end = shape.head_width, shape.heads * shape.head_width
    qkv_R = work.qkv_MR[m]
    for h in range(shape.heads + shape.kv_heads):
        x_K = qkv_R[h * k : (h + 1) * k]
        if shape.qk_norm:
            weight_K = weights.q_norm_LK[layer] if h < shape.heads else weights.k_norm_LK[layer]
            norm(x_K, weight_K, np.zeros_like(weight_K), shape.epsilon, False, x_K)
        if shape.rotary:
            rotate(x_K, call.cos_MK[m], call.sin_MK[m])
    position = call.positions_M[m]
    page, slot = call.tables_MN[m, position // 32], position % 32
    for g in range(shape.kv_heads):
        for i in range(k):
            keys[layer, page, g, i, slot] = qkv_R[q_end + g * k + i]
            values[layer, page, g, slot, i] = qkv_R[q_end + (shape.kv_heads + g) * k + i]


@njit(cache=True, nogil=True, error_model="numpy")
def _mixed(shape, weights, work, call, layer, keys, values, unit, part):  # pyright: ignore
    """Attention of one row and one head of keys."""
    m, g, group = unit // shape.kv_heads, unit % shape.kv_heads, shape.heads // shape.kv_heads
    end, window = call.positions_M[m] + 1, weights.windows_L[layer]
    first = max(0, end - window) if window > 0 else 0
    attend(work.qkv_MR[m], g * group * shape.head_width, group, shape.head_width, shape.attention_scale, first, end,
           call.tables_MN[m], keys, values, layer, g, work.scores_PHT[part], work.mixed_MA[m])  # fmt: skip


@njit(cache=True, nogil=True, error_model="numpy")
def _normed(way, shape, x_D, weight_D, shift_D, work, n):  # pyright: ignore
    """Into row n of what is multiplied next."""
    norm(x_D, weight_D, shift_D, shape.epsilon, shape.centred, work.normed_MD[n])
    _bytes(way, work.normed_MD[n], work, n)


@njit(cache=True, nogil=True, error_model="numpy")
def _bytes(way, x_C, work, n):  # pyright: ignore
    if way.offset >= 0:
        work.factor_M[n] = quantise(x_C, way.offset, work.bytes_MC[n])


@njit(cache=True, nogil=True, error_model="numpy")
def step(way, shape, weights, work, call, keys, values, logits_WV, part, parts):  # pyright: ignore
    """`keys` (L, P, G, K, S) and `values` (L, P, G, S, K): all pages. Thread `part` of `parts`."""
    rows, met = call.ids_M.shape[0], work.met
    mine = range(rows * part // parts, rows * (part + 1) // parts)
    units = rows * shape.kv_heads
    for m in mine:
        embed(weights.tokens.tiles, weights.tokens.scale, call.ids_M[m], shape.embedding_scale, work.x_MD[m])
        if weights.positions_TD.shape[0]:
            add(work.x_MD[m], weights.positions_TD[call.positions_M[m]], np.float32(1))
    for layer in range(weights.norm_1_LD.shape[0]):
        for m in mine:
            _normed(way, shape, work.x_MD[m], weights.norm_1_LD[layer], weights.shift_1_LD[layer], work, m)
        _meet(met, parts)
        _multiply(way, weights.qkv, layer, work.normed_MD, work, rows, work.qkv_MR, part, parts)
        _meet(met, parts)
        for m in mine:
            _heads(shape, weights, work, call, layer, keys, values, m)
        _meet(met, parts)
        for unit in range(units * part // parts, units * (part + 1) // parts):
            _mixed(shape, weights, work, call, layer, keys, values, unit, part)
        _meet(met, parts)
        for m in mine:
            _bytes(way, work.mixed_MA[m], work, m)
        _meet(met, parts)
        _multiply(way, weights.out, layer, work.mixed_MA, work, rows, work.added_MD, part, parts)
        _meet(met, parts)
        for m in mine:
            add(work.x_MD[m], work.added_MD[m], shape.residual_scale)
            _normed(way, shape, work.x_MD[m], weights.norm_2_LD[layer], weights.shift_2_LD[layer], work, m)
        _meet(met, parts)
        _multiply(way, weights.up, layer, work.normed_MD, work, rows, work.inner_MI, part, parts)
        _meet(met, parts)
        for m in mine:
            activate(work.inner_MI[m], shape.activation, shape.gated, work.acted_MI[m])
            _bytes(way, work.acted_MI[m], work, m)
        _meet(met, parts)
        _multiply(way, weights.down, layer, work.acted_MI, work, rows, work.added_MD, part, parts)
        _meet(met, parts)
        for m in mine:
            add(work.x_MD[m], work.added_MD[m], shape.residual_scale)
    _meet(met, parts)
    _head(way, shape, weights, work, call, logits_WV, part, parts)


@njit(cache=True, nogil=True, error_model="numpy")
def _head(way, shape, weights, work, call, logits_WV, part, parts):  # pyright: ignore
    wanted = call.wanted_W.shape[0]
    for n in range(wanted * part // parts, wanted * (part + 1) // parts):
        _normed(way, shape, work.x_MD[call.wanted_W[n]], weights.norm_D, weights.shift_D, work, n)
    _meet(work.met, parts)
    _multiply(way, weights.head, 0, work.normed_MD, work, wanted, logits_WV, part, parts)
    _meet(work.met, parts)
    if shape.logit_scale != np.float32(1):
        for n in range(wanted * part // parts, wanted * (part + 1) // parts):
            for v in range(logits_WV.shape[1]):
                logits_WV[n, v] *= shape.logit_scale
        _meet(work.met, parts)
