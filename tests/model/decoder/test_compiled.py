"""A compiled step is the forward of its family: near it in float32, close in bytes, with the same bits in any batch."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from model.decoder import frozen
from model.decoder.decoder import Decoder
from model.families import build
from model.kernels.isa import NAMES, choose, name_of
from tests.support.models import shapes
from tests.support.models.stepped import Sequences, feed, ids, whole

SPECS = {
    "gpt_bigcode, one head of keys": shapes.bigcode(),
    "gpt_bigcode, a head of keys each": shapes.bigcode(kv_heads=4, scaled=False, activation="relu"),
    "gpt_bigcode, odd sizes": shapes.bigcode(width=84, heads=6, mlp=50, tied=False, activation="gelu"),
    "gpt_bigcode, wide heads": shapes.bigcode(width=160, heads=2),
    **{name: shapes.llama(name) for name in shapes.VARIANTS},
    "mistral, a short window": shapes.llama("mistral", window=24),
    "starcoder2, gelu": shapes.llama("starcoder2", activation="gelu", heads=6, kv_heads=2, head_width=34),
    **{name: shapes.llama(scaling=scaling) for name, scaling in shapes.SCALINGS.items()},
}
ALL = pytest.mark.parametrize("name", list(SPECS))
BYTES = sorted({"plain", name_of(choose())})


@cache
def decoder(name: str) -> Decoder:
    return shapes.decoder(SPECS[name])


@ALL
def test_float32_is_the_forward(name: str) -> None:
    model, tokens = decoder(name), ids(90)
    step = model.compiled("float32")
    expected = whole(model, tokens)
    got = feed(Sequences(model.spec), step, tokens, 0, [1, 40, 1, 1, 3, 44])
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(got, expected, atol=2e-4 * np.abs(expected).max(), rtol=1e-4)


@ALL
def test_bytes_are_near_the_forward(name: str) -> None:
    """As near as rounding to bytes leaves them: a fifth of the spread of random weights' logits."""
    model, tokens = decoder(name), ids(60)
    expected, got = whole(model, tokens), feed(Sequences(model.spec), model.compiled("int8"), tokens, 1, [30, 1, 29])
    assert np.abs(got - expected).mean() < 0.2 * expected.std()


@ALL
@pytest.mark.parametrize("held", ["float32", "int8"])
def test_a_row_has_the_same_bits_alone_and_in_any_batch(name: str, held: frozen.Held) -> None:
    model, first, second = decoder(name), ids(70), ids(50, seed=8)
    step = model.compiled(held)
    alone = [feed(Sequences(model.spec), step, first, 0, [1] * 70), feed(Sequences(model.spec), step, second, 1, [50])]
    chunks = feed(Sequences(model.spec), step, first, 0, [33, 5, 2, 16, 14])
    assert np.array_equal(chunks, alone[0])
    together, sequences = [], Sequences(model.spec)
    for n in range(50):
        rows = [(int(second[n]), n, 1)]
        together.append(sequences.run(step, rows + ([(int(first[n]), n, 0)] if n % 2 else []))[0])
        if not n % 2:
            sequences.run(step, [(int(first[n]), n, 0)])
    assert np.array_equal(np.stack(together), alone[1])


@pytest.mark.parametrize("name", ["gpt_bigcode, one head of keys", "qwen2", "gpt_bigcode, odd sizes"])
def test_every_way_with_bytes_gives_the_same(name: str) -> None:
    """The integers are the very same (test_kernels); floats around them may differ in the last bit between what was
    compiled here and what another process kept, and now and then a byte with them."""
    model, tokens = decoder(name), ids(40)
    made = [feed(Sequences(model.spec), model.compiled(way=NAMES[way]), tokens, 0, [20] + [1] * 20) for way in BYTES]
    assert all(np.abs(made[0] - other).mean() < 0.01 * made[0].std() for other in made)


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", ["gpt_bigcode, one head of keys", "mistral, a short window"])
def test_threads_change_no_bit(name: str, threads: int) -> None:
    model, tokens = decoder(name), ids(40)
    expected = feed(Sequences(model.spec), model.compiled(), tokens, 0, [20, 1, 1, 18])
    got = feed(Sequences(model.spec), model.compiled(threads=threads), tokens, 0, [20, 1, 1, 18])
    assert np.array_equal(got, expected)


def test_logits_are_made_where_they_are_wanted() -> None:
    model, tokens = decoder("qwen3"), ids(12)
    step = model.compiled()
    every = feed(Sequences(model.spec), step, tokens, 0, [12])
    rows = [(int(token), n, 0) for n, token in enumerate(tokens)]
    assert np.array_equal(Sequences(model.spec).run(step, rows, np.array([11, 3])), every[[11, 3]])
    assert Sequences(model.spec).run(step, rows, np.zeros(0, np.int64)).shape == (0, model.spec.vocab)


@pytest.mark.parametrize("name", ["gpt_bigcode, a head of keys each", "qwen2"])
def test_what_is_held_in_bytes_is_taken_as_it_is(name: str) -> None:
    spec, tokens = SPECS[name], ids(40)
    held = shapes.decoder(spec)
    frozen.hold(held, "int8")
    ours, theirs = held.compiled(), decoder(name).compiled()
    assert np.array_equal(
        feed(Sequences(spec), ours, tokens, 0, [40]), feed(Sequences(spec), theirs, tokens, 0, [40])
    )  # fmt: skip


def test_there_is_none_where_nothing_fits() -> None:
    assert decoder("qwen2").compiled("bf16") is None
    dynamic = shapes.llama(scaling=shapes.Scaling(kind="dynamic", factor=2.0, original=256))
    assert build.decoder(dynamic).compiled() is None
    assert build.empty(SPECS["qwen2"]).compiled() is None
