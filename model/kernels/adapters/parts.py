"""Low-rank parts of modules as the compiled step reads them (model.kernels.adapters.low_rank).

Several modules may stand in one matrix, one below the other. Their A's do, too, so that activations are read once; of
B each tile takes the numbers of its own modules alone.

Shapes: R rank, I inputs, O outputs, N products.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit
from model.kernels.adapters.low_rank import HALF, PAIR, LowRank
from model.kernels.isa import Float32, Way
from model.kernels.packing import Floats
from model.kernels.tile import LANES


class Part(NamedTuple):
    """A module's low-rank part, its outputs in the order of the product's rows."""

    layer: int
    which: int
    """Product, of model.kernels.step."""
    first: int
    """The product's row that is the module's first one."""
    a_RI: Floats
    b_OR: Floats
    scale: float
    magnitude_O: Floats | None = None
    """Of DoRA: the length of each row of W + s B A, as it was learnt."""

    @property
    def end(self) -> int:
        return self.first + len(self.b_OR)


class Piece(NamedTuple):
    """Tiles that have the same modules."""

    first: int
    last: int
    parts: tuple[Part, ...]
    z: int
    """The first row of A that they take."""

    @property
    def steps(self) -> int:
        return sum(len(part.a_RI) for part in self.parts)


def none(way: Way, layers: int) -> LowRank:
    """Nothing stands beside any product."""
    return packed(way, layers, {})


def packed(way: Way, layers: int, products: Mapping[tuple[int, int], Sequence[Part]]) -> LowRank:
    """`products`: the parts of each by (layer, which), in the order of their rows."""
    places = np.zeros((layers + 1, 4, 5), np.int64)
    rows: list[list[int]] = []
    filled: list[tuple[int, Any]] = []
    end = scales = 0
    scale_R = np.zeros(sum(_even(parts) for parts in products.values()), np.float32)
    for (layer, which), parts in products.items():
        r, at_a = _even(parts), end
        stride = -(-parts[0].a_RI.shape[1] // LANES) * LANES
        filled += [(at_a + row * stride, part.a_RI) for row, part in zip(_rows(parts), parts, strict=True)]
        end += r * stride
        for row, part in zip(_rows(parts), parts, strict=True):
            scale_R[scales + row : scales + row + len(part.a_RI)] = part.scale
        places[layer, which] = r, at_a, scales, len(rows), len(rows)
        scales += r
        for piece in pieces(parts):
            rows.append([piece.first, piece.last, end, piece.z, piece.steps])
            filled.append((end, piece))
            end += (piece.last - piece.first) * piece.steps * LANES
        places[layer, which, 4] = len(rows)
    return LowRank(_filled(way, end, filled), scale_R, places, np.array(rows, np.int64).reshape(-1, 5))


def _even(parts: Sequence[Part]) -> int:
    """Rows of their A's, with one of 0 where that is not a multiple of PAIR."""
    return -(-sum(len(part.a_RI) for part in parts) // PAIR) * PAIR


def _rows(parts: Sequence[Part]) -> list[int]:
    """The first row of each part's A."""
    return [0, *np.cumsum([len(part.a_RI) for part in parts])[:-1].tolist()]


def pieces(parts: Sequence[Part]) -> Iterator[Piece]:
    """Those of a product that have any part."""
    ends = [row for part in parts for row in (part.first, part.end)]
    cuts = sorted({cut for row in ends for cut in (row // LANES, -(-row // LANES))})
    firsts = _rows(parts)
    for first, last in pairwise(cuts):
        here = [n for n, part in enumerate(parts) if part.first < last * LANES and part.end > first * LANES]
        if here:
            yield Piece(first, last, tuple(parts[n] for n in here), firsts[here[0]])


def _filled(way: Way, end: int, filled: Sequence[tuple[int, Any]]) -> NDArray[Any]:
    is_wide = isinstance(way, Float32)
    numbers = np.zeros(end, np.float32 if is_wide else np.uint16)
    for at, what in filled:
        if not isinstance(what, Piece):
            _put(numbers, at, np.ascontiguousarray(what), is_wide)
            continue
        _put_tiles(numbers, at, _rows_of(what), is_wide)
    return numbers


def _rows_of(piece: Piece) -> Floats:
    """Rows of B of the piece's tiles, the last ones of which may be missing."""
    first, last = piece.first * LANES, piece.last * LANES
    if len(piece.parts) == 1 and piece.parts[0].first <= first:
        (part,) = piece.parts
        return np.ascontiguousarray(part.b_OR[first - part.first : last - part.first])
    rows_OR = np.zeros((last - first, piece.steps), np.float32)
    for at, part in zip(_rows(piece.parts), piece.parts, strict=True):
        begin, end = max(first, part.first), min(last, part.end)
        its, ours = slice(begin - part.first, end - part.first), slice(begin - first, end - first)
        rows_OR[ours, at : at + len(part.a_RI)] = part.b_OR[its]
    return rows_OR


@njit(cache=True, nogil=True, error_model="numpy")
def _pair(lower, upper):  # pyright: ignore
    """bfloat16 of both, rounded to the nearest one, of two ties to the even one."""
    lower = (lower + np.uint32(0x7FFF) + ((lower >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    upper = upper + np.uint32(0x7FFF) + ((upper >> np.uint32(16)) & np.uint32(1))
    return lower | (upper & np.uint32(0xFFFF0000))


def _put(numbers: NDArray[Any], at: int, rows_RI: Floats, is_wide: bool) -> None:
    """Rows of A from this number on, each padded to whole blocks."""
    r, inputs = rows_RI.shape
    blocks = -(-inputs // LANES)
    full_RI = rows_RI
    if inputs % LANES:
        full_RI = np.zeros((r, blocks * LANES), np.float32)
        full_RI[:, :inputs] = rows_RI
    if is_wide:
        numbers[at : at + full_RI.size] = full_RI.ravel()
    else:
        _put_blocks(full_RI.view(np.uint32).ravel(), numbers[at : at + full_RI.size].view(np.uint32))


@njit(cache=True, nogil=True, error_model="numpy")
def _put_blocks(bits, out):  # pyright: ignore
    for block in range(len(bits) // LANES):
        for w in range(HALF):
            at = block * LANES + w
            out[block * HALF + w] = _pair(bits[at], bits[at + HALF])


def _put_tiles(numbers: NDArray[Any], at: int, rows_OR: Floats, is_wide: bool) -> None:
    """Rows of B from this number on, in tiles."""
    o, r = rows_OR.shape
    tiles = -(-o // LANES)
    if is_wide:
        full_OR = np.zeros((tiles * LANES, r), np.float32)
        full_OR[:o] = rows_OR
        numbers[at : at + full_OR.size] = full_OR.reshape(tiles, LANES, r).transpose(0, 2, 1).ravel()
    else:
        _put_pairs(
            rows_OR.view(np.uint32), numbers[at : at + tiles * r * LANES].view(np.uint32).reshape(tiles, r, HALF)
        )


@njit(cache=True, nogil=True, error_model="numpy")
def _put_pairs(bits_OR, out):  # pyright: ignore
    o, r = bits_OR.shape
    for t in range(len(out)):
        for w in range(HALF):
            lower, upper = t * LANES + w, t * LANES + HALF + w
            for k in range(r):
                one = bits_OR[lower, k] if lower < o else np.uint32(0)
                two = bits_OR[upper, k] if upper < o else np.uint32(0)
                out[t, k, w] = _pair(one, two)
