"""Which token comes next. A draw is a keyed hash of seed, alternative and number of the token: what else runs beside a
request, and what ran before it, changes nothing.

Shapes: V vocabulary, M rows.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import torch
import xxhash
from torch import Tensor


def drawn(seed: int, alternative: int, number: int) -> float:
    """From 0 to below 1."""
    key = struct.pack("<QII", seed & (2**64 - 1), alternative, number)
    return (xxhash.xxh3_64_intdigest(key) >> 11) / 2**53


def choose(logits_V: Tensor, temperature: float, top_p: float, draw: float, among: Sequence[int] | None = None) -> int:
    """The likeliest at temperature 0, else the one in whose share of the probability `draw` falls: of the likeliest
    tokens that have `top_p` of it together. `among`: other ids are not chosen."""
    ids = None if among is None else torch.tensor(among, device=logits_V.device)
    logits = logits_V if ids is None else logits_V[ids]
    best = int(logits.argmax()) if temperature == 0 else _sampled(logits, temperature, top_p, draw)
    return best if among is None else among[best]


def _sampled(logits_V: Tensor, temperature: float, top_p: float, draw: float) -> int:
    weights_V = torch.softmax(logits_V.double() / temperature, dim=-1)
    order_V = None
    if top_p < 1:
        weights_V, order_V = weights_V.sort(descending=True, stable=True)
    sums_V = weights_V.cumsum(0)
    last = len(sums_V) - 1
    kept = last if top_p >= 1 else min(last, int(torch.searchsorted(sums_V, top_p)))
    at = min(kept, int(torch.searchsorted(sums_V, draw * float(sums_V[kept]), right=True)))
    return at if order_V is None else int(order_V[at])


def logprobs(logits_MV: Tensor, chosen: Sequence[int]) -> list[float]:
    """Natural logarithms of the probabilities of one token a row."""
    chosen_M1 = torch.tensor(chosen, device=logits_MV.device)[:, None]
    return (logits_MV.gather(1, chosen_M1)[:, 0] - logits_MV.logsumexp(1)).tolist()
