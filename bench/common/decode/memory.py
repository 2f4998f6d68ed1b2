"""The rate of the memory: how fast threads add up as many bytes as the weights have."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(nogil=True, fastmath=True)
def _sum(numbers: NDArray[np.int64]) -> int:
    total = 0
    for i in range(len(numbers)):
        total += numbers[i]
    return total


class Rate:
    """Of one array, which stays."""

    def __init__(self, size: int, threads: int) -> None:
        self._parts = np.array_split(np.ones(size // 8, np.int64), threads)
        self._pool = ThreadPoolExecutor(threads)
        self.once()

    def once(self) -> float:
        """Milliseconds."""
        began = time.perf_counter()
        total = sum(self._pool.map(_sum, self._parts))
        spent = 1e3 * (time.perf_counter() - began)
        assert total == sum(map(len, self._parts))
        return spent
