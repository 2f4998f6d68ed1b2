"""A llama-like decoder's weights for the compiled step."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.decoder.compiled import floats, joined, matrix, norms, rows_of, table
from model.families.llama.rotary import frequencies
from model.families.llama.scaling import attention_factor
from model.families.llama.spec import Llama
from model.kernels.compiled import CompiledStep
from model.kernels.functions import ACTIVATIONS
from model.kernels.isa import Way
from model.kernels.step import Shape, Weights


def compiled(decoder: Any, way: Way, threads: int) -> CompiledStep:
    """It works on a copy."""
    spec: Llama = decoder.spec
    frequencies_K = floats(frequencies(spec.head_width, spec.theta, spec.scaling))
    factor = attention_factor(spec.scaling)
    return CompiledStep(way, _shape(spec), _weights(decoder, spec, way), spec.vocab, frequencies_K, factor, threads)


def _shape(spec: Llama) -> Shape:
    return Shape(
        heads=spec.heads, kv_heads=spec.kv_heads, head_width=spec.head_width, inner=spec.inner,
        activation=ACTIVATIONS[spec.activation], gated=spec.gated, centred=spec.norm == "layer", rotary=True,
        qk_norm=spec.qk_norm, epsilon=np.float32(spec.epsilon),
        attention_scale=np.float32(spec.attention_scale or spec.head_width**-0.5),
        residual_scale=np.float32(spec.residual_scale), embedding_scale=np.float32(spec.embedding_scale),
        logit_scale=np.float32(1 / spec.logit_divisor),
    )  # fmt: skip


def _weights(decoder: Any, spec: Llama, way: Way) -> Weights:
    blocks, count = list(decoder.blocks), spec.layers
    tokens = table(decoder.tokens, way)
    norm_D, shift_D = norms([decoder.norm], spec.width)
    (norm_1_LD, shift_1_LD), (norm_2_LD, shift_2_LD) = (
        norms([getattr(block, name) for block in blocks], spec.width) for name in ("norm_1", "norm_2")
    )
    q_norm_LK, k_norm_LK = (
        norms([getattr(block, name) for block in blocks], spec.head_width)[0] for name in ("q_norm", "k_norm")
    )
    return Weights(
        tokens, np.zeros((0, spec.width), np.float32), norm_1_LD, shift_1_LD,
        matrix(blocks, count, way, lambda b: joined([rows_of(m) for m in (b.q, b.k, b.v)])), q_norm_LK, k_norm_LK,
        matrix(blocks, count, way, lambda b: rows_of(b.out)), norm_2_LD, shift_2_LD,
        matrix(blocks, count, way, lambda b: joined([rows_of(m) for m in (b.gate, b.up) if m is not None])),
        matrix(blocks, count, way, lambda b: rows_of(b.down)), norm_D[0], shift_D[0],
        tokens if decoder.head is None else table(decoder.head, way),
        np.array([spec.window_of(n) or 0 for n in range(count)], np.int64),
    )  # fmt: skip
