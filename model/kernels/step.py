"""All layers and the head of a decoder as one compiled function, for any number of rows.

Several threads may run it together: each calls it with its number, does its share of rows, tiles and heads, and meets
the others between two parts. A row's logits have the same bits alone and in any batch, on any number of threads.

Shapes: M rows, L layers, D width, H query heads, G heads of keys and values, K head width, I inner width, N pages of a
row's table, P pages, S tokens a page, W rows whose logits are wanted.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit
from model.kernels.adapters.low_rank import RANKS, narrow, widen
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
    low_MR: Floats
    """What A gives of a low-rank part."""
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


@njit(cache=True, inline="always")
def _multiply(way, weights, low, work, layer, which, x, rows, out, part, parts):  # pyright: ignore
    """out = W x + bias of all rows, and what stands beside W: of this part's tiles."""
    place, beside, bytes_MC = weights.places[layer, which], low.places[layer, which], work.bytes_MC
    count = place[TILES]
    first, last = count * part // parts, count * (part + 1) // parts
    if beside[RANKS]:
        narrow(low, beside, x, rows, work.low_MR, part, parts)
    product(way, weights.tiles, place[AT_TILES], weights.numbers, place[AT_NUMBERS], count, first, last, place[STEPS],
            x, x.shape[1], bytes_MC, bytes_MC.shape[1], work.factor_M, rows, out, out.shape[1])  # fmt: skip
    if beside[RANKS]:
        _meet(work.met, parts)
        widen(low, beside, work.low_MR, rows, out, first, last)


@njit(cache=True, inline="always")
def _share(rows, part, parts):  # pyright: ignore
    """The rows of a thread."""
    return range(rows * part // parts, rows * (part + 1) // parts)


@njit(cache=True, inline="always")
def _norm(way, shape, weights, work, layer, which, row, m):  # pyright: ignore
    """Row `row` of the stream is normed into row m, in bytes where the way takes them."""
    x_D, out_D = work.x_MD[row], work.normed_MD[m]
    norm(x_D, weights.norms[layer, which], weights.norms[layer, which + 1], shape.epsilon, shape.centred, out_D)
    if way.offset >= 0:
        work.factor_M[m] = quantise(out_D, way.offset, work.bytes_MC[m])


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
def step(way, shape, weights, low, work, call, keys, values, logits_WV, part, parts):  # pyright: ignore
    """`keys` (L, P, G, K, S) and `values` (L, P, G, S, K): all pages. Thread `part` of `parts`."""
    x_MD = work.x_MD
    for m in _share(len(call.ids_M), part, parts):
        table = weights.places[shape.layers, TOKENS]
        embed(weights.tiles, weights.numbers, table, call.ids_M[m], shape.embedding_scale, x_MD[m])
        if len(weights.positions_TD):
            add(x_MD[m], weights.positions_TD[call.positions_M[m]], np.float32(1))
    for layer in range(shape.layers):
        _attention(way, shape, weights, low, work, call, keys, values, layer, part, parts)
        _mlp(way, shape, weights, low, work, len(call.ids_M), layer, part, parts)
    _head(way, shape, weights, low, work, call.wanted_W, logits_WV, part, parts)


@njit(cache=True, inline="always")
def _attention(way, shape, weights, low, work, call, keys, values, layer, part, parts):  # pyright: ignore
    """x += out(attention(norm(x)))."""
    made_MR, mixed_MA, met, rows = work.made_MR, work.mixed_MA, work.met, len(call.ids_M)
    mine = _share(rows, part, parts)
    for m in mine:
        _norm(way, shape, weights, work, layer, NORM_1, m, m)
    _meet(met, parts)
    _multiply(way, weights, low, work, layer, QKV, work.normed_MD, rows, made_MR, part, parts)
    _meet(met, parts)
    for m in mine:
        _turn(shape, weights.head_norms[layer], made_MR[m], call.cos_MK[m], call.sin_MK[m])
        page, slot = call.tables_MN[m, call.positions_M[m] // LANES], call.positions_M[m] % LANES
        _keep(shape, made_MR[m], layer, page, slot, keys, values)
    _meet(met, parts)
    _mix(shape, weights.windows_L[layer], work, call, keys, values, layer, part, parts)
    _meet(met, parts)
    if way.offset >= 0:
        for m in mine:
            work.factor_M[m] = quantise(mixed_MA[m], way.offset, work.bytes_MC[m])
        _meet(met, parts)
    _multiply(way, weights, low, work, layer, OUT, mixed_MA, rows, made_MR, part, parts)
    _meet(met, parts)
    for m in mine:
        add(work.x_MD[m], made_MR[m], shape.residual_scale)


@njit(cache=True, inline="always")
def _mix(shape, window, work, call, keys, values, layer, part, parts):  # pyright: ignore
    """A unit is a row and a head of keys, with the heads that share it."""
    k, group = shape.head_width, shape.heads // shape.kv_heads
    for unit in _share(len(call.ids_M) * shape.kv_heads, part, parts):
        m, g = unit // shape.kv_heads, unit % shape.kv_heads
        end = call.positions_M[m] + 1
        first = max(0, end - window) if window > 0 else 0
        attend(work.made_MR[m], g * group * k, group, k, shape.attention_scale, first, end, call.tables_MN[m], keys,
               values, layer, g, work.scores_PHT[part], work.mixed_MA[m])  # fmt: skip


@njit(cache=True, inline="always")
def _mlp(way, shape, weights, low, work, rows, layer, part, parts):  # pyright: ignore
    """x += down(act(up(norm(x))))."""
    made_MR, acted_MI, met = work.made_MR, work.acted_MI, work.met
    mine = _share(rows, part, parts)
    for m in mine:
        _norm(way, shape, weights, work, layer, NORM_2, m, m)
    _meet(met, parts)
    _multiply(way, weights, low, work, layer, UP, work.normed_MD, rows, made_MR, part, parts)
    _meet(met, parts)
    for m in mine:
        activate(made_MR[m], shape.activation, shape.gated, acted_MI[m])
        if way.offset >= 0:
            work.factor_M[m] = quantise(acted_MI[m], way.offset, work.bytes_MC[m])
    _meet(met, parts)
    _multiply(way, weights, low, work, layer, DOWN, acted_MI, rows, made_MR, part, parts)
    _meet(met, parts)
    for m in mine:
        add(work.x_MD[m], made_MR[m], shape.residual_scale)


@njit(cache=True, inline="always")
def _head(way, shape, weights, low, work, wanted_W, logits_WV, part, parts):  # pyright: ignore
    """Logits of the rows that are wanted."""
    mine, rows = _share(len(wanted_W), part, parts), len(wanted_W)
    _meet(work.met, parts)
    for m in mine:
        _norm(way, shape, weights, work, shape.layers, NORM_1, wanted_W[m], m)
    _meet(work.met, parts)
    _multiply(way, weights, low, work, shape.layers, HEAD, work.normed_MD, rows, logits_WV, part, parts)
    _meet(work.met, parts)
    for m in mine:
        for v in range(logits_WV.shape[1]):
            logits_WV[m, v] *= shape.logit_scale
