"""Low-rank parts beside a step's matrices: y += B (s A x), in float32, of numbers of two bytes or of four.

Numbers stand in blocks of LANES. Those of two bytes (bfloat16) are pairs of number j and number 16 + j of the block, so
that a shift and a mask of a register's words make floats of them.

Shapes: M rows of activations, I inputs, R rows of the A's of one product, one below the other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from model.compiling import njit
from model.kernels.emit import F32, I16, I32, Builder, call, load, loop, offset, splat, store, whole
from model.kernels.operators import float_of_bits, intrinsic, pointer_of
from model.kernels.packing import Floats
from model.kernels.tile import LANES

HALF = LANES // 2
PAIR = 2
"""Rows of A that are multiplied together: R is a multiple of it."""
RANKS, AT_A, AT_SCALES, PIECE, PIECES = range(5)
"""Of a product's place: R, 0 where nothing stands beside it; where A begins in the numbers, and its scales; its pieces
from one number up to another."""
FIRST, LAST, AT_B, AT_Z, STEPS = range(5)
"""Of a piece of B, the tiles from one up to another: where its numbers begin, and the numbers of z that it takes."""


class LowRank(NamedTuple):
    """The parts of all layers: A by rows, each padded with 0 to whole blocks; B by tiles of LANES rows, a block for
    each of the piece's steps."""

    numbers: NDArray[Any]
    """uint16, which are bfloat16's bits, or float32."""
    scales: Floats
    """What each row of A x is multiplied by."""
    places: NDArray[np.int64]
    """(L + 1, 4, 5): of each product of `step`; behind the layers nothing."""
    pieces: NDArray[np.int64]
    """(N, 5)."""


def _block(builder: Builder, numbers: Any, i: Any, kind: Any) -> list[Any]:
    """Both halves of the numbers of block i."""
    wide, words = ir.VectorType(F32, HALF), ir.VectorType(I32, HALF)
    pointer = offset(builder, numbers, builder.mul(i, whole(LANES)), kind)
    if kind is F32:
        return [load(builder, offset(builder, pointer, whole(n * HALF), F32), wide) for n in range(2)]
    pairs = load(builder, pointer, words)
    lower = builder.shl(pairs, ir.Constant(words, [16] * HALF))
    upper = builder.and_(pairs, ir.Constant(words, [0xFFFF0000] * HALF))
    return [builder.bitcast(lower, wide), builder.bitcast(upper, wide)]


def _place(context: Any, builder: Builder, signature: Any, values: Any, n: int) -> Any:
    """The pointer to a number of an array, which are argument n and the next one."""
    array = signature.args[n]
    pointer = pointer_of(context, builder, array, values[n])
    return offset(builder, pointer, values[n + 1], _kind(array))


def _kind(array: Any) -> Any:
    """LLVM's type of its numbers."""
    return F32 if array.dtype is types.float32 else I16


def _add(builder: Builder, total: Any, a: Any, b: Any) -> Any:
    """total + a b."""
    return call(builder, f"llvm.fmuladd.v{HALF}f32", total.type, [a, b, total])


def _total(builder: Builder, vector: Any) -> Any:
    """The sum of its numbers, always in the same order."""
    while (count := vector.type.count) > 1:
        kind = ir.VectorType(I32, count // 2)
        halves = [ir.Constant(kind, list(range(n, n + count // 2))) for n in (0, count // 2)]
        lower, upper = (builder.shuffle_vector(vector, vector, half) for half in halves)
        vector = builder.fadd(lower, upper)
    return builder.extract_element(vector, ir.Constant(I32, 0))


@intrinsic
def dots(_, numbers, at, stride, blocks, x, x_at, out, out_at):  # pyright: ignore
    """out[k] = A[k] x, of the PAIR rows of A that begin at this number, `stride` numbers apart, over whole blocks."""

    def code(context: Any, builder: Builder, signature: Any, values: Any) -> Any:
        numbers, x, out = (_place(context, builder, signature, values, n) for n in (0, 4, 6))
        stride, blocks, kind, wide = values[2], values[3], _kind(signature.args[0]), ir.VectorType(F32, HALF)
        rows = [offset(builder, numbers, builder.mul(stride, whole(k)), kind) for k in range(PAIR)]

        def body(i: Any, sums: list[Any]) -> list[Any]:
            xs = _block(builder, x, i, F32)
            halves = [half for row in rows for half in _block(builder, row, i, kind)]
            return [_add(builder, total, a, xs[n % 2]) for n, (total, a) in enumerate(zip(sums, halves, strict=True))]

        sums = loop(builder, blocks, [ir.Constant(wide, None)] * (2 * PAIR), body)
        for k in range(PAIR):
            total = _total(builder, builder.fadd(sums[2 * k], sums[2 * k + 1]))
            store(builder, total, offset(builder, out, whole(k), F32))
        return context.get_dummy_value()

    n = types.int64
    return types.void(numbers, n, n, n, x, n, out, n), code


@intrinsic
def mixture(_, numbers, at, tiles, steps, z, z_at, z_step, rows, out, out_at, out_step):  # pyright: ignore
    """out += B z of these tiles and of all rows: `numbers`, `z` and `out` from these places on."""

    def code(context: Any, builder: Builder, signature: Any, values: Any) -> Any:
        numbers, z, out = (_place(context, builder, signature, values, n) for n in (0, 4, 8))
        tiles, steps, z_step, rows, out_step = (values[n] for n in (2, 3, 6, 7, 10))
        wide, kind = ir.VectorType(F32, HALF), _kind(signature.args[0])

        def of_tile(t: Any, _: list[Any]) -> list[Any]:
            first = builder.mul(t, steps)

            def of_row(row: Any, _: list[Any]) -> list[Any]:
                mine = offset(builder, z, builder.mul(row, z_step), F32)

                def body(i: Any, sums: list[Any]) -> list[Any]:
                    factor = splat(builder, load(builder, offset(builder, mine, i, F32), F32), HALF)
                    halves = _block(builder, numbers, builder.add(first, i), kind)
                    return [_add(builder, total, b, factor) for total, b in zip(sums, halves, strict=True)]

                sums = loop(builder, steps, [ir.Constant(wide, None)] * 2, body)
                place = builder.add(builder.mul(row, out_step), builder.mul(t, whole(LANES)))
                for n, total in enumerate(sums):
                    half = offset(builder, out, builder.add(place, whole(n * HALF)), F32)
                    store(builder, builder.fadd(load(builder, half, wide), total), half)
                return []

            loop(builder, rows, [], of_row)
            return []

        loop(builder, tiles, [], of_tile)
        return context.get_dummy_value()

    n = types.int64
    return types.void(numbers, n, n, n, z, n, n, n, out, n, n), code


@njit(cache=True, nogil=True, error_model="numpy")
def number(numbers, at, i):  # pyright: ignore
    """Number i of the blocks that begin at this number."""
    if numbers.itemsize == 4:
        return np.float32(numbers[at + i])
    block, lane = i // LANES, i % LANES
    bits = np.uint32(numbers[at + block * LANES + lane % HALF * 2 + lane // HALF])
    return float_of_bits(np.int32(bits << np.uint32(16)))


@njit(cache=True, nogil=True, error_model="numpy")
def narrow(low, place, x_MI, rows, z_MR, part, parts):  # pyright: ignore
    """z = s A x of all rows, of this part's pairs of rows of A."""
    numbers, scales, inputs, pairs = low.numbers, low.scales, x_MI.shape[1], place[RANKS] // PAIR
    blocks, stride = inputs // LANES, -(-inputs // LANES) * LANES
    flat_x, flat_z = x_MI.reshape(x_MI.size), z_MR.reshape(z_MR.size)
    for unit in range(rows * pairs * part // parts, rows * pairs * (part + 1) // parts):
        m, first = unit // pairs, unit % pairs * PAIR
        at, z_at = place[AT_A] + first * stride, m * z_MR.shape[1] + first
        dots(numbers, at, stride, blocks, flat_x, m * inputs, flat_z, z_at)
        for k in range(PAIR):
            for i in range(blocks * LANES, inputs):
                flat_z[z_at + k] += number(numbers, at + k * stride, i) * x_MI[m, i]
            flat_z[z_at + k] *= scales[place[AT_SCALES] + first + k]


@njit(cache=True, nogil=True, error_model="numpy")
def widen(low, place, z_MR, rows, out_MO, first, last):  # pyright: ignore
    """out += B z of all rows, of the tiles from `first` up to `last`."""
    flat_z, flat = z_MR.reshape(z_MR.size), out_MO.reshape(out_MO.size)
    for n in range(place[PIECE], place[PIECES]):
        piece = low.pieces[n]
        begin, end, steps = max(first, piece[FIRST]), min(last, piece[LAST]), piece[STEPS]
        at = piece[AT_B] + (begin - piece[FIRST]) * steps * LANES
        mixture(low.numbers, at, max(0, end - begin), steps, flat_z, piece[AT_Z], z_MR.shape[1], rows, flat,
                begin * LANES, out_MO.shape[1])  # fmt: skip
