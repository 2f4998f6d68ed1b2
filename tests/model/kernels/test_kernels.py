"""The innermost products and functions: the same integers by every way, errors within what their texts say."""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from llvmlite import ir
from numba import njit
from numpy.typing import NDArray
from torch.nn import functional as F

from model.kernels import functions, rows
from model.kernels.emit import I8, I32, I64, offset, store, whole
from model.kernels.isa import NAMES, Way, choose, features
from model.kernels.operators import product
from model.kernels.packing import Rows, Store, joined, quantised
from model.kernels.tile import byte_sums

HERE = [name for name in ("plain", "avx2", "avx-vnni", "avx512-vnni") if name == "plain" or features().get(
    {"avx2": "avx2", "avx-vnni": "avxvnni", "avx512-vnni": "avx512vnni"}[name]
)]  # fmt: skip
"""Ways that this processor has."""
ONES = np.ones(64, np.float32)


@njit(error_model="numpy")
def run(way, tiles, numbers, place, floats, narrow, factor, count, out):  # pyright: ignore
    product(way, tiles, place[0], numbers, place[1], place[2], 0, place[2], place[3], floats, floats.shape[1], narrow,
            narrow.shape[1], factor, count, out, out.shape[1])  # fmt: skip


def products(way: Way, weight: NDArray[Any], x: NDArray[Any], scale: NDArray[np.float32], bias: Any = None) -> Any:
    """out_MR of a matrix that stands behind another one."""
    r, c = weight.shape
    held = Rows(weight, None if way.offset < 0 else scale, bias)
    store = Store(way, [(40, 8), (r, c)])
    store.put(Rows(np.ones((40, 8), np.float32)))
    place = np.array(store.put(held))
    narrow = np.full((len(x), -(-c // 8) * 8), 77, np.uint8)
    narrow[:, :c] = x.astype(np.int32) + max(0, way.offset)
    out = np.full((len(x), place[2] * 32), np.nan, np.float32)
    run(way, store.tiles, store.numbers, place, x.astype(np.float32), narrow, ONES, len(x), out)
    assert (out[:, r:] == 0).all()
    return out[:, :r]


@pytest.mark.parametrize("name", HERE)
@settings(max_examples=40, deadline=None)
@given(st.integers(1, 80), st.integers(1, 70), st.integers(1, 9), st.integers(0, 2**32 - 1), st.booleans())
def test_every_way_gives_the_integers(name: str, r: int, c: int, m: int, seed: int, extreme: bool) -> None:
    draw = np.random.default_rng(seed)
    w, x = draw.integers(-127, 128, (r, c)).astype(np.int8), draw.integers(-127, 128, (m, c)).astype(np.int8)
    if extreme:
        w, x = (np.where(a < 0, -127, 127).astype(np.int8) for a in (w, x))
    expected = x.astype(np.int64) @ w.astype(np.int64).T
    assert np.array_equal(products(NAMES[name], w, x, np.ones(r, np.float32)), expected.astype(np.float32))


def test_the_largest_sums_do_not_wrap() -> None:
    """Of 4,864 columns, the widest of a model of .5 billion parameters; and a scale and a bias for each row."""
    w, x = np.full((33, 4864), 127, np.int8), np.full((3, 4864), -127, np.int8)
    scale, bias = np.linspace(1e-6, 1e-5, 33, dtype=np.float32), np.linspace(-9, 9, 33, dtype=np.float32)
    for name in HERE:
        expected = np.float32(-4864 * 127 * 127) * scale + bias
        assert np.array_equal(products(NAMES[name], w, x, scale, bias), np.tile(expected, (3, 1)))


def test_float32_has_the_same_bits_in_any_batch() -> None:
    draw = np.random.default_rng(1)
    w, x = draw.standard_normal((70, 33), np.float32), draw.standard_normal((8, 33), np.float32)
    together = products(NAMES["float32"], w, x, ONES)
    np.testing.assert_allclose(together, x @ w.T, atol=1e-5)
    for row in range(8):
        assert np.array_equal(products(NAMES["float32"], w, x[row : row + 1], ONES)[0], together[row])


def assembly(name: str, count: int, processor: str) -> str:
    """Of the sums of `count` rows of activations."""
    module, pointer = ir.Module(), I8.as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [pointer, I64, pointer, I64, pointer]), "sums")
    builder = ir.IRBuilder(function.append_basic_block())
    tile, steps, x, step, out = function.args
    xs = [offset(builder, x, builder.mul(step, whole(n)), I8) for n in range(count)]
    for n, total in enumerate(byte_sums(builder, type(NAMES[name]), tile, steps, xs)):
        store(builder, total, offset(builder, out, whole(n * 32), I32))
    builder.ret_void()
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    parsed = llvm.parse_assembly(str(module))
    parsed.verify()
    target = llvm.Target.from_triple("x86_64-unknown-linux-gnu").create_target_machine(cpu=processor, opt=3)
    return target.emit_assembly(parsed)


@pytest.mark.parametrize(
    ("name", "processor", "register", "instruction"),
    [
        ("avx512-vnni", "sapphirerapids", "%zmm", "vpdpbusd"),
        ("avx512-vnni", "znver4", "%zmm", "vpdpbusd"),
        ("avx-vnni", "alderlake", "%ymm", "{vex}\tvpdpbusd"),
        ("avx2", "znver3", "%ymm", "vpmaddubsw"),
    ],
)
def test_a_processor_gets_its_instruction(name: str, processor: str, register: str, instruction: str) -> None:
    for count in (1, 2, 4):
        lines = [line for line in assembly(name, count, processor).splitlines() if instruction in line]
        assert len(lines) >= count * (2 if register == "%zmm" else 4)
        assert all(register in line for line in lines)


def test_the_way_is_chosen_by_what_the_processor_has() -> None:
    avx512 = dict.fromkeys(("avx2", "avx512bw", "avx512vl", "avx512vnni"), True)
    assert choose(avx512) == NAMES["avx512-vnni"] and type(choose(avx512 | {"avx512bw": False})).__name__ == "Avx2"
    assert type(choose({"avx2": True, "avxvnni": True})).__name__ == "AvxVnni"
    assert type(choose({})).__name__ == "Plain"


@njit(fastmath={"contract", "nsz", "nnan"}, error_model="numpy")
def each(function, x, out):  # pyright: ignore
    for i in range(len(x)):
        out[i] = function(x[i])


@pytest.mark.parametrize(
    ("ours", "theirs", "relative", "absolute"),
    [
        (functions.exp, torch.exp, 2e-7, 0.0),
        (functions.silu, F.silu, 3e-7, 1e-6),
        (functions.gelu_tanh, lambda x: F.gelu(x, approximate="tanh"), 3e-7, 1e-6),
        (functions.gelu, F.gelu, 3e-7, 1e-6),
    ],
)
def test_functions_are_within_what_they_say(ours: Any, theirs: Any, relative: float, absolute: float) -> None:
    x = np.linspace(-30, 30, 200_001, dtype=np.float32)
    out = np.empty_like(x)
    each(ours, x, out)
    expected = theirs(torch.from_numpy(x).double()).numpy()
    assert (np.abs(out - expected) <= relative * np.abs(expected) + absolute).all()


def test_what_is_far_below_0_weighs_nothing() -> None:
    x, out = np.array([-np.inf, -1e30, -200.0], np.float32), np.ones(3, np.float32)
    each(functions.exp, x, out)
    assert (out < 1e-37).all() and (out >= 0).all()


@pytest.mark.parametrize("added", [0, 128])
def test_a_row_is_quantised_to_its_largest_number(added: int) -> None:
    x, out = np.array([0.5, -2.0, 1.0, 0.0], np.float32), np.zeros(4, np.uint8)
    scale = rows.quantise(x, added, out)
    assert scale == np.float32(2 / 127)
    assert ((out.astype(np.int32) - added + 128) % 256 - 128).tolist() == [32, -127, 64, 0]
    assert rows.quantise(np.zeros(4, np.float32), added, out) == 0 and (out == added).all()


def test_rows_of_weights_are_quantised_and_joined() -> None:
    weight = np.array([[1.0, -4.0], [0.0, 0.0]], np.float32)
    narrow, scale = quantised(weight)
    assert narrow.tolist() == [[32, -127], [0, 0]] and scale[0] == np.float32(4 / 127)
    both = joined([Rows(narrow, scale, np.ones(2, np.float32)), Rows(narrow, scale)])
    assert both.bias is not None and both.bias.tolist() == [1, 1, 0, 0]
    assert both.scale is not None and len(both.weight) == len(both.scale) == 4
