"""Which token comes next. A draw is a keyed hash of seed, alternative and number of the token: what else runs beside a
request, and what ran before it, changes nothing.

Shapes: V vocabulary, M rows.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
import xxhash
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def drawn(seed: int, alternative: int, number: int) -> float:
    """From 0 to below 1."""
    key = struct.pack("<QII", seed & (2**64 - 1), alternative, number)
    return (xxhash.xxh3_64_intdigest(key) >> 11) / 2**53


def choose(logits_V: Floats, temperature: float, top_p: float, draw: float, among: Sequence[int] | None = None) -> int:
    """The likeliest at temperature 0, else the one in whose share of the probability `draw` falls: of the likeliest
    tokens that have `top_p` of it together. `among`: other ids are not chosen."""
    logits = logits_V if among is None else logits_V[np.asarray(among)]
    best = int(logits.argmax()) if temperature == 0 else _sampled(logits, temperature, top_p, draw)
    return best if among is None else among[best]


def _sampled(logits_V: Floats, temperature: float, top_p: float, draw: float) -> int:
    scaled_V = logits_V.astype(np.float64) / temperature
    weights_V = np.exp(scaled_V - scaled_V.max())
    weights_V /= weights_V.sum()
    order_V = None
    if top_p < 1:
        order_V = np.argsort(-weights_V, kind="stable")
        weights_V = weights_V[order_V]
    sums_V = weights_V.cumsum()
    last = len(sums_V) - 1
    kept = last if top_p >= 1 else min(last, int(np.searchsorted(sums_V, top_p)))
    at = min(kept, int(np.searchsorted(sums_V, draw * sums_V[kept], side="right")))
    return at if order_V is None else int(order_V[at])


def logprobs(logits_MV: Floats, chosen: Sequence[int]) -> list[float]:
    """Natural logarithms of the probabilities of one token a row."""
    wide_MV = logits_MV.astype(np.float64)
    wide_MV -= wide_MV.max(1, keepdims=True)
    sums_M = np.log(np.exp(wide_MV).sum(1))
    return (wide_MV[np.arange(len(chosen)), list(chosen)] - sums_M).tolist()
