"""Documents as the layer reads them: all their texts in one go, what is found by the text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streams.document import Document
from streams.redact import people
from streams.redact.detector import Span
from streams.redact.ner.layer import Layer, read

Found = Mapping[str, Sequence[Span]]
"""Spans by the text in which they stand."""


class Reading:
    """What the layer found in the parts of documents, as they are once people have become numbers."""

    def __init__(self, layer: Layer, documents: Sequence[Document], call: Callable[..., Any]) -> None:
        self._texts = {_key(document): _texts(document) for document in documents}
        every = list(dict.fromkeys(text for texts in self._texts.values() for text in texts))
        self._found = dict(zip(every, read(layer, every, call), strict=True))

    def of(self, document: Document) -> Found:
        """Of its texts those in which anything was found. Raises what kept one of them from being read."""
        found: dict[str, list[Span]] = {}
        for text in self._texts.get(_key(document), ()):
            spans = self._found[text]
            if isinstance(spans, Exception):
                raise spans
            if spans:
                found[text] = spans
        return found


def _key(document: Document) -> tuple[int, int]:
    return document.offset, document.index


def _texts(document: Document) -> list[str]:
    """None of a document whose parts cannot be read: redaction will say why."""
    try:
        return [part.text for part in people.rename(document)[0] if part.text]
    except Exception:
        return []
