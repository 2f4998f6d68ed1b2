"""Nats of examples under a model, summed over kinds of tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from model.decoder.decoder import Decoder
from model.example import Example
from model.training.batch import collate
from model.training.score import targets

ROW = 1024
ROWS = 4
"""Rows of a forward pass, tokens each."""


@dataclass(frozen=True)
class Scored:
    """An example and what of it counts: K kinds of tokens, as 0 and 1, and the bytes of each kind."""

    example: Example
    counts_KT: NDArray[np.float32]
    bytes_K: NDArray[np.float64]


def of_whole(example: Example, widths: NDArray[np.int64], is_new: NDArray[np.bool_]) -> Scored:
    """All tokens, as the trainer's prequential figure; and those of lines that the repository did not have."""
    counts = np.stack([np.ones(len(widths)), is_new]).astype(np.float32)
    return Scored(example, counts, np.array([example.text_bytes, widths[1:] @ is_new[1:]], np.float64))


def of_tail(example: Example, widths: NDArray[np.int64], tail: NDArray[np.bool_], is_new: NDArray[np.bool_]) -> Scored:
    """The changed lines; and those of them that the repository did not have."""
    both = np.stack([tail, tail & is_new])
    return Scored(example, both.astype(np.float32), (both[:, 1:] @ widths[1:]).astype(np.float64))


@torch.inference_mode()
def score(model: Decoder, scored: Sequence[Scored]) -> NDArray[np.float64]:
    """nats_K of all of them."""
    training = model.training
    model.eval()
    total = np.zeros(len(scored[0].counts_KT) if scored else 0)
    for rows in _rows(scored):
        batch = collate([[s.example for s in row] for row in rows], ROW)
        ids, positions, documents = map(torch.from_numpy, (batch.ids_BT, batch.positions_BT, batch.documents_BT))
        logits_BTV = model(ids, positions, documents)
        targets_BT = targets(ids, documents)
        nats_BT = F.cross_entropy(logits_BTV.flatten(0, 1), targets_BT.flatten(), reduction="none").view(ids.shape)
        for row, nats_T in zip(rows, nats_BT.numpy(), strict=True):
            at = 0
            for one in row:
                n = one.example.tokens
                total += one.counts_KT[:, 1:] @ nats_T[at : at + n - 1].astype(np.float64)
                at += n
    model.train(training)
    return total


def bits(nats: float, size: float) -> float:
    """Bits a byte."""
    return float(nats / log(2) / size) if size else float("nan")


def _rows(scored: Sequence[Scored]) -> Iterator[list[list[Scored]]]:
    rows: list[list[Scored]] = [[]]
    used = 0
    for one in scored:
        if used + one.example.tokens > ROW:
            if len(rows) == ROWS:
                yield rows
                rows = []
            rows.append([])
            used = 0
        rows[-1].append(one)
        used += one.example.tokens
    if rows[-1]:
        yield rows


def sized(scored: Iterable[Scored]) -> NDArray[np.float64]:
    """bytes_K of all of them."""
    return np.sum([np.zeros(2), *(s.bytes_K for s in scored)], axis=0)
