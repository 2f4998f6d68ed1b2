"""Sequences over pages in no order, in plans of slices, held against each sequence alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray

from model import importing, weights
from model.decoder.decoder import Decoder
from model.decoder.runner import Runner
from model.decoder.stepping import Stepper
from model.decoder.stores import Slice
from tests.support.models import adapted, shapes

WINDOW = 24
SPECS = {
    "gpt_bigcode, one head of keys": shapes.bigcode(),
    "gpt_bigcode, a head of keys each": shapes.bigcode(kv_heads=4),
    **{name: shapes.llama(name) for name in shapes.VARIANTS},
    "mistral, a short window": shapes.llama("mistral", window=WINDOW),
    **{name: shapes.llama(scaling=scaling) for name, scaling in shapes.SCALINGS.items()},
    "dynamic": shapes.llama(scaling=shapes.Scaling(kind="dynamic", factor=2.0, original=256)),
}
ALL = pytest.mark.parametrize("name", [*SPECS, "gpt2"])


@cache
def decoder(name: str) -> Decoder:
    if name in SPECS:
        return shapes.decoder(SPECS[name])
    with TemporaryDirectory() as folder:
        foreign = importing.read(adapted.save(name, Path(folder)), adapted.FORMATS[name].name)
        return weights.assemble(foreign.spec, weights.load(foreign.places)).eval()


def ids(count: int, seed: int) -> list[int]:
    return torch.randint(0, 200, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


@torch.inference_mode()
def whole(model: Decoder, sequence: Sequence[int]) -> torch.Tensor:
    """logits_TV of a sequence from its beginning, as training computes them."""
    ids_1T = torch.tensor([list(sequence)])
    return model(ids_1T, torch.arange(len(sequence))[None], torch.zeros_like(ids_1T))[0]


def tables(made: Runner | Stepper, count: int, tokens: int) -> list[NDArray[np.int32]]:
    """Of `count` sequences, their pages in no order."""
    each = -(-tokens // made.pages.size)
    order = np.random.default_rng(each).permutation(made.pages.count)[: count * each]
    return list(order.reshape(count, each).astype(np.int32))


PART = st.tuples(st.integers(0, 2), st.integers(1, 25), st.booleans())
PLAN = st.lists(st.lists(PART, min_size=1, max_size=3, unique_by=lambda part: part[0]), min_size=1, max_size=3)


def follow(made: Runner, plan: list, shared: int, near: float) -> None:
    """Runs a PLAN of slices; each gives what is computed from the beginning. `shared`: first tokens of two of them."""
    where = tables(made, 3, 120)
    common = ids(shared, 1)
    sequences = [[*common, *ids(120 - shared, n)] for n in range(2)] + [ids(120, 9)]
    done = [0, 0, 0]
    if shared:
        made.forward([Slice(common, 0, where[0])])
        full = shared // made.pages.size
        where[1][:full] = where[0][:full]
        if shared % made.pages.size:
            made.pages.copy(int(where[0][full]), int(where[1][full]), shared % made.pages.size)
        done[:2] = shared, shared
    for step in plan:
        slices = [Slice(sequences[n][done[n] : done[n] + count], done[n], where[n], every) for n, count, every in step]
        for (n, count, every), logits_nV in zip(step, made.forward(slices), strict=True):
            expected_nV = whole(made.model, sequences[n][: done[n] + count])[done[n] :]
            done[n] += count
            torch.testing.assert_close(logits_nV, expected_nV if every else expected_nV[-1:], atol=near, rtol=near)
