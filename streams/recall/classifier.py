"""A hashed linear classifier of texts: logistic regression over words and pairs of words, compiled.

What fastText's supervised mode does with one hidden unit a class, without a package of it that fits. The same texts in
the same order give the same weights.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit

BITS = 18
BUCKETS = 1 << BITS
MAX_FEATURES = 4_096
"""Of a text: its first words, and the pairs of neighbours among them."""
MAX_BYTES = 64 * 1024
"""Of a text that are looked at, the first ones."""
EPOCHS, RATE, DECAY = 8, 0.5, 1e-5
"""Passes over the texts, the first step, and how much of a weight each touch takes away."""


@njit(cache=True, nogil=True)
def _features(data: NDArray[np.uint8], out: NDArray[np.uint32]) -> int:
    """Buckets of words (ASCII in lower case; a character of four or three bytes is a word) and of pairs; how many."""
    count = 0
    word = np.uint64(0)
    last = np.uint64(0)
    prime = np.uint64(0x9E3779B97F4A7C15)
    i = 0
    while i <= data.shape[0] and count + 2 <= out.shape[0]:
        c = data[i] if i < data.shape[0] else 32
        letter = (48 <= c <= 57) or (65 <= c <= 90) or (97 <= c <= 122) or c == 95 or 0x80 <= c < 0xE0
        if letter:
            lower = c + 32 if 65 <= c <= 90 else c
            word = (word ^ np.uint64(lower + 1)) * prime
            word ^= word >> np.uint64(31)
            i += 1
            continue
        wide = c >= 0xE0
        for part in range(2):  # the word before, then a wide character by itself
            if part == 1 and wide:
                size = 4 if c >= 0xF0 else 3
                word = np.uint64(1)
                for j in range(i, min(i + size, data.shape[0])):
                    word = (word ^ np.uint64(data[j] + 1)) * prime
                    word ^= word >> np.uint64(31)
                i += size - 1
            if word != 0 and count + 2 <= out.shape[0]:
                out[count] = np.uint32(word >> np.uint64(64 - BITS))
                count += 1
                if last != 0:
                    pair = (word ^ (last * np.uint64(3))) * prime
                    out[count] = np.uint32(pair >> np.uint64(64 - BITS))
                    count += 1
                last = word
                word = np.uint64(0)
        i += 1
    return count


@njit(cache=True, nogil=True)
def _margin(features: NDArray[np.uint32], weights: NDArray[np.float32], bias: float) -> float:
    total = 0.0
    for feature in features:
        total += weights[feature]
    return bias + total / np.sqrt(max(1, features.shape[0]))


@njit(cache=True, nogil=True)
def _train(
    flat: NDArray[np.uint32], ends: NDArray[np.int64], labels: NDArray[np.float32], order: NDArray[np.int64],
    weights: NDArray[np.float32], epochs: int, rate: float, decay: float,
) -> float:  # fmt: skip
    """Stochastic steps down the logistic loss, the rate falling to nothing; the bias."""
    bias = 0.0
    steps = epochs * order.shape[0]
    step = 0
    for _ in range(epochs):
        for text in order:
            start = ends[text - 1] if text else 0
            features = flat[start : ends[text]]
            error = labels[text] - 1.0 / (1.0 + np.exp(-_margin(features, weights, bias)))
            now = rate * (1.0 - step / steps)
            scale = now * error / np.sqrt(max(1, features.shape[0]))
            for feature in features:
                weights[feature] += scale - now * decay * weights[feature]
            bias += now * error
            step += 1
    return bias


def features(text: str) -> NDArray[np.uint32]:
    """Buckets of a text's words and pairs of words."""
    out = np.empty(MAX_FEATURES, np.uint32)
    data = np.frombuffer(text[:MAX_BYTES].encode("utf-8", "replace")[:MAX_BYTES], np.uint8)
    return out[: _features(data, out)].copy()


class Classifier:
    """Gives texts a score in (0, 1)."""

    def __init__(self, weights: NDArray[np.float32], bias: float) -> None:
        self.weights, self.bias = weights, bias

    @classmethod
    def train(cls, good: Sequence[str], bad: Sequence[str]) -> Classifier:
        """From texts of both kinds, each kind with half of the say; turn by turn. Raises ValueError without either."""
        if not good or not bad:
            raise ValueError("a classifier needs texts of both kinds")
        rounds = max(len(good), len(bad))
        made = [features(text) for text in (*good, *bad)]
        ends = np.cumsum([len(each) for each in made])
        labels = np.array([1.0] * len(good) + [0.0] * len(bad), np.float32)
        order = np.empty(2 * rounds, np.int64)
        order[::2] = np.arange(rounds) % len(good)
        order[1::2] = len(good) + np.arange(rounds) % len(bad)
        weights = np.zeros(BUCKETS, np.float32)
        bias = _train(np.concatenate(made), ends, labels, order, weights, EPOCHS, RATE, DECAY)
        return cls(weights, float(bias))

    def score(self, text: str) -> float:
        return float(1.0 / (1.0 + np.exp(-_margin(features(text), self.weights, self.bias))))

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            np.savez_compressed(file, weights=self.weights, bias=np.float64(self.bias), bits=np.int64(BITS))

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Raises ValueError on what `save` did not write."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                if int(stored["bits"]) != BITS:
                    raise ValueError(f"{path}: made with other features")
                return cls(stored["weights"].astype(np.float32), float(stored["bias"]))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: no classifier: {error}") from error
