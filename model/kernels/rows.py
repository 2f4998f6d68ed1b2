"""What is done to a row of activations between two products, compiled. A row's bits depend on the row alone.

Shapes: M rows, D width, C columns, H query heads, G heads of keys, K head width.
"""

from __future__ import annotations

import numpy as np

from model.compiling import njit
from model.kernels.functions import GELU, GELU_TANH, SILU, gelu, gelu_tanh, silu
from model.kernels.packing import AT_NUMBERS, AT_TILES, STEPS
from model.kernels.tile import BYTES, LANES

_F = np.float32
FAST = {"contract", "nsz", "nnan", "reassoc", "arcp"}


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def norm(x_D, weight_D, shift_D, epsilon, centred, out_D):  # pyright: ignore
    """LayerNorm where it is centred, else RMSNorm, which has no shift. In place is allowed."""
    d = x_D.shape[0]
    mean = _F(0)
    if centred:
        for i in range(d):
            mean += x_D[i]
        mean /= _F(d)
    squares = _F(0)
    for i in range(d):
        squares += (x_D[i] - mean) * (x_D[i] - mean)
    factor = _F(1) / np.sqrt(squares / _F(d) + epsilon)
    for i in range(d):
        out_D[i] = (x_D[i] - mean) * factor * weight_D[i]
    if centred:
        for i in range(d):
            out_D[i] += shift_D[i]


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def quantise(x_C, added, out_C):  # pyright: ignore
    """Bytes of a row, plus `added`; returns their scale."""
    c = x_C.shape[0]
    largest = _F(0)
    for i in range(c):
        size = abs(x_C[i])
        largest = size if size > largest else largest
    inverse = _F(127) / max(largest, _F(1e-30))
    for i in range(c):
        out_C[i] = np.uint8(np.int32(np.rint(x_C[i] * inverse)) + added)
    return largest / _F(127)


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def activate(x_C, kind, gated, out_C):  # pyright: ignore
    """act(x) of the first half times the second half, where it is gated; else act(x). In place is allowed."""
    c = out_C.shape[0]
    if kind == GELU_TANH:
        for i in range(c):
            out_C[i] = gelu_tanh(x_C[i])
    elif kind == GELU:
        for i in range(c):
            out_C[i] = gelu(x_C[i])
    elif kind == SILU:
        for i in range(c):
            out_C[i] = silu(x_C[i])
    else:
        for i in range(c):
            out_C[i] = max(x_C[i], _F(0))
    if gated:
        for i in range(c):
            out_C[i] *= x_C[c + i]


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def rotate(x_K, cos_K, sin_K):  # pyright: ignore
    """Number i of a head is a pair with number i + K / 2; `cos_K` and `sin_K` have K / 2 numbers."""
    half = cos_K.shape[0]
    for i in range(half):
        one, two = x_K[i], x_K[half + i]
        x_K[i] = one * cos_K[i] - two * sin_K[i]
        x_K[half + i] = two * cos_K[i] + one * sin_K[i]


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def embed(tiles, numbers, place, row, factor, out_D):  # pyright: ignore
    """A row of a table, times `factor`."""
    tile, lane = row // LANES, row % LANES
    if tiles.itemsize == 4:
        at = place[AT_TILES] + tile * place[STEPS] * LANES + lane
        for i in range(len(out_D)):
            out_D[i] = tiles[at + i * LANES] * factor
    else:
        factor *= numbers[place[AT_NUMBERS] + row]
        at = place[AT_TILES] + (tile * place[STEPS] * LANES + lane) * BYTES
        for i in range(len(out_D)):
            out_D[i] = tiles[at + i // BYTES * LANES * BYTES + i % BYTES] * factor


@njit(cache=True, nogil=True, fastmath={"contract"}, error_model="numpy")
def add(x_D, more_D, factor):  # pyright: ignore
    """x += factor * more."""
    for i in range(x_D.shape[0]):
        x_D[i] += factor * more_D[i]
