"""A decoder's compiled step with all that it needs: weights, buffers, threads.

Shapes: M rows, N pages of a row's table, L layers, P pages, G heads of keys and values, K head width, S tokens a page,
V vocabulary, W rows whose logits are wanted.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from model.kernels.adapters import parts as beside
from model.kernels.adapters.lengths import lengths
from model.kernels.adapters.low_rank import RANKS
from model.kernels.adapters.parts import Part
from model.kernels.crew import Crew
from model.kernels.isa import Way
from model.kernels.packing import AT_NUMBERS, STEPS, TILES, Floats
from model.kernels.step import HEAD, Call, Shape, Weights, Work, step
from model.kernels.tile import BYTES, LANES


class CompiledStep:
    """Rows of any sequences through all layers. Results are the same on any number of threads."""

    def __init__(
        self, way: Way, shape: Shape, weights: Weights, vocab: int, frequencies_K: Floats, factor: float = 1.0,
        threads: int = 1,
    ) -> None:  # fmt: skip
        """`frequencies_K`: radians a position of each pair of a head, none without rotary positions; sines and cosines
        are multiplied by `factor`."""
        self.way, self.shape, self.weights, self.vocab = way, shape, weights, vocab
        self.frequencies_K, self.factor = frequencies_K, np.float32(factor)
        self.low = beside.none(way, shape.layers)
        self._ranks = 0
        self._base: CompiledStep | None = None
        self._room = Room(shape, weights, threads)

    def __call__(
        self,
        ids_M: NDArray[np.int64],
        positions_M: NDArray[np.int32],
        tables_MN: NDArray[np.int32],
        keys_LPGKS: Floats,
        values_LPGSK: Floats,
        wanted_W: NDArray[np.int64] | None = None,
    ) -> Floats:
        """logits_WV of the rows whose numbers are `wanted_W`; None: of all.

        Row m is appended to the sequence of its table at its position; the keys and values of all rows are written
        before any row of that layer attends, row m sees positions 0..positions_M[m] of its own table."""
        wanted_W = np.arange(len(ids_M)) if wanted_W is None else np.ascontiguousarray(wanted_W, np.int64)
        call = Call(
            np.ascontiguousarray(ids_M, np.int64), np.ascontiguousarray(positions_M, np.int64),
            np.ascontiguousarray(tables_MN, np.int32), *self._angles(positions_M), wanted_W,
        )  # fmt: skip
        tiles = self.weights.places[self.shape.layers, HEAD, TILES]
        logits_WV = np.empty((len(wanted_W), tiles * LANES), np.float32)
        with self._room.lock:
            work = self._room.of(max(len(ids_M), len(wanted_W)), call.tables_MN.shape[1], self._ranks)
            given = self.way, self.shape, self.weights, self.low, work, call, keys_LPGKS, values_LPGSK, logits_WV
            self._room.crew.run(lambda part, parts: step(*given, part, parts))
        return logits_WV[:, : self.vocab]

    def beside(self, parts: Sequence[Part]) -> CompiledStep:
        """The same weights with low-rank parts beside them, which stand alone: of a step that has some already, these
        are no part of it. Weights, buffers and threads are shared; only one of the steps that share them runs at a
        time. No part may stand beside the same rows as another one."""
        made = copy.copy(self._base or self)
        made._base = self._base or self
        base, numbers = made.weights, made.weights.numbers
        products: dict[tuple[int, int], list[Part]] = {}
        for part in sorted(parts, key=lambda part: part[:3]):
            if part.magnitude_O is not None:
                numbers = numbers.copy() if numbers is base.numbers else numbers
                part = _divided(base, part, numbers)
            products.setdefault(part[:2], []).append(part)
        made.weights, made.low = base._replace(numbers=numbers), beside.packed(made.way, made.shape.layers, products)
        made._ranks = int(made.low.places[:, :, RANKS].max())
        return made

    def _angles(self, positions_M: NDArray[np.int32]) -> tuple[Floats, Floats]:
        angles_MK = positions_M[:, None].astype(np.float32) * self.frequencies_K
        return np.cos(angles_MK) * self.factor, np.sin(angles_MK) * self.factor


def _divided(weights: Weights, part: Part, numbers: Floats) -> Part:
    """A part of DoRA as one without magnitudes: y = f (W x + s B A x) + bias, where f is the magnitude over the length
    of each row, is a product whose scales, in `numbers`, and whose B are f times as large."""
    assert part.magnitude_O is not None
    factor_O = (part.magnitude_O / lengths(weights, part)).astype(np.float32)
    at = int(weights.places[part.layer, part.which, AT_NUMBERS]) + part.first
    numbers[at : at + len(factor_O)] *= factor_O
    return part._replace(b_OR=part.b_OR * factor_O[:, None], magnitude_O=None)


class Room:
    """Threads and buffers of the steps of the same weights, of which one runs at a time, with the lock held."""

    def __init__(self, shape: Shape, weights: Weights, threads: int) -> None:
        self.crew, self.lock = Crew(threads), Lock()
        self._shape = shape
        self._wide, self._columns = (int(weights.places[: shape.layers, :, n].max()) for n in (TILES, STEPS))
        self._d = weights.norms.shape[2]
        self._have = 1, 1, 0
        self._work = self._buffers(*self._have)

    def of(self, rows: int, pages: int, ranks: int) -> Work:
        """Buffers for so many at least."""
        wanted = max(rows, self._have[0]), max(pages, self._have[1]), max(ranks, self._have[2])
        if wanted != self._have:
            self._have, self._work = wanted, self._buffers(*wanted)
        return self._work

    def _buffers(self, rows: int, pages: int, ranks: int) -> Work:
        s, d = self._shape, self._d
        return Work(
            _floats(rows, d), _floats(rows, d), _floats(rows, s.heads * s.head_width), _floats(rows, s.inner),
            _floats(rows, self._wide * LANES), np.zeros((rows, self._columns * BYTES), np.uint8), _floats(rows),
            _floats(rows, ranks), _floats(self.crew.threads, s.heads // s.kv_heads, pages * LANES),
            np.zeros(1, np.int64),
        )  # fmt: skip


def _floats(*shape: int) -> Floats:
    return np.zeros(shape, np.float32)
