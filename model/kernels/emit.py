"""Pieces of LLVM's instructions, of which the innermost products are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

I1, I8, I16, I32, I64, F32 = (*(ir.IntType(bits) for bits in (1, 8, 16, 32, 64)), ir.FloatType())
Builder = ir.IRBuilder
PREFETCH = "llvm.prefetch.p0"


def whole(number: int) -> ir.Constant:
    return ir.Constant(I64, number)


def offset(builder: Builder, pointer: Any, count: Any, kind: Any) -> Any:
    """The pointer `count` numbers of this type further."""
    return builder.gep(builder.bitcast(pointer, kind.as_pointer()), [count])


def load(builder: Builder, pointer: Any, kind: Any) -> Any:
    """No alignment is promised."""
    return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=1)


def store(builder: Builder, value: Any, pointer: Any) -> None:
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=1)


def splat(builder: Builder, value: Any, count: int) -> Any:
    """A vector that holds the value everywhere."""
    kind = ir.VectorType(value.type, count)
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(I32, 0))
    return builder.shuffle_vector(one, nothing, ir.Constant(ir.VectorType(I32, count), None))


def call(builder: Builder, name: str, result: Any, values: list[Any]) -> Any:
    """Of one of LLVM's own functions."""
    function = builder.module.globals.get(name)
    if function is None:
        function = ir.Function(builder.module, ir.FunctionType(result, [value.type for value in values]), name)
    return builder.call(function, values)


def prefetch(builder: Builder, pointer: Any) -> None:
    """What stands there will be read soon; it need not be the program's."""
    kinds = ir.VoidType(), [I8.as_pointer(), I32, I32, I32]
    function = builder.module.globals.get(PREFETCH) or ir.Function(builder.module, ir.FunctionType(*kinds), PREFETCH)
    builder.call(function, [pointer, *(ir.Constant(I32, number) for number in (0, 3, 1))])


def loop(builder: Builder, count: Any, first: list[Any], body: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """`body(i, values)`, for each i below `count`, gives the next values; returns the last ones."""
    before, inside, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
    builder.cbranch(builder.icmp_signed(">", count, whole(0)), inside, after)
    builder.position_at_end(inside)
    i, values = builder.phi(I64), [builder.phi(value.type) for value in first]
    following = body(i, list(values))
    more, end = builder.add(i, whole(1)), builder.block
    builder.cbranch(builder.icmp_signed("<", more, count), inside, after)
    builder.position_at_end(after)
    last = [builder.phi(value.type) for value in first]
    for phi, one, other in [(i, whole(0), more), *zip(values, first, following, strict=True)]:
        phi.add_incoming(one, before)
        phi.add_incoming(other, end)
    for phi, one, other in zip(last, first, following, strict=True):
        phi.add_incoming(one, before)
        phi.add_incoming(other, end)
    return list(last)
