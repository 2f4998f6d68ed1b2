"""A llama-like decoder's weights for the compiled step."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.decoder.packing import Parts, floats, rows_of, weights
from model.families.llama.rotary import frequencies
from model.families.llama.scaling import attention_factor
from model.families.llama.spec import Llama
from model.kernels.compiled import CompiledStep
from model.kernels.functions import ACTIVATIONS
from model.kernels.isa import Way
from model.kernels.packing import Rows, joined
from model.kernels.step import Shape


def compiled(decoder: Any, way: Way, threads: int) -> CompiledStep:
    """It works on a copy."""
    spec: Llama = decoder.spec
    d, q, kv = spec.width, spec.heads * spec.head_width, spec.kv_heads * spec.head_width
    shapes = ((q + 2 * kv, d), (d, q), (spec.inner * (2 if spec.gated else 1), d), (d, spec.inner))
    windows = [spec.window_of(n) or 0 for n in range(spec.layers)]
    parts = Parts(list(decoder.blocks), _matrices, shapes, spec.head_width, windows)
    turns_K = floats(frequencies(spec.head_width, spec.theta, spec.scaling))
    factor = attention_factor(spec.scaling)
    return CompiledStep(way, _shape(spec), weights(decoder, way, parts), spec.vocab, turns_K, factor, threads)


def _matrices(block: Any) -> tuple[Rows, Rows, Rows, Rows]:
    qkv = joined([rows_of(module) for module in (block.q, block.k, block.v)])
    up = rows_of(block.up) if block.gate is None else joined([rows_of(block.gate), rows_of(block.up)])
    return qkv, rows_of(block.out), up, rows_of(block.down)


def _shape(spec: Llama) -> Shape:
    return Shape(
        layers=spec.layers, heads=spec.heads, kv_heads=spec.kv_heads, head_width=spec.head_width, inner=spec.inner,
        activation=ACTIVATIONS[spec.activation], gated=spec.gated, centred=spec.norm == "layer", rotary=True,
        qk_norm=spec.qk_norm, epsilon=np.float32(spec.epsilon),
        attention_scale=np.float32(spec.attention_scale or spec.head_width**-0.5),
        residual_scale=np.float32(spec.residual_scale), embedding_scale=np.float32(spec.embedding_scale),
        logit_scale=np.float32(1 / spec.logit_divisor),
    )  # fmt: skip
