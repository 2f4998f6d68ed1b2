"""One token through the whole decoder as one compiled function: no operator is dispatched.

Shapes: T tokens, D width, I inner, V vocabulary, H heads, K head width, L layers. Float32 on a CPU.
"""

from __future__ import annotations

from math import sqrt

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_ROOT = np.float32(0.7978845608028654)  # sqrt(2 / pi)
_EPSILON = np.float32(1e-5)


@numba.njit(fastmath=True, cache=True)
def _product(w_RC: Array, x_C: Array, b_R: Array, out_R: Array) -> None:
    """out = w x + b."""
    for r in range(w_RC.shape[0]):
        total = b_R[r]
        for c in range(w_RC.shape[1]):
            total += w_RC[r, c] * x_C[c]
        out_R[r] = total


@numba.njit(fastmath=True, cache=True)
def _norm(x_D: Array, scale_D: Array, shift_D: Array, out_D: Array) -> None:
    d = x_D.shape[0]
    mean = np.float32(0)
    for i in range(d):
        mean += x_D[i]
    mean /= np.float32(d)
    variance = np.float32(0)
    for i in range(d):
        variance += (x_D[i] - mean) * (x_D[i] - mean)
    factor = np.float32(1) / np.sqrt(variance / np.float32(d) + _EPSILON)
    for i in range(d):
        out_D[i] = (x_D[i] - mean) * factor * scale_D[i] + shift_D[i]


@numba.njit(fastmath=True, cache=True)
def _gelu(x_I: Array) -> None:
    """The tanh form (arXiv 1606.08415), in place: tanh(u) = 1 - 2 / (exp(2u) + 1)."""
    for i in range(x_I.shape[0]):
        x = x_I[i]
        u = _ROOT * (x + np.float32(0.044715) * x * x * x)
        x_I[i] = x - x / (np.exp(u + u) + np.float32(1))


@numba.njit(fastmath=True, cache=True)
def _attend(q_D: Array, k_TK: Array, v_TK: Array, heads: int, out_D: Array, scores_T: Array) -> None:
    """Every head over the same keys and values, all T of them."""
    tokens, width = k_TK.shape
    scale = np.float32(1 / sqrt(width))
    for h in range(heads):
        q_K = q_D[h * width : (h + 1) * width]
        out_K = out_D[h * width : (h + 1) * width]
        highest = np.float32(-np.inf)
        for t in range(tokens):
            score = np.float32(0)
            for i in range(width):
                score += q_K[i] * k_TK[t, i]
            scores_T[t] = score * scale
            highest = max(highest, scores_T[t])
        total = np.float32(0)
        out_K[:] = 0
        for t in range(tokens):
            weight = np.exp(scores_T[t] - highest)
            total += weight
            for i in range(width):
                out_K[i] += weight * v_TK[t, i]
        for i in range(width):
            out_K[i] /= total


@numba.njit(fastmath=True, cache=True, nogil=True)
def step(
    x_D: Array,
    layers: tuple[Array, ...],
    norm: tuple[Array, Array],
    head_VD: Array,
    keys_LTK: Array,
    values_LTK: Array,
    at: int,
    heads: int,
) -> Array:
    """logits_V after the token whose embedding is `x_D`, at position `at`; its keys and values are written there.

    `layers` holds the parameters of `model.decoder.transformer.Block.tensors`, each with all layers stacked.
    Overwrites `x_D`.
    """
    n1, s1, w_qkv, b_qkv, w_out, b_out, n2, s2, w_up, b_up, w_down, b_down = layers
    d, width = x_D.shape[0], keys_LTK.shape[2]
    normed_D, mixed_D, added_D = np.empty_like(x_D), np.empty_like(x_D), np.empty_like(x_D)
    qkv, inner_I = np.empty(d + 2 * width, np.float32), np.empty(w_up.shape[1], np.float32)
    scores_T = np.empty(at + 1, np.float32)
    for layer in range(n1.shape[0]):
        _norm(x_D, n1[layer], s1[layer], normed_D)
        _product(w_qkv[layer], normed_D, b_qkv[layer], qkv)
        keys_LTK[layer, at] = qkv[d : d + width]
        values_LTK[layer, at] = qkv[d + width :]
        _attend(qkv[:d], keys_LTK[layer, : at + 1], values_LTK[layer, : at + 1], heads, mixed_D, scores_T)
        _product(w_out[layer], mixed_D, b_out[layer], added_D)
        x_D += added_D
        _norm(x_D, n2[layer], s2[layer], normed_D)
        _product(w_up[layer], normed_D, b_up[layer], inner_I)
        _gelu(inner_I)
        _product(w_down[layer], inner_I, b_down[layer], added_D)
        x_D += added_D
    _norm(x_D, norm[0], norm[1], normed_D)
    logits_V = np.empty(head_VD.shape[0], np.float32)
    _product(head_VD, normed_D, np.zeros(head_VD.shape[0], np.float32), logits_V)
    return logits_V
