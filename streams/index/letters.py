"""Which characters make words: a class for every code point, by its general category (Unicode, as Python knows it)."""

from __future__ import annotations

import unicodedata

import numpy as np
from numpy.typing import NDArray

OTHER, WORD, ALONE = 0, 1, 2
"""Separates words; belongs to one; is one by itself."""
_SPACELESS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x0F00, 0x0FFF),  # Tibetan
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x3007),
    (0x3021, 0x30FF),  # Hiragana, Katakana
    (0x3105, 0x312F),  # Bopomofo
    (0x31A0, 0x31FF),
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0x9FFF),
    (0xA980, 0xA9DF),  # Javanese
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # half-width Katakana
    (0x1B000, 0x1B16F),  # Kana of the supplements
    (0x20000, 0x323AF),  # further Han
)
"""Scripts that are written without spaces between words, as ranges of code points, both ends included."""
_END = 0x323B0
"""One past the last letter; what lies above is unassigned or private."""
_FIRST_HAN = 0x20000


def _classes() -> NDArray[np.uint8]:
    classes = np.zeros(_END, np.uint8)
    letters = [point for point in range(_FIRST_HAN) if unicodedata.category(chr(point))[0] in "LMN"]
    classes[letters] = WORD
    classes[ord("_")] = WORD
    for first, last in _SPACELESS:
        own = classes[first : last + 1]
        own[own == WORD] = ALONE
    classes[_FIRST_HAN:] = ALONE
    return classes


CLASSES = _classes()
"""By code point. ASCII letters, digits and `_` are words, as they were before other scripts counted."""


def count_words(text: str) -> int:
    """Runs of letters, marks and digits; in scripts without spaces every letter is a word."""
    kinds = CLASSES[[min(ord(character), _END - 1) for character in text]] if text else np.zeros(0, np.uint8)
    begins = (kinds == WORD) & np.concatenate(([True], kinds[:-1] != WORD))[: len(kinds)]
    return int((kinds == ALONE).sum() + begins.sum())
