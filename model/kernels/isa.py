"""Which of the processor's instructions multiply a matrix. All that take bytes give the very same integers.

A way is a type, so that what is compiled for it knows it; its one field is what is added to an activation's byte, since
some instructions take unsigned bytes alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple


class Plain(NamedTuple):
    """Bytes, in loops that the compiler makes of what the processor has."""

    offset: int = 0


class Avx2(NamedTuple):
    """pmaddubsw and pmaddwd on 32 bytes: |x| times sign(x) w. With both within 127, two products fit 16 bits."""

    offset: int = 0


class AvxVnni(NamedTuple):
    """vpdpbusd on 32 bytes."""

    offset: int = 128


class Avx512Vnni(NamedTuple):
    """vpdpbusd on 64 bytes."""

    offset: int = 128


class Float32(NamedTuple):
    """Weights and activations in float32: the field says that there are no bytes."""

    offset: int = -1


Way = Plain | Avx2 | AvxVnni | Avx512Vnni | Float32
NAMES: dict[str, Way] = {
    "plain": Plain(), "avx2": Avx2(), "avx-vnni": AvxVnni(), "avx512-vnni": Avx512Vnni(), "float32": Float32(),
}  # fmt: skip


@cache
def features() -> Mapping[str, bool]:
    """Of this processor, by LLVM's names."""
    import llvmlite.binding as llvm

    return llvm.get_host_cpu_features()


def choose(has: Mapping[str, bool] | None = None) -> Way:
    """The fastest way with bytes on a processor that has these features; None: on this one."""
    has = features() if has is None else has
    if has.get("avx512vnni") and has.get("avx512bw") and has.get("avx512vl"):
        return NAMES["avx512-vnni"]
    if has.get("avxvnni") and has.get("avx2"):
        return NAMES["avx-vnni"]
    return NAMES["avx2"] if has.get("avx2") else NAMES["plain"]


def name_of(way: Way) -> str:
    return next(name for name, other in NAMES.items() if type(other) is type(way))
