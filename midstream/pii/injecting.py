"""Pieces of real files with made-up values at places that their syntax names, and the characters where each stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from midstream.pii import phrases
from midstream.pii.names import PHRASES
from midstream.pii.places import Place, places
from midstream.pii.values import Maker, is_held_out
from model.encoder import keyed
from streams.redact.redaction import find

AROUND = 300
"""Bytes on either side of a place that a piece shows."""
FILLED = 0.25
"""Share of the places of a piece that something is put into."""
MOST = 5
"""Places of a piece that something is put into, at most."""
UNTOUCHED = 0.3
"""Share of pieces in which nothing is put: most code names nobody."""
_MARK = re.compile(r"\{(\w+)\}|\[(phrase|hash)\]")


@dataclass(frozen=True)
class Labelled:
    """A text and its spans: characters [start, end) and the kind, sorted and disjoint."""

    text: str
    spans: tuple[tuple[int, int, str], ...]

    @property
    def is_held_out(self) -> bool:
        return is_held_out(self.text)


def pieces(text: str, path: str, language: str, count: int, held_out: bool) -> Iterator[Labelled]:
    """Up to `count` pieces of a file, the same for the same file. None of one that does not parse.

    What the detectors find beside the made-up values is labelled as they say: it is nobody's to learn as code.
    """
    made = places(text, language)
    if made is None or not made[1]:
        return
    data, found = made
    key = keyed.key("pieces", path, text)
    for number in range(min(count, len(found))):
        anchor = found[keyed.key(key, number, "anchor") % len(found)]
        first, last = _bounds(data, anchor.start)
        inside = [p for p in found if first <= (p.name[0] if p.kind == "assignment" else p.start) and p.end <= last]
        untouched = keyed.key(key, number, "untouched") / 2**64 < UNTOUCHED
        maker = Maker(keyed.key(key, number, "values"), held_out)
        chosen = [] if untouched else [p for p in inside if p == anchor or maker.below(100) < 100 * FILLED][:MOST]
        yield _labelled(_filled(data, first, last, chosen, maker), path, language)


def _bounds(data: bytes, at: int) -> tuple[int, int]:
    """Whole lines around a byte; where they are long, from it on."""
    first = data.rfind(b"\n", 0, max(0, at - AROUND)) + 1
    end = data.find(b"\n", min(len(data), at + AROUND))
    first = first if at - first < 3 * AROUND else data.rfind(b"\n", 0, at) + 1
    last = end if 0 <= end < at + 3 * AROUND else min(len(data), at + 3 * AROUND)
    return first, last


def _filled(data: bytes, first: int, last: int, chosen: Sequence[Place], maker: Maker) -> Labelled:
    """The piece with something at each place."""
    text, spans, at = "", list[tuple[int, int, str]](), first
    for place in chosen:
        left, said = _said(place, maker)
        if place.kind == "assignment":
            text += _decoded(data[at : place.name[0]]) + left
            at = place.name[1]
        text += _decoded(data[at : place.start])
        for kind, value in said:
            if kind:
                spans.append((len(text), len(text) + len(value), kind))
            text += value
        at = place.end
    return Labelled(text + _decoded(data[at:last]), tuple(spans))


def _said(place: Place, maker: Maker) -> tuple[str, list[tuple[str, str]]]:
    """The name on the left, and what is put in: kinds and values, words without a kind between them."""
    if place.kind == "assignment":
        left, template = phrases.ASSIGNED[maker.below(len(phrases.ASSIGNED))]
        return left, list(_parts(template, maker))
    if place.kind == "string":
        return "", list(_parts(maker.pick(phrases.STRINGS), maker))
    lead = maker.pick((" ", ". ", " - ", ", ", ": "))
    return "", [("", lead), *_parts(maker.pick(phrases.COMMENTS), maker)]


def _parts(template: str, maker: Maker) -> Iterator[tuple[str, str]]:
    at = 0
    for mark in _MARK.finditer(template):
        yield "", template[at : mark.start()]
        kind, other = mark.groups()
        if kind:
            yield kind, maker.make(kind)
        else:
            yield "", maker.pick(PHRASES) if other == "phrase" else maker.make("hash")
        at = mark.end()
    yield "", template[at:]


def _labelled(piece: Labelled, path: str, language: str) -> Labelled:
    data = piece.text.encode("utf-8", "surrogatepass")
    spans = list(piece.spans)
    for start, end, kind in find(data, path, language):
        first = len(data[:start].decode("utf-8", "replace"))
        last = first + len(data[start:end].decode("utf-8", "replace"))
        if all(last <= s or first >= e for s, e, _ in piece.spans):
            spans.append((first, last, kind))
    return Labelled(piece.text, tuple(sorted(spans)))


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")
