"""A matrix times rows of activations, as LLVM's instructions.

A matrix stands in tiles of LANES rows, a tile's rows side by side: sums stay in registers, nothing is added across one,
and memory is read from one end to the other. Of bytes in fours: tile[i, r, j] is number 4 i + j of row r; of float32:
tile[i, r] is number i of row r. A tile that was read is multiplied by all rows before the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from model.kernels.emit import F32, I1, I8, I16, I32, Builder, call, load, loop, offset, prefetch, splat, store, whole
from model.kernels.isa import Avx2, Avx512Vnni, Float32, Plain

LANES = 32
"""Rows of a tile."""
BYTES = 4
"""Columns of a tile of bytes that stand together."""
LINE, AHEAD = 64, 1024
"""Bytes of a line of the cache, and how far ahead of a single row's product memory is asked for: 9.3 GB/s, where it is
8.9 without and 8.5 at 2,048 (68 MB of weights, one thread, AVX2)."""


@dataclass(frozen=True)
class Operands:
    """Pointers and whole numbers, as LLVM's values."""

    tiles: Any
    """Of the first of them."""
    scale: Any
    """Of each row of the matrix, float32."""
    start: Any
    """What each row's sum begins with, int32."""
    bias: Any
    first: Any
    """Tile."""
    last: Any
    """Behind the last tile."""
    steps: Any
    """Of a tile: fours of bytes, or columns of float32."""
    x: Any
    """Rows of bytes, or of float32."""
    x_step: Any
    """Numbers from one row of activations to the next."""
    factor: Any
    """Scale of each row of activations, float32."""
    rows: Any
    """Of activations."""
    out: Any
    """float32: the products, a row for each row of activations."""
    out_step: Any


def product(builder: Builder, way: type[Any], o: Operands) -> None:
    """out = (x W^T + start) * factor * scale + bias, for all rows and the tiles from `first` up to `last`."""
    most = most_rows(way)
    blocks = builder.sdiv(o.rows, whole(most))
    done = builder.mul(blocks, whole(most))

    def of_tile(t: Any, _: list[Any]) -> list[Any]:
        t = builder.add(o.first, t)

        def several(block: Any, _: list[Any]) -> list[Any]:
            _finished(builder, way, o, t, builder.mul(block, whole(most)), most)
            return []

        def single(row: Any, _: list[Any]) -> list[Any]:
            _finished(builder, way, o, t, builder.add(done, row), 1)
            return []

        loop(builder, blocks, [], several)
        if most > 1:
            loop(builder, builder.sub(o.rows, done), [], single)
        return []

    loop(builder, builder.sub(o.last, o.first), [], of_tile)


def most_rows(way: type[Any]) -> int:
    """Rows of activations whose sums fit the registers."""
    return {Avx512Vnni: 4, Plain: 1, Float32: 3}.get(way, 2)


def _finished(builder: Builder, way: type[Any], o: Operands, t: Any, row: Any, rows: int) -> None:
    """The products of one tile by `rows` rows from number `row` on."""
    element = F32 if way is Float32 else I8
    size = whole(LANES if way is Float32 else LANES * BYTES)
    tile = offset(builder, o.tiles, builder.mul(t, builder.mul(o.steps, size)), element)
    numbers = [builder.add(row, whole(n)) for n in range(rows)]
    xs = [offset(builder, o.x, builder.mul(n, o.x_step), element) for n in numbers]
    lanes = builder.mul(t, whole(LANES))
    full, wide = ir.VectorType(F32, LANES), ir.VectorType(I32, LANES)
    bias = load(builder, offset(builder, o.bias, lanes, F32), full)
    scale = load(builder, offset(builder, o.scale, lanes, F32), full)
    if way is Float32:
        sums = float_sums(builder, tile, o.steps, xs, [ir.Constant(full, None)] * rows)
        made = [builder.fmul(total, scale) for total in sums]
    else:
        start = load(builder, offset(builder, o.start, lanes, I32), wide)
        factors = [splat(builder, load(builder, offset(builder, o.factor, n, F32), F32), LANES) for n in numbers]
        sums = byte_sums(builder, way, tile, o.steps, xs)
        made = [
            builder.fmul(builder.sitofp(builder.add(total, start), full), builder.fmul(scale, factor))
            for total, factor in zip(sums, factors, strict=True)
        ]
    for n, values in zip(numbers, made, strict=True):
        place = builder.add(builder.mul(n, o.out_step), lanes)
        store(builder, builder.fadd(values, bias), offset(builder, o.out, place, F32))


def float_sums(builder: Builder, tile: Any, steps: Any, xs: list[Any], first: list[Any], step: Any = None) -> list[Any]:
    """first + x times `steps` rows of LANES float32, `step` numbers apart (LANES), of each x."""
    step = whole(LANES) if step is None else step

    def body(i: Any, sums: list[Any]) -> list[Any]:
        w = load(builder, offset(builder, tile, builder.mul(i, step), F32), sums[0].type)
        every = [splat(builder, load(builder, offset(builder, x, i, F32), F32), LANES) for x in xs]
        name = f"llvm.fmuladd.v{LANES}f32"
        return [call(builder, name, w.type, [x, w, total]) for x, total in zip(every, sums, strict=True)]

    return loop(builder, steps, first, body)


def byte_sums(builder: Builder, way: type[Any], tile: Any, steps: Any, xs: list[Any]) -> list[Any]:
    """Integer sums of each x, LANES of them. A single x has two chains of sums, since one would wait for itself:
    `steps` is even."""
    size, add = (64 if way is Avx512Vnni else 32), _ADD.get(way, _vnni)
    parts, chains = LANES * BYTES // size, 2 if len(xs) == 1 else 1
    vector, zero = ir.VectorType(I8, size), ir.Constant(ir.VectorType(I32, size // BYTES), None)

    def one(i: Any, sums: list[Any]) -> list[Any]:
        at = offset(builder, tile, builder.mul(i, whole(LANES * BYTES)), I8)
        w = [load(builder, offset(builder, at, whole(part * size), I8), vector) for part in range(parts)]
        if len(xs) == 1:
            for line in range(0, LANES * BYTES, LINE):
                prefetch(builder, offset(builder, at, whole(AHEAD + line), I8))
        fours = [load(builder, offset(builder, x, i, I32), I32) for x in xs]
        every = [builder.bitcast(splat(builder, four, size // BYTES), vector) for four in fours]
        return [add(builder, sums[n * parts + p], w[p], x) for n, x in enumerate(every) for p in range(parts)]

    def body(i: Any, sums: list[Any]) -> list[Any]:
        if chains == 1:
            return one(i, sums)
        even = builder.mul(i, whole(2))
        return one(even, sums[:parts]) + one(builder.add(even, whole(1)), sums[parts:])

    last = loop(builder, builder.sdiv(steps, whole(chains)), [zero] * (chains * len(xs) * parts), body)
    if chains == 2:
        last = [builder.add(last[p], last[parts + p]) for p in range(parts)]
    return [_joined(builder, last[n * parts : (n + 1) * parts]) for n in range(len(xs))]


def _joined(builder: Builder, parts: list[Any]) -> Any:
    while len(parts) > 1:
        size = 2 * parts[0].type.count
        order = ir.Constant(ir.VectorType(I32, size), list(range(size)))
        parts = [builder.shuffle_vector(a, b, order) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _avx2(builder: Builder, sums: Any, w: Any, x: Any) -> Any:
    size = call(builder, f"llvm.abs.v{w.type.count}i8", w.type, [x, ir.Constant(I1, 0)])
    signed = call(builder, "llvm.x86.avx2.psign.b", w.type, [w, x])
    pairs = call(builder, "llvm.x86.avx2.pmadd.ub.sw", ir.VectorType(I16, 16), [size, signed])
    ones = ir.Constant(ir.VectorType(I16, 16), [1] * 16)
    return builder.add(sums, call(builder, "llvm.x86.avx2.pmadd.wd", sums.type, [pairs, ones]))


def _vnni(builder: Builder, sums: Any, w: Any, x: Any) -> Any:
    return call(builder, f"llvm.x86.avx512.vpdpbusd.{w.type.count * 8}", sums.type, [sums, x, w])


def _plain(builder: Builder, sums: Any, w: Any, x: Any) -> Any:
    """Two products fit 16 bits, as in pmaddubsw."""
    half = ir.VectorType(I16, w.type.count)
    products = builder.mul(builder.sext(w, half), builder.sext(x, half))
    nothing = ir.Constant(half, ir.Undefined)
    for j in range(BYTES):
        order = ir.Constant(ir.VectorType(I32, sums.type.count), list(range(j, w.type.count, BYTES)))
        sums = builder.add(sums, builder.sext(builder.shuffle_vector(products, nothing, order), sums.type))
    return sums


_ADD: dict[type[Any], Callable[[Builder, Any, Any, Any], Any]] = {Avx2: _avx2, Plain: _plain}
