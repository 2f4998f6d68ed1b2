"""A gpt_bigcode decoder's weights for the compiled step."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.decoder.packing import Parts, rows_of, weights
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.products import order
from model.kernels.compiled import CompiledStep
from model.kernels.functions import ACTIVATIONS
from model.kernels.isa import Way
from model.kernels.packing import Rows
from model.kernels.step import Shape


def compiled(decoder: Any, way: Way, threads: int) -> CompiledStep:
    """It works on a copy."""
    spec: GptBigcode = decoder.spec
    d, qkv = spec.width, spec.width + 2 * spec.kv_heads * spec.head_width
    parts = Parts(
        list(decoder.blocks),
        lambda b: (_ordered(rows_of(b.qkv), spec), rows_of(b.out), rows_of(b.up), rows_of(b.down)),
        ((qkv, d), (d, d), (spec.inner, d), (d, spec.inner)), spec.head_width, [0] * spec.layers,
    )  # fmt: skip
    no_turns = np.zeros(0, np.float32)
    return CompiledStep(way, _shape(spec), weights(decoder, way, parts), spec.vocab, no_turns, threads=threads)


def _shape(spec: GptBigcode) -> Shape:
    one = np.float32(1)
    return Shape(
        layers=spec.layers, heads=spec.heads, kv_heads=spec.kv_heads, head_width=spec.head_width, inner=spec.inner,
        activation=ACTIVATIONS[spec.activation], gated=False, centred=True, rotary=False, qk_norm=False,
        epsilon=np.float32(spec.epsilon), attention_scale=np.float32(spec.head_width**-0.5) if spec.scaled else one,
        residual_scale=one, embedding_scale=one, logit_scale=one,
    )  # fmt: skip


def _ordered(rows: Rows, spec: GptBigcode) -> Rows:
    """In the order of the step's rows."""
    if (at := order(spec)) is None:
        return rows
    weight, scale, bias = rows
    return Rows(weight[at], None if scale is None else scale[at], None if bias is None else bias[at])
