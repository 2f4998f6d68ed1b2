"""Matrices as the compiled step reads them: of several layers, in tiles of rows (model.kernels.tile).

Shapes: L layers, R rows, C columns, T tiles of LANES rows, V rows of all tiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.kernels.isa import Float32, Way
from model.kernels.tile import BYTES, LANES

Floats = NDArray[np.float32]
LINE = 64
"""Bytes: tiles begin at a line of the cache."""
COLUMNS = 2 * BYTES
"""Of bytes: a multiple of it, the last ones 0."""


class Matrix(NamedTuple):
    """The same matrix of all layers: y = W x + bias."""

    tiles: NDArray[Any]
    """int8 (L, T, C / 4, 128), or float32 (L, T, C, 32)."""
    scale: Floats
    """(L, V): what a row's integers are multiplied by; 0 behind the last row."""
    start: NDArray[np.int32]
    """(L, V): what a row's sum begins with, where an offset is added to its activations."""
    bias: Floats
    """(L, V); 0 where there is none."""


class Rows(NamedTuple):
    """A matrix whose numbers are bytes with a scale for each row, or float32."""

    weight: NDArray[Any]
    """int8 or float32 (R, C)."""
    scale: Floats | None = None
    """(R,)."""
    bias: Floats | None = None
    """(R,)."""


def aligned(shape: Sequence[int], dtype: Any) -> NDArray[Any]:
    """Zeros that begin at a line of the cache."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(size + LINE, np.uint8)
    first = -raw.ctypes.data % LINE
    return raw[first : first + size].view(dtype).reshape(shape)


def quantised(weight_RC: Floats) -> tuple[NDArray[np.int8], Floats]:
    """int8 and the scale of each row, symmetric: the largest number of a row is 127 of its scale."""
    largest_R = np.maximum(weight_RC.max(1), -weight_RC.min(1))
    scale_R = np.maximum(largest_R, np.finfo(np.float32).tiny * 127) / np.float32(127)
    return np.rint(weight_RC / scale_R[:, None]).astype(np.int8), scale_R.astype(np.float32)


def packed(layers: Iterable[Rows], count: int, way: Way) -> Matrix:
    """`count` layers, taken one after the other: no second copy of all of them is made."""
    matrix = None
    for number, rows in enumerate(layers):
        if matrix is None:
            matrix = _room(count, rows.weight.shape, way)
        _fill(matrix, number, rows, way)
    assert matrix is not None
    return matrix


def _room(count: int, shape: tuple[int, ...], way: Way) -> Matrix:
    r, c = shape
    t = -(-r // LANES)
    if isinstance(way, Float32):
        tiles = aligned((count, t, c, LANES), np.float32)
    else:
        tiles = aligned((count, t, -(-c // COLUMNS) * COLUMNS // BYTES, LANES * BYTES), np.int8)
    v = t * LANES
    return Matrix(
        tiles, np.zeros((count, v), np.float32), np.zeros((count, v), np.int32), np.zeros((count, v), np.float32)
    )


def _fill(matrix: Matrix, number: int, rows: Rows, way: Way) -> None:
    weight_RC, scale_R, bias_R = rows
    r = len(weight_RC)
    if bias_R is not None:
        matrix.bias[number, :r] = bias_R
    if isinstance(way, Float32):
        whole_RC = weight_RC if scale_R is None else weight_RC * scale_R[:, None]
        put(matrix.tiles[number].transpose(0, 2, 1), whole_RC)
        matrix.scale[number, :r] = 1
        return
    if scale_R is None:
        weight_RC, scale_R = quantised(weight_RC)
    tiles = matrix.tiles[number]
    by_row_TRSB = tiles.reshape(len(tiles), -1, LANES, BYTES).transpose(0, 2, 1, 3)
    put(by_row_TRSB, weight_RC)
    matrix.scale[number, :r] = scale_R
    if way.offset:
        matrix.start[number, :r] = -way.offset * weight_RC.sum(1, dtype=np.int32)


def put(by_row: NDArray[Any], weight_RC: NDArray[Any]) -> None:
    """Into a view of tiles, (T, LANES, ...), a thousand tiles at a time."""
    columns = int(np.prod(by_row.shape[2:]))
    r, c = weight_RC.shape
    for first in range(0, len(by_row), 1024):
        part = weight_RC[first * LANES : (first + 1024) * LANES]
        full = np.zeros((-(-len(part) // LANES) * LANES, columns), by_row.dtype)
        full[: len(part), :c] = part
        by_row[first : first + 1024] = full.reshape(-1, *by_row.shape[1:])
