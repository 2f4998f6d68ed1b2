"""Texts with labelled spans as rows of tokens, each with its label in BIO; and such an encoder as a classifier.

Shapes: B rows, T tokens, L labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from model.encoder.encoder import Labeller
from model.encoder.vocabulary import Vocabulary

AROUND = 2
"""Tokens of a row that are of no text."""
ROWS = 64
"""That are read together."""


@dataclass(frozen=True)
class Row:
    """A window of a text."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]


def label_names(kinds: Sequence[str]) -> tuple[str, ...]:
    """`O`, then `B-` and `I-` of each."""
    return ("O", *(f"{prefix}-{kind.upper()}" for kind in kinds for prefix in "BI"))


def rows(text: str, spans: Sequence[tuple[int, int, int]], words: Vocabulary, room: int) -> Iterator[Row]:
    """The text in rows of `room` tokens, one behind the other. Spans are characters [start, end) and the number of
    their kind, sorted and disjoint."""
    ids, offsets = words.encode(text)
    labels = [0] * len(ids)
    at = 0
    for start, end, kind in spans:
        first = True
        while at < len(ids) and offsets[at][1] <= start:
            at += 1
        for token in range(at, len(ids)):
            begin, stop = offsets[token]
            if begin >= end:
                break
            if text[max(begin, start) : min(stop, end)].strip():
                labels[token] = 2 * kind + (1 if first else 2)
                first = False
    for start in range(0, len(ids), room):
        yield Row(tuple(ids[start : start + room]), tuple(labels[start : start + room]))


def batch(chosen: Sequence[Row], words: Vocabulary) -> tuple[Tensor, Tensor, Tensor]:
    """(ids_BT, mask_BT, targets_BT); a target is -100 where no text stands."""
    longest = max(len(row.ids) for row in chosen) + AROUND
    ids_BT = torch.full((len(chosen), longest), words.pad)
    targets_BT = torch.full((len(chosen), longest), -100)
    mask_BT = torch.zeros((len(chosen), longest), dtype=torch.bool)
    for number, row in enumerate(chosen):
        n = len(row.ids)
        ids_BT[number, : n + AROUND] = torch.tensor([words.cls, *row.ids, words.sep])
        mask_BT[number, : n + AROUND] = True
        targets_BT[number, 1 : n + 1] = torch.tensor(row.labels)
    return ids_BT, mask_BT, targets_BT


def loss(model: Labeller, chosen: Sequence[Row], words: Vocabulary) -> Tensor:
    ids_BT, mask_BT, targets_BT = batch(chosen, words)
    return F.cross_entropy(model(ids_BT, mask_BT).flatten(0, 1), targets_BT.flatten())


class Classifier:
    """The encoder as the NER layer asks it (`streams.redact.ner`)."""

    def __init__(self, model: Labeller, words: Vocabulary) -> None:
        self._model, self._words = model, words
        self.room = model.encoder.spec.context - AROUND
        """Tokens of a text that a window holds."""

    def encode(self, text: str) -> tuple[list[int], NDArray[np.int64]]:
        ids, offsets = self._words.encode(text)
        return ids, np.array(offsets, np.int64).reshape(-1, 2)

    @torch.inference_mode()
    def score(self, windows: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """Of each window the probabilities_TL."""
        scores: list[NDArray[np.float32]] = []
        for start in range(0, len(windows), ROWS):
            chosen = [Row(tuple(ids), (0,) * len(ids)) for ids in windows[start : start + ROWS]]
            ids_BT, mask_BT, _ = batch(chosen, self._words)
            of_rows = self._model(ids_BT, mask_BT).softmax(-1).numpy()
            scores += [each[1 : len(row.ids) + 1] for each, row in zip(of_rows, chosen, strict=True)]
        return scores
