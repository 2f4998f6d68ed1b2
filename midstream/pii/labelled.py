"""The user's own labelled texts: a line of JSON each, `{"text": …, "spans": [{"start", "end", "label"}]}`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from midstream.pii.injecting import Labelled
from streams.redact.ner.labels import KIND_OF
from streams.redact.replacing import KINDS

SHOWN = 10
"""Errors that are told at most; the others are counted."""


class _Span(msgspec.Struct, forbid_unknown_fields=True):
    start: int
    end: int
    label: str


class _Line(msgspec.Struct):
    text: str
    spans: list[_Span]


class BadLabels(ValueError):
    """Lines that cannot be learnt from; the message names them, and none of their text."""


def read(paths: Sequence[Path]) -> list[Labelled]:
    """Of all files. Blank lines are none. Raises BadLabels: training without the lines in it would hide the mistake."""
    made: list[Labelled] = []
    errors: list[str] = []
    for path in paths:
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
            if line.strip():
                try:
                    made.append(_read(line))
                except ValueError as error:
                    errors.append(f"{path}:{number}: {error}")
    if errors:
        more = f"\nand {len(errors) - SHOWN:,} more" if len(errors) > SHOWN else ""
        raise BadLabels("\n".join(errors[:SHOWN]) + more)
    return made


def _read(line: bytes) -> Labelled:
    try:
        given = msgspec.json.decode(line, type=_Line)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
    except msgspec.DecodeError:
        raise ValueError("no JSON object") from None
    spans: list[tuple[int, int, str]] = []
    for span in sorted(given.spans, key=lambda s: (s.start, s.end)):
        if not 0 <= span.start < span.end <= len(given.text):
            raise ValueError(f"span {span.start} to {span.end} is not in the text of {len(given.text)} characters")
        if spans and span.start < spans[-1][1]:
            raise ValueError(f"spans {spans[-1][0]} to {spans[-1][1]} and {span.start} to {span.end} overlap")
        spans.append((span.start, span.end, _kind(span.label)))
    return Labelled(given.text, tuple(spans))


def _kind(label: str) -> str:
    kind = KIND_OF.get("_".join(label.lower().replace("-", " ").replace("_", " ").split()))
    if kind is None:
        raise ValueError(f"there is no label {label!r}; known are {', '.join(KINDS)} and their usual names")
    return kind
