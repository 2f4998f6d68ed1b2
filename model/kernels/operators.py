"""What compiled functions call: products, the mixing of attention, and a meeting of threads. Pointers are made here of
arrays, which are in C order; nothing checks that a number lies within one.
"""

from __future__ import annotations

import sys
from typing import Any

from llvmlite import ir
from numba import extending, types

from model.kernels.emit import F32, I8, I32, Builder, load, loop, offset, store, whole
from model.kernels.isa import Float32
from model.kernels.tile import LANES, Operands, float_sums
from model.kernels.tile import product as emit_product

intrinsic: Any = extending.intrinsic
"""As numba has it: what it makes is called with one argument less than it is written with."""
HEADS = 2
"""Whose sums fit the registers together."""
_PRODUCT = (
    "way", "tiles", "tiles_at", "numbers", "numbers_at", "count", "first", "last", "steps", "floats", "floats_step",
    "narrow", "narrow_step", "factor", "rows", "out", "out_step",
)  # fmt: skip
_ARRAYS = ("tiles", "numbers", "floats", "narrow", "factor", "out")


def pointer_of(context: Any, builder: Builder, kind: Any, value: Any) -> Any:
    """Of an array's first number."""
    return context.make_array(kind)(context, builder, value).data


# fmt: off
@intrinsic
def product(_, way, tiles, tiles_at, numbers, numbers_at, count, first, last, steps,  # pyright: ignore
            floats, floats_step, narrow, narrow_step, factor, rows, out, out_step):  # pyright: ignore
    # fmt: on
    """`model.kernels.tile.product` of a matrix of `count` tiles: `tiles` and `numbers` are those of all matrices, of
    which it begins at these places. The activations are the floats or the bytes (narrow), as the way takes them."""

    def code(context: Any, builder: Builder, signature: Any, values: Any) -> Any:
        kinds: dict[str, Any] = dict(zip(_PRODUCT, signature.args, strict=True))
        given: dict[str, Any] = dict(zip(_PRODUCT, values, strict=True))
        given |= {name: pointer_of(context, builder, kinds[name], given[name]) for name in _ARRAYS}
        kind = kinds["way"].instance_class
        x, x_step = ("floats", "floats_step") if kind is Float32 else ("narrow", "narrow_step")
        lanes = builder.mul(given["count"], whole(LANES))
        numbers = offset(builder, given["numbers"], given["numbers_at"], F32)
        start = offset(builder, numbers, lanes, F32)
        operands = Operands(
            tiles=offset(builder, given["tiles"], given["tiles_at"], F32 if kind is Float32 else I8), scale=numbers,
            start=start, bias=offset(builder, start, lanes, F32), x=given[x], x_step=given[x_step],
            **{name: given[name] for name in ("first", "last", "steps", "factor", "rows", "out", "out_step")},
        )  # fmt: skip
        emit_product(builder, kind, operands)
        return context.get_dummy_value()

    n = types.int64
    return types.void(way, tiles, n, numbers, n, n, n, n, n, floats, n, narrow, n, factor, n, out, n), code


@intrinsic
def mix(_, a, a_at, a_step, heads, b, b_at, b_step, count, out, out_at, out_step):  # pyright: ignore
    """out[h, l] += a[h, i] b[i, l], for `heads` h, `count` i and LANES l; each array from its number on, rows a step
    apart. Float32."""

    def code(context: Any, builder: Builder, signature: Any, values: Any) -> Any:
        a, a_at, a_step, heads, b, b_at, b_step, count, out, out_at, out_step = values
        a, b, out = (
            offset(builder, pointer_of(context, builder, signature.args[n], pointer), at, F32)
            for n, pointer, at in ((0, a, a_at), (4, b, b_at), (8, out, out_at))
        )
        full = ir.VectorType(F32, LANES)

        def some(first: Any, number: int) -> None:
            rows = [builder.add(first, whole(n)) for n in range(number)]
            places = [offset(builder, out, builder.mul(row, out_step), F32) for row in rows]
            xs = [offset(builder, a, builder.mul(row, a_step), F32) for row in rows]
            made = float_sums(builder, b, count, xs, [load(builder, place, full) for place in places], b_step)
            for place, value in zip(places, made, strict=True):
                store(builder, value, place)

        def several(block: Any, _: list[Any]) -> list[Any]:
            some(builder.mul(block, whole(HEADS)), HEADS)
            return []

        def single(head: Any, _: list[Any]) -> list[Any]:
            some(builder.add(done, head), 1)
            return []

        blocks = builder.sdiv(heads, whole(HEADS))
        done = builder.mul(blocks, whole(HEADS))
        loop(builder, blocks, [], several)
        loop(builder, builder.sub(heads, done), [], single)
        return context.get_dummy_value()

    n = types.int64
    return types.void(a, n, n, n, b, n, n, n, out, n, n), code


@intrinsic
def arrive(_, met):  # pyright: ignore
    """One more has arrived; returns how many that makes. `met`: one int64, which only grows."""

    def code(context: Any, builder: Builder, signature: Any, values: Any) -> Any:
        pointer = pointer_of(context, builder, signature.args[0], values[0])
        return builder.add(builder.atomic_rmw("add", pointer, whole(1), "acq_rel"), whole(1))

    return types.int64(met), code


@intrinsic
def arrived(_, met):  # pyright: ignore
    """How many have."""

    def code(context: Any, builder: Builder, signature: Any, values: Any) -> Any:
        return builder.load_atomic(pointer_of(context, builder, signature.args[0], values[0]), "acquire", 8)

    return types.int64(met), code


@intrinsic
def give_way(_):  # pyright: ignore
    """Another thread may have the core."""

    def code(context: Any, builder: Builder, signature: Any, values: Any) -> Any:
        if sys.platform != "win32":
            kind, name = ir.FunctionType(I32, []), "sched_yield"
            builder.call(builder.module.globals.get(name) or ir.Function(builder.module, kind, name), [])
        return context.get_dummy_value()

    return types.void(), code


@intrinsic
def float_of_bits(_, bits):  # pyright: ignore
    """float32 of an int32's bits."""

    def code(context: Any, builder: Builder, signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], F32)

    return types.float32(types.int32), code
