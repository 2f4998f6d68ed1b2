"""Numbers by keyed hash where others use a generator with a state: the same for the same key, whatever came before."""

from __future__ import annotations

from math import prod

import numpy as np
import xxhash
from numpy.typing import NDArray

_STEP = np.uint64(0x9E3779B97F4A7C15)


def key(*parts: object) -> int:
    """A key of 64 bits of what names a choice."""
    return xxhash.xxh3_64_intdigest("\0".join(map(str, parts)).encode())


def units(of: int, *shape: int) -> NDArray[np.float64]:
    """Numbers in [0, 1) of this shape: SplitMix64 (Steele, Lea, Flood 2014) over the places."""
    x = (np.arange(1, prod(shape) + 1, dtype=np.uint64) * _STEP) + np.uint64(of)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return ((x >> np.uint64(11)).astype(np.float64) / 2**53).reshape(shape)


def below(limit: int, of: int, *shape: int) -> NDArray[np.int64]:
    """Whole numbers in [0, limit)."""
    return (units(of, *shape) * limit).astype(np.int64)
