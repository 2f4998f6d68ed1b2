"""A decoder's compiled step with all that it needs: weights, buffers, threads.

Shapes: M rows, N pages of a row's table, L layers, P pages, G heads of keys and values, K head width, S tokens a page,
V vocabulary, W rows whose logits are wanted.
"""

from __future__ import annotations

from threading import Lock

import numpy as np
from numpy.typing import NDArray

from model.kernels.crew import Crew
from model.kernels.isa import Way
from model.kernels.packing import STEPS, TILES, Floats
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
        self._crew = Crew(threads)
        self._work = self._buffers(1, 1)
        self._lock = Lock()

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
        with self._lock:
            self._make_room(max(len(ids_M), len(wanted_W)), call.tables_MN.shape[1])
            given = (self.way, self.shape, self.weights, self._work, call, keys_LPGKS, values_LPGSK, logits_WV)
            self._crew.run(lambda part, parts: step(*given, part, parts))
        return logits_WV[:, : self.vocab]

    def _angles(self, positions_M: NDArray[np.int32]) -> tuple[Floats, Floats]:
        angles_MK = positions_M[:, None].astype(np.float32) * self.frequencies_K
        return np.cos(angles_MK) * self.factor, np.sin(angles_MK) * self.factor

    def _make_room(self, rows: int, pages: int) -> None:
        have = len(self._work.x_MD), self._work.scores_PHT.shape[2] // LANES
        if rows > have[0] or pages > have[1]:
            self._work = self._buffers(max(rows, have[0]), max(pages, have[1]))

    def _buffers(self, rows: int, pages: int) -> Work:
        w, s = self.weights, self.shape
        wide, columns = (int(w.places[: s.layers, :, n].max()) for n in (TILES, STEPS))
        d = w.norms.shape[2]
        return Work(
            _floats(rows, d), _floats(rows, d), _floats(rows, s.heads * s.head_width), _floats(rows, s.inner),
            _floats(rows, wide * LANES), np.zeros((rows, columns * BYTES), np.uint8), _floats(rows),
            _floats(self._crew.threads, s.heads // s.kv_heads, pages * LANES), np.zeros(1, np.int64),
        )  # fmt: skip


def _floats(*shape: int) -> Floats:
    return np.zeros(shape, np.float32)
