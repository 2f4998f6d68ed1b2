"""Spans of what a model says of tokens: words, their kinds, and runs of them; in characters, half open.

Shapes: T tokens, L labels, K kinds and the outside before them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.redact.ner.labels import Labels
from streams.redact.replacing import KINDS

SPACED = 0x2E80
"""Scripts from this character on (Chinese, Japanese, Korean) have no spaces between words."""


class Found(NamedTuple):
    """A run of words of one kind."""

    start: int
    end: int
    kind: str
    score: float
    """The probability of the kind, the mean over the tokens."""


class _Word(NamedTuple):
    start: int
    end: int
    tokens: int
    kind: int
    score: float
    begins: bool


def decode(text: str, offsets_T2: NDArray[np.int64], scores_TL: NDArray[np.float32], labels: Labels) -> list[Found]:
    """What is found, in its order. A word is of the kind that its tokens say together: none is replaced in part."""
    keep = offsets_T2[:, 1] > offsets_T2[:, 0]
    offsets_T2, scores_TL = offsets_T2[keep], scores_TL[keep]
    if not len(offsets_T2):
        return []
    kinds_TK = scores_TL @ np.eye(1 + len(KINDS), dtype=np.float32)[list(labels.kinds)]
    begins_T = np.asarray(labels.begins)[scores_TL.argmax(1)]
    words = _words(text, offsets_T2, kinds_TK, begins_T)
    return [_joined(run) for run in _runs(text, words)]


def _words(
    text: str, offsets_T2: NDArray[np.int64], kinds_TK: NDArray[np.float32], begins_T: NDArray[np.bool_]
) -> list[_Word]:
    starts = [
        0,
        *(t for t in range(1, len(offsets_T2)) if not _is_glued(text, *offsets_T2[t - 1 : t + 1])),
        len(offsets_T2),
    ]
    words: list[_Word] = []
    for first, last in pairwise(starts):
        mean_K = kinds_TK[first:last].mean(0)
        kind = int(mean_K.argmax())
        begin, end = int(offsets_T2[first, 0]), int(offsets_T2[first:last, 1].max())
        words.append(_Word(begin, end, last - first, kind, float(mean_K[kind]), bool(begins_T[first])))
    return words


def _is_glued(text: str, before: NDArray[np.int64], token: NDArray[np.int64]) -> bool:
    """Whether a token stands in one word with the one before it."""
    at = int(token[0])
    if at < int(before[1]):  # bytes of one character
        return True
    return at == int(before[1]) and _is_letter(text[at - 1]) and _is_letter(text[at])


def _is_letter(character: str) -> bool:
    return character.isalnum() and ord(character) < SPACED


def _runs(text: str, words: list[_Word]) -> list[list[_Word]]:
    """Neighbours of one kind. A label that begins something does so behind a line's end alone: models begin a family
    name anew as often as not."""
    runs: list[list[_Word]] = []
    last: _Word | None = None
    for word in words:
        if word.kind:
            follows = last is not None and last.kind == word.kind
            if follows and not (word.begins and "\n" in text[last.end : word.end]):  # type: ignore[union-attr]
                runs[-1].append(word)
            else:
                runs.append([word])
        last = word
    return runs


def _joined(run: list[_Word]) -> Found:
    tokens = sum(word.tokens for word in run)
    score = sum(word.score * word.tokens for word in run) / tokens
    return Found(run[0].start, run[-1].end, KINDS[run[0].kind - 1], score)
