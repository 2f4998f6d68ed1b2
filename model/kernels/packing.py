"""Matrices as the compiled step reads them: those of all layers in one array of tiles (model.kernels.tile).

Shapes: R rows, C columns, T tiles of LANES rows, V rows of all tiles, S steps of a tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.kernels.isa import Float32, Way
from model.kernels.tile import BYTES, LANES, LINE

Floats = NDArray[np.float32]
COLUMNS = 2 * BYTES
"""Of bytes: a multiple of it, the last ones 0."""
AT_TILES, AT_NUMBERS, TILES, STEPS = range(4)
"""Of a matrix's place: where its tiles begin, where its numbers do, and how many tiles of how many steps it has. Its
numbers are, for each of the V rows, a scale (0 behind the last row), an int32 that its sum begins with (for an offset
of the activations), and a bias."""
PART = 1_024
"""Tiles that are filled at a time."""


class Rows(NamedTuple):
    """A matrix whose numbers are bytes with a scale for each row, or float32."""

    weight: NDArray[Any]
    """int8 or float32 (R, C)."""
    scale: Floats | None = None
    """(R,)."""
    bias: Floats | None = None
    """(R,); none: 0."""


def joined(parts: Sequence[Rows]) -> Rows:
    """One matrix of the rows of several, all of them bytes or none."""
    weight, scales = np.concatenate([p.weight for p in parts]), [p.scale for p in parts if p.scale is not None]
    bias = np.concatenate([np.zeros(len(p.weight), np.float32) if p.bias is None else p.bias for p in parts])
    return Rows(weight, np.concatenate(scales) if scales else None, bias)


def quantised(weight_RC: Floats) -> tuple[NDArray[np.int8], Floats]:
    """int8 and the scale of each row, symmetric: the largest number of a row is 127 of its scale."""
    largest_R = np.maximum(weight_RC.max(1), -weight_RC.min(1))
    scale_R = np.maximum(largest_R, np.finfo(np.float32).tiny * 127) / np.float32(127)
    return np.rint(weight_RC / scale_R[:, None]).astype(np.int8), scale_R.astype(np.float32)


class Store:
    """The tiles and numbers of matrices, which are put in one after the other."""

    def __init__(self, way: Way, shapes: Sequence[tuple[int, int]]) -> None:
        """`shapes`: (R, C) of all that will be put in, so that the arrays never move."""
        self._way = way
        self._kind = np.float32 if isinstance(way, Float32) else np.int8
        sizes = [self._size(shape) for shape in shapes]
        self.tiles = aligned(sum(t * LANES * c for t, c in sizes), self._kind)
        self.numbers = aligned(sum(3 * t * LANES for t, _ in sizes), np.float32)
        self._at_tiles = self._at_numbers = 0

    def _size(self, shape: tuple[int, int]) -> tuple[int, int]:
        """(T, columns of its tiles)."""
        r, c = shape
        return -(-r // LANES), c if self._kind is np.float32 else -(-c // COLUMNS) * COLUMNS

    def put(self, rows: Rows) -> tuple[int, int, int, int]:
        """Its place."""
        t, c = self._size(rows.weight.shape)  # pyright: ignore
        size, v = t * LANES * c, t * LANES
        tiles = self.tiles[self._at_tiles : self._at_tiles + size]
        numbers_3V = self.numbers[self._at_numbers : self._at_numbers + 3 * v].reshape(3, v)
        place = self._at_tiles, self._at_numbers, t, c if self._kind is np.float32 else c // BYTES
        _fill(tiles.reshape(t, -1), numbers_3V, rows, self._way)
        self._at_tiles, self._at_numbers = self._at_tiles + size, self._at_numbers + 3 * v
        return place


def aligned(count: int, dtype: Any) -> NDArray[Any]:
    """Zeros that begin at a line of the cache."""
    size = count * np.dtype(dtype).itemsize
    raw = np.zeros(size + LINE, np.uint8)
    first = -raw.ctypes.data % LINE
    return raw[first : first + size].view(dtype)


def _fill(tiles_T: NDArray[Any], numbers_3V: Floats, rows: Rows, way: Way) -> None:
    weight_RC, scale_R, bias_R = rows
    r = len(weight_RC)
    if bias_R is not None:
        numbers_3V[2, :r] = bias_R
    if isinstance(way, Float32):
        _put(tiles_T.reshape(len(tiles_T), -1, LANES).transpose(0, 2, 1), rows)
        numbers_3V[0, :r] = 1
        return
    if scale_R is None:
        weight_RC, scale_R = quantised(weight_RC)
    _put(tiles_T.reshape(len(tiles_T), -1, LANES, BYTES).transpose(0, 2, 1, 3), Rows(weight_RC))
    numbers_3V[0, :r] = scale_R
    if way.offset:
        numbers_3V[1].view(np.int32)[:r] = -way.offset * weight_RC.sum(1, dtype=np.int32)


def _put(by_row: NDArray[Any], rows: Rows) -> None:
    """Into a view of tiles, (T, LANES, ...)."""
    columns = int(np.prod(by_row.shape[2:]))
    c = rows.weight.shape[1]
    for first in range(0, len(by_row), PART):
        some = slice(first * LANES, (first + PART) * LANES)
        part = rows.weight[some] if rows.scale is None else rows.weight[some] * rows.scale[some, None]
        full = np.zeros((-(-len(part) // LANES) * LANES, columns), by_row.dtype)
        full[: len(part), :c] = part
        by_row[first : first + PART] = full.reshape(-1, *by_row.shape[1:])
