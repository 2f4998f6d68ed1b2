"""Which of a layer's matrices stand together in which product of the compiled step, without torch."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.families import Spec
from model.families.adapter.spec import Adapted
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.llama.spec import Llama


class Member(NamedTuple):
    """A module of a layer."""

    name: str
    outputs: int
    order: NDArray[np.int64] | None = None
    """Of its rows in the product; None: their own."""


class Product(NamedTuple):
    """A matrix of the step: the rows of its members, one member below the other."""

    inputs: int
    members: tuple[Member, ...]


def products(spec: Spec) -> tuple[Product, ...]:
    """QKV, OUT, UP and DOWN of each layer (model.kernels.step); of a family that has no compiled step none."""
    if isinstance(spec, Adapted):
        return ()
    return _gpt_bigcode(spec) if isinstance(spec, GptBigcode) else _llama(spec)


def _gpt_bigcode(spec: GptBigcode) -> tuple[Product, ...]:
    d, rows = spec.width, spec.width + 2 * spec.kv_heads * spec.head_width
    return (
        Product(d, (Member("qkv", rows, order(spec)),)), Product(d, (Member("out", d),)),
        Product(d, (Member("up", spec.inner),)), Product(spec.inner, (Member("down", d),)),
    )  # fmt: skip


def order(spec: GptBigcode) -> NDArray[Any] | None:
    """All queries, then all keys, then all values: with a head of keys for each query head, a head's three parts stand
    together in the family's own order."""
    if spec.kv_heads == 1:
        return None
    rows = np.arange(3 * spec.width).reshape(spec.heads, 3, spec.head_width)
    return rows.transpose(1, 0, 2).ravel()


def _llama(spec: Llama) -> tuple[Product, ...]:
    d, q, kv = spec.width, spec.heads * spec.head_width, spec.kv_heads * spec.head_width
    gate = (Member("gate", spec.inner),) if spec.gated else ()
    return (
        Product(d, (Member("q", q), Member("k", kv), Member("v", kv))), Product(q, (Member("out", d),)),
        Product(d, (*gate, Member("up", spec.inner))), Product(spec.inner, (Member("down", d),)),
    )  # fmt: skip
