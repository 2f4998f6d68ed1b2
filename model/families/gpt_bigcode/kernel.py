"""A gpt_bigcode decoder's weights for the compiled step."""

from __future__ import annotations

from typing import Any

import numpy as np

from model.decoder.compiled import floats, matrix, norms, rows_of, table
from model.families.gpt_bigcode.spec import GptBigcode
from model.kernels.compiled import CompiledStep
from model.kernels.functions import ACTIVATIONS
from model.kernels.isa import Way
from model.kernels.packing import Rows
from model.kernels.step import Shape, Weights


def compiled(decoder: Any, way: Way, threads: int) -> CompiledStep:
    """It works on a copy."""
    spec: GptBigcode = decoder.spec
    frequencies_K = np.zeros(0, np.float32)
    return CompiledStep(way, _shape(spec), _weights(decoder, spec, way), spec.vocab, frequencies_K, threads=threads)


def _shape(spec: GptBigcode) -> Shape:
    one = np.float32(1)
    scale = np.float32(spec.head_width**-0.5 if spec.scaled else 1)
    return Shape(
        heads=spec.heads, kv_heads=spec.kv_heads, head_width=spec.head_width, inner=spec.inner,
        activation=ACTIVATIONS[spec.activation], gated=False, centred=True, rotary=False, qk_norm=False,
        epsilon=np.float32(spec.epsilon), attention_scale=scale, residual_scale=one, embedding_scale=one,
        logit_scale=one,
    )  # fmt: skip


def _weights(decoder: Any, spec: GptBigcode, way: Way) -> Weights:
    blocks, count = list(decoder.blocks), spec.layers
    tokens = table(decoder.tokens, way)
    norm_D, shift_D = norms([decoder.norm], spec.width)
    (norm_1_LD, shift_1_LD), (norm_2_LD, shift_2_LD) = (
        norms([getattr(block, name) for block in blocks], spec.width) for name in ("norm_1", "norm_2")
    )
    ones_LK = np.ones((count, spec.head_width), np.float32)
    return Weights(
        tokens, floats(decoder.positions.weight), norm_1_LD, shift_1_LD,
        matrix(blocks, count, way, lambda block: _qkv(rows_of(block.qkv), spec)), ones_LK, ones_LK,
        matrix(blocks, count, way, lambda block: rows_of(block.out)), norm_2_LD, shift_2_LD,
        matrix(blocks, count, way, lambda block: rows_of(block.up)),
        matrix(blocks, count, way, lambda block: rows_of(block.down)), norm_D[0], shift_D[0],
        tokens if decoder.head is None else table(decoder.head, way), np.zeros(count, np.int64),
    )  # fmt: skip


def _qkv(rows: Rows, spec: GptBigcode) -> Rows:
    """All queries, then all keys, then all values: with a head of keys for each query head, a head's three parts stand
    together in the family's own order."""
    if spec.kv_heads == 1:
        return rows
    order = np.arange(len(rows.weight)).reshape(spec.heads, 3, spec.head_width).transpose(1, 0, 2).ravel()
    weight, scale, bias = rows
    return Rows(weight[order], None if scale is None else scale[order], None if bias is None else bias[order])
