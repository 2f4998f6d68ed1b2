"""The layer: texts in, spans out, many texts at a time; a text of any length in pieces of which none is left out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from streams.redact.detector import Span
from streams.redact.ner import labels, rules, spans
from streams.redact.ner.folder import UnusableModel, labels_of
from streams.redact.ner.windows import Window, pieces, windows

log = logging.getLogger("midstream.streams")

OVERLAP = 4
"""Neighbouring windows share one token in so many."""
GROUP = 32_768
"""Characters that are handed to the model in one call: careful mode gives a call a minute, the watchdog two."""
Call = Callable[..., Any]


MIN_SCORE = 0.5


class Model(Protocol):
    """A token classifier: `library.Classifier`, or one that is being trained."""

    room: int
    """Tokens of a text that a window holds."""

    def encode(self, text: str) -> tuple[list[int], NDArray[np.int64]]:
        """Ids, and the characters [start, end) of each."""
        ...

    def score(self, windows: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        """Of each window the probabilities of the labels, token by token."""
        ...


@lru_cache(maxsize=2)
def load(folder: Path, min_score: float) -> Layer:
    """The layer of a folder. Raises UnusableModel. Labels that mean nothing here are named in the log."""
    return Layer(folder, min_score)


class Layer:
    """A token classifier whose finds are spans of our kinds; goes to another process as the name of its folder."""

    def __init__(self, folder: Path, min_score: float = MIN_SCORE) -> None:
        """Raises UnusableModel."""
        self._folder, self._min_score = folder, min_score
        named = labels_of(folder)
        self._labels = labels.read(named)
        if not any(self._labels.kinds):
            raise UnusableModel(f"{folder}: none of its labels ({', '.join(named[:20])}) is a kind that is replaced")
        from streams.redact.ner.library import Classifier  # with torch and transformers

        self._model: Model = Classifier(folder)
        if unknown := self._labels.unknown:
            log.warning("the NER model's labels %s are none that redaction knows: ignored", ", ".join(unknown))

    @classmethod
    def over(cls, model: Model, names: Sequence[str], min_score: float = MIN_SCORE) -> Layer:
        """A layer of a model that is here already, with labels of these names; it goes to no other process."""
        layer = cls.__new__(cls)
        layer._model, layer._labels, layer._min_score = model, labels.read(names), min_score
        return layer

    def __reduce__(self) -> tuple[Callable[..., Layer], tuple[Path, float]]:
        return load, (self._folder, self._min_score)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Labels that are ignored because they mean nothing here."""
        return self._labels.unknown

    def read(self, texts: Sequence[str]) -> list[list[Span]]:
        """Of each text the spans, in bytes of UTF-8; the texts are short, see `pieces`."""
        encoded = [self._model.encode(text) for text in texts]
        cuts = [self._cut(len(ids)) for ids, _ in encoded]
        asked = [ids[w.start : w.end] for (ids, _), cut in zip(encoded, cuts, strict=True) for w in cut]
        answers = iter(self._model.score(asked))
        return [
            self._spans(text, offsets, cut, answers)
            for text, (_, offsets), cut in zip(texts, encoded, cuts, strict=True)
        ]

    def _cut(self, count: int) -> list[Window]:
        return windows(count, self._model.room, self._model.room // OVERLAP) if count else []

    def _spans(
        self, text: str, offsets: NDArray[np.int64], cut: list[Window], answers: Iterator[NDArray[np.float32]]
    ) -> list[Span]:
        scores = [next(answers)[w.first - w.start : w.last - w.start] for w in cut]
        if not scores:
            return []
        found = spans.decode(text, offsets, np.concatenate(scores), self._labels)
        kept: list[Span] = []
        for each in found:
            start, end = rules.trimmed(text, each.start, each.end, each.kind)
            if each.score >= self._min_score and rules.is_one(text, start, end, each.kind):
                kept.append((start, end, each.kind))
        return _in_bytes(text, kept)


def _in_bytes(text: str, found: list[Span]) -> list[Span]:
    """Sorted spans in characters as spans in bytes."""
    at = size = 0
    made: list[Span] = []
    for start, end, kind in found:
        size += _bytes(text[at:start])
        length = _bytes(text[start:end])
        made.append((size, size + length, kind))
        at, size = end, size + length
    return made


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def read_pieces(layer: Layer, texts: Sequence[str]) -> list[list[Span]]:
    """`Layer.read` as a step that a process of its own can be given."""
    return layer.read(texts)


def read(layer: Layer, texts: Sequence[str], call: Call) -> list[list[Span] | Exception]:
    """Of each text of any length the spans, or why it could not be read; `call` applies a step, as in the pipeline.

    A group of pieces that fails is tried piece by piece, so that a text fails by itself.
    """
    results: list[list[Span] | Exception] = [[] for _ in texts]
    at = [0] * len(texts)
    for group in _groups(texts):
        for (number, piece), found in zip(group, _tried(layer, [piece for _, piece in group], call), strict=True):
            whole = results[number]
            if isinstance(found, Exception):
                results[number] = found
            elif isinstance(whole, list):
                whole += [(start + at[number], end + at[number], kind) for start, end, kind in found]
            at[number] += _bytes(piece)
    return results


def _groups(texts: Sequence[str]) -> Iterator[list[tuple[int, str]]]:
    """Pieces with their text's number, GROUP characters together at most."""
    group: list[tuple[int, str]] = []
    size = 0
    for number, text in enumerate(texts):
        for piece in pieces(text):
            if group and size + len(piece) > GROUP:
                yield group
                group, size = [], 0
            group.append((number, piece))
            size += len(piece)
    if group:
        yield group


def _tried(layer: Layer, texts: list[str], call: Call) -> list[list[Span] | Exception]:
    try:
        return call(read_pieces, layer, texts)
    except Exception as error:
        if len(texts) == 1:
            return [error]
    return [found for text in texts for found in _tried(layer, [text], call)]
