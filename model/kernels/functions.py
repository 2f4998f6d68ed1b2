"""Functions of one float32 number, by polynomials of which a compiler makes vectors. NaN is not kept."""

from __future__ import annotations

import numpy as np

from model.compiling import njit
from model.kernels.operators import float_of_bits

GELU_TANH, GELU, SILU, RELU = range(4)
ACTIVATIONS = {"gelu_tanh": GELU_TANH, "gelu": GELU, "silu": SILU, "relu": RELU}

_F = np.float32
_LOWEST, _HIGHEST = _F(-87.3), _F(88.3)
_LOG2E, _LN2_HIGH, _LN2_LOW = _F(1.44269504088896341), _F(0.693359375), _F(-2.12194440e-4)
_ROOT = _F(0.7978845608028654)  # sqrt(2 / pi)


@njit(cache=True, inline="always")
def exp(x):  # pyright: ignore
    """Within 2e-7 of e^x, relative (Cephes' expf), from -87.3 to 88.3; what lies outside is taken as these."""
    x = min(max(x, _LOWEST), _HIGHEST)
    n = np.rint(x * _LOG2E)
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    p = _F(1.9875691500e-4)
    p = p * r + _F(1.3981999507e-3)
    p = p * r + _F(8.3334519073e-3)
    p = p * r + _F(4.1665795894e-2)
    p = p * r + _F(1.6666665459e-1)
    p = p * r + _F(5.0000001201e-1)
    return (p * r * r + r + _F(1)) * float_of_bits((np.int32(n) + np.int32(127)) << np.int32(23))


@njit(cache=True, inline="always")
def silu(x):  # pyright: ignore
    """x / (1 + e^-x)."""
    return x / (_F(1) + exp(-x))


@njit(cache=True, inline="always")
def gelu_tanh(x):  # pyright: ignore
    """GELU's tanh form (arXiv 1606.08415): tanh(u) = 1 - 2 / (e^2u + 1)."""
    u = _ROOT * (x + _F(0.044715) * x * x * x)
    return x - x / (exp(u + u) + _F(1))


@njit(cache=True, inline="always")
def gelu(x):  # pyright: ignore
    """x times the normal distribution's share below x, whose error function is within 1.5e-7 (Abramowitz and Stegun
    7.1.26)."""
    z = abs(x) * _F(0.7071067811865476)
    t = _F(1) / (_F(1) + _F(0.3275911) * z)
    p = t * (
        _F(0.254829592) + t * (_F(-0.284496736) + t * (_F(1.421413741) + t * (_F(-1.453152027) + t * _F(1.061405429))))
    )
    half = _F(0.5) * p * exp(-z * z)
    return x * (half if x < _F(0) else _F(1) - half)
