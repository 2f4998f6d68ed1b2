"""Rows to pre-train on: pairs of texts `[CLS] a [SEP] b [SEP]` with masks (BERT, arXiv 1810.04805, section 3.1).

Half of the b's follow their a in its document, the others come from another one. Of the tokens of both, 15 % are to be
said: 80 % of these are masked, 10 % replaced by another, 10 % left. All of it is chosen by keyed hash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from model.encoder import keyed
from model.encoder.encoder import Pretraining
from model.encoder.vocabulary import SPECIAL, Vocabulary

SHARE, MASKED, REPLACED = 0.15, 0.8, 0.1
AROUND = 3
"""Tokens of a row that are of no text."""
FEWEST = 8
"""Tokens of a document from which a pair can be made."""


@dataclass(frozen=True)
class Pairs:
    """A batch. Shapes: B rows, T tokens."""

    ids_BT: Tensor
    mask_BT: Tensor
    segments_BT: Tensor
    targets_BT: Tensor
    """What is to be said; -100 where nothing is."""
    follows_B: Tensor
    """1 where b follows a, else 0."""


def pairs(documents: Sequence[NDArray[np.int32]], words: Vocabulary, rows: int, context: int, key: int) -> Pairs:
    """The batch of a key. The documents hold FEWEST tokens or more, and there are two or more."""
    ids_BT = np.full((rows, context), words.pad, np.int64)
    segments_BT, mask_BT = np.zeros_like(ids_BT), np.zeros((rows, context), bool)
    follows_B = np.zeros(rows, np.int64)
    for row in range(rows):
        a, b, follows_B[row] = _pair(documents, (context - AROUND) // 2, keyed.key(key, row))
        ids = [words.cls, *a, words.sep, *b, words.sep]
        ids_BT[row, : len(ids)], mask_BT[row, : len(ids)] = ids, True
        segments_BT[row, len(a) + 2 : len(ids)] = 1
    masked_BT, targets_BT = _masked(ids_BT, mask_BT & ~np.isin(ids_BT, [words.cls, words.sep]), words, key)
    made = map(torch.from_numpy, (masked_BT, mask_BT, segments_BT, targets_BT, follows_B))
    return Pairs(*made)


def _pair(documents: Sequence[NDArray[np.int32]], half: int, key: int) -> tuple[list[int], list[int], int]:
    """Two texts of `half` tokens at most, and whether the second follows the first."""
    where = keyed.units(key, 5)
    number = int(where[0] * len(documents))
    document = documents[number]
    length = min(half, len(document) // 2)
    start = int(where[1] * (len(document) - 2 * length + 1))
    a = document[start : start + length].tolist()
    if where[2] < 0.5:
        return a, document[start + length : start + 2 * length].tolist(), 1
    other = documents[(number + 1 + int(where[3] * (len(documents) - 1))) % len(documents)]
    first = int(where[4] * max(1, len(other) - half + 1))
    return a, other[first : first + half].tolist(), 0


def _masked(
    ids_BT: NDArray[np.int64], text_BT: NDArray[np.bool_], words: Vocabulary, key: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    said_BT = text_BT & (keyed.units(keyed.key(key, "said"), *ids_BT.shape) < SHARE)
    fate_BT = keyed.units(keyed.key(key, "fate"), *ids_BT.shape)
    other_BT = len(SPECIAL) + keyed.below(words.size - len(SPECIAL), keyed.key(key, "other"), *ids_BT.shape)
    masked_BT = np.where(said_BT & (fate_BT < MASKED), words.mask, ids_BT)
    masked_BT = np.where(said_BT & (fate_BT >= MASKED) & (fate_BT < MASKED + REPLACED), other_BT, masked_BT)
    return masked_BT, np.where(said_BT, ids_BT, -100)


def loss(model: Pretraining, batch: Pairs) -> tuple[Tensor, float]:
    """The sum of both losses, and the share of pairs that were told right."""
    x_BTD = model.encoder(batch.ids_BT, batch.mask_BT, batch.segments_BT)
    said_BT = batch.targets_BT >= 0
    next_B2 = model.follows(x_BTD)
    other_B = 1 - batch.follows_B  # BERT's head says 0 where b follows
    right = (next_B2.argmax(-1) == other_B).float().mean().item()
    masked = F.cross_entropy(model.logits(x_BTD[said_BT]), batch.targets_BT[said_BT]) if said_BT.any() else 0.0
    return masked + F.cross_entropy(next_B2, other_B), right
