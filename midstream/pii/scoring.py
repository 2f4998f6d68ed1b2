"""Precision, recall and F1 of a layer on labelled texts: a find is right where its characters and its kind are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from midstream.pii.injecting import Labelled
from streams.redact.detector import Span
from streams.redact.ner import Layer
from streams.redact.ner.layer import read

Finds = Callable[[Sequence[str]], Sequence[Sequence[Span]]]


def of_layer(layer: Layer) -> Finds:
    """As redaction asks it."""

    def finds(texts: Sequence[str]) -> list[list[Span]]:
        found = read(layer, texts, lambda step, *arguments: step(*arguments))
        return [spans for spans in found if not isinstance(spans, Exception)]

    return finds


def of_detectors(texts: Sequence[str]) -> list[list[Span]]:
    """Without a model, and without the file's path."""
    from streams.redact.redaction import find

    return [find(text) for text in texts]


def score(finds: Finds, texts: Sequence[Labelled]) -> dict[str, Any]:
    """By label and for all together: precision, recall, F1 and how many there are; and the share of texts without
    anything in which something is found."""
    right, found, true, touched = Counter[str](), Counter[str](), Counter[str](), 0
    for text, spans in zip(texts, finds([text.text for text in texts]), strict=True):
        truths = {_bytes(text.text, span) for span in text.spans}
        true.update(kind for *_, kind in truths)
        found.update(kind for *_, kind in spans)
        right.update(kind for *_, kind in truths & set(spans))
        touched += bool(spans) and not truths
    clean = sum(not text.spans for text in texts)
    return {
        "labels": {k: _figures(right[k], found[k], true[k]) for k in sorted(true | found)},
        "all": _figures(right.total(), found.total(), true.total()),
        "clean_touched": round(touched / clean, 4) if clean else 0.0,
    }


def _figures(right: int, found: int, true: int) -> dict[str, float]:
    precision, recall = right / found if found else 0.0, right / true if true else 0.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": round(precision, 4), "recall": round(recall, 4), "f1": round(f1, 4), "spans": true}


def _bytes(text: str, span: tuple[int, int, str]) -> Span:
    start, end, kind = span
    first = len(text[:start].encode("utf-8", "surrogatepass"))
    return first, first + len(text[start:end].encode("utf-8", "surrogatepass")), kind
