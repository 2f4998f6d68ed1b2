"""Lengths of the rows of W + s B A, of a matrix W that stands in tiles: DoRA divides by them (arXiv 2402.09353).

Shapes: R rank, I inputs, O outputs, T tiles.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit
from model.kernels.adapters.parts import Part
from model.kernels.operators import mix
from model.kernels.packing import AT_NUMBERS, AT_TILES, STEPS, Floats
from model.kernels.rows import FAST
from model.kernels.step import Weights
from model.kernels.tile import BYTES, LANES

CHUNK = 128
"""Columns of a tile that are widened at a time: 16 KB."""


def lengths(weights: Weights, part: Part) -> Floats:
    """length_O; B A is never made: the squares are |w|^2 + 2 s (W A^T) b + s^2 b (A A^T) b."""
    place, o = weights.places[part.layer, part.which], len(part.b_OR)
    first, last = part.first // LANES, -(-part.end // LANES)
    squares_TL = np.zeros((last - first, LANES), np.float32)
    mixed_TRL = np.zeros((last - first, len(part.a_RI), LANES), np.float32)
    a_RI = np.ascontiguousarray(part.a_RI, np.float32)
    _products(weights.tiles, place, first, last, a_RI, squares_TL, mixed_TRL, np.zeros((CHUNK, LANES), np.float32))
    mine = slice(part.first - first * LANES, part.first - first * LANES + o)
    at = int(place[AT_NUMBERS]) + part.first
    scale_O: NDArray[Any] = weights.numbers[at : at + o]
    mixed_OR = mixed_TRL.transpose(0, 2, 1).reshape(-1, len(a_RI))[mine]
    mixed_O = (mixed_OR * part.b_OR).sum(1) * scale_O
    low_O = ((part.b_OR @ (a_RI @ a_RI.T)) * part.b_OR).sum(1)
    squares_O = squares_TL.ravel()[mine] * scale_O**2 + 2 * part.scale * mixed_O + part.scale**2 * low_O
    return np.sqrt(np.maximum(squares_O, 1e-20)).astype(np.float32)


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def _products(tiles, place, first, last, a_RI, squares_TL, mixed_TRL, wide_CL):  # pyright: ignore
    """|w|^2 and W A^T of the tiles from `first` up to `last`, without the rows' scales."""
    r, inputs = a_RI.shape
    flat_a, flat_mixed, flat = a_RI.reshape(a_RI.size), mixed_TRL.reshape(mixed_TRL.size), wide_CL.reshape(wide_CL.size)
    for t in range(last - first):
        for begin in range(0, inputs, CHUNK):
            count = min(CHUNK, inputs - begin)
            if tiles.itemsize == 4:
                at = place[AT_TILES] + ((first + t) * place[STEPS] + begin) * LANES
                for i in range(count * LANES):
                    flat[i] = tiles[at + i]
            else:
                at = place[AT_TILES] + ((first + t) * place[STEPS] * BYTES + begin) * LANES
                for i in range(count):
                    for lane in range(LANES):
                        flat[i * LANES + lane] = tiles[at + (i // BYTES * LANES + lane) * BYTES + i % BYTES]
            for i in range(count):
                for lane in range(LANES):
                    squares_TL[t, lane] += flat[i * LANES + lane] * flat[i * LANES + lane]
            mix(flat_a, begin, inputs, r, flat, 0, LANES, count, flat_mixed, t * r * LANES, LANES)
