"""A text's words, and how it repeats itself."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from math import log

import numpy as np
from numpy.typing import NDArray

from streams.index.letters import ALONE, CLASSES, WORD

MAX_WORDS = 200_000
"""That are looked at, the first ones."""
_WORD = re.compile(r"\w+")
MARKS = "".join(chr(point) for point in range(0x300, 0x20000) if unicodedata.category(chr(point))[0] == "M")
"""That letters carry, which `\\w` leaves out."""
_MARKED = re.compile("[\\w" + MARKS + "]+")
"""With the marks that letters carry, which `\\w` leaves out."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def words(text: str) -> list[str]:
    """Runs of letters, marks and digits; each letter of a script without spaces is a word."""
    if text.isascii():
        return _WORD.findall(text)[:MAX_WORDS]
    return [piece for word in _MARKED.findall(text) for piece in _pieces(word)][:MAX_WORDS]


def stands_alone(word: str) -> bool:
    """Whether it begins with a letter of a script that is written without spaces."""
    return bool(CLASSES[min(ord(word[0]), len(CLASSES) - 1)] == ALONE)


def _pieces(word: str) -> list[str]:
    if word.isascii():
        return [word]
    pieces: list[str] = []
    inside = False
    for character in word:
        kind = CLASSES[min(ord(character), len(CLASSES) - 1)]
        if kind == ALONE or not inside:
            pieces.append(character)
        else:
            pieces[-1] += character
        inside = kind == WORD
    return pieces


class Repetition:
    """Of a list of words, what shares of their characters stand in repeated runs of n words."""

    def __init__(self, given: list[str]) -> None:
        numbers: dict[str, int] = {}
        self.ids: NDArray[np.uint64] = np.array([numbers.setdefault(word, len(numbers)) for word in given], np.uint64)
        self.sizes: NDArray[np.int64] = np.array([len(word) for word in given], np.int64)
        self.chars = max(1, int(self.sizes.sum()))

    def top(self, n: int) -> float:
        """Characters in the commonest run of n words, all its places together, that none overlap; 0 if none repeats."""
        keys = self._keys(n)
        if not len(keys):
            return 0.0
        values, first, counts = np.unique(keys, return_index=True, return_counts=True)
        best = int(counts.max())
        if best < 2:
            return 0.0
        size = max(int(self.sizes[at : at + n].sum()) for at in first[counts == best])
        return min(1.0, best * size / self.chars) if len(values) > 1 else 1.0

    def repeated(self, n: int) -> float:
        """Characters in runs of n words that stood there before."""
        keys = self._keys(n)
        if not len(keys):
            return 0.0
        _, first = np.unique(keys, return_index=True)
        again = np.ones(len(keys), np.int64)
        again[first] = 0
        covered = np.convolve(again, np.ones(n, np.int64)) > 0
        return float(self.sizes[covered].sum() / self.chars)

    def _keys(self, n: int) -> NDArray[np.uint64]:
        """One number for each run of n words; equal where the runs are."""
        count = len(self.ids) - n + 1
        if count <= 0:
            return np.zeros(0, np.uint64)
        keys = np.zeros(count, np.uint64)
        for offset in range(n):
            keys = (keys ^ (self.ids[offset : offset + count] + np.uint64(1))) * _FACTOR
            keys ^= keys >> np.uint64(29)
        return keys


def entropy(given: list[str]) -> float:
    """Of the words, nats."""
    total = len(given)
    return -sum(count / total * log(count / total) for count in Counter(given).values()) if total else 0.0
