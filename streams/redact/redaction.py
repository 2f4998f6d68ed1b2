"""A text without its secrets: find, merge, replace so that the text still parses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from streams.redact import scan
from streams.redact.detector import Span, Text
from streams.redact.place import Place
from streams.redact.replacing import FORMS, merge, replacement


@dataclass(frozen=True)
class Found:
    """A find, in bytes of UTF-8; the text itself is not kept with it."""

    start: int
    end: int
    kind: str


def redact(text: str, path: str = "", language: str = "") -> tuple[str, int]:
    """The text with every find replaced, and the number of replacements."""
    clean_text, kinds = replace(text, path, language)
    return clean_text, len(kinds)


def replace(
    text: str, path: str = "", language: str = "", forms: Mapping[str, str] = FORMS, known: Sequence[bytes] = ()
) -> tuple[str, list[str]]:
    """The text with every find replaced, and the kind of each replacement in their order.

    Path and language help to tell a value from a variable, and to keep the text parsing. `known` are secrets that
    were found elsewhere: they are replaced wherever they stand.
    """
    data = text.encode("utf-8", "surrogatepass")
    place = Place(path, language)
    spans = [span for span in _spans(data, place, known) if forms.get(span[2]) != "keep"]
    if not spans:
        return text, []
    made = _written(data, spans, lambda kind, secret: _escaped(replacement(kind, secret, forms), secret, place))
    if language and _breaks(text, made, language):
        plain = _written(data, spans, lambda kind, secret: _plain(replacement(kind, secret, forms), secret))
        made = made if _breaks(text, plain, language) else plain
    return made, [kind for _, _, kind in spans]


def find(text: str | bytes, path: str = "", language: str = "") -> list[Span]:
    """All finds, sorted and disjoint."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return merge(scan.find(Text(data, Place(path, language))))


def _spans(data: bytes, place: Place, known: Sequence[bytes]) -> list[Span]:
    spans = list(scan.find(Text(data, place)))
    for secret in known:
        at = data.find(secret)
        while at >= 0:
            spans.append((at, at + len(secret), "key"))
            at = data.find(secret, at + len(secret))
    return merge(spans)


def _written(data: bytes, spans: Iterable[Span], form: Callable[[str, bytes], bytes]) -> str:
    out: list[bytes] = []
    at = 0
    for start, end, kind in spans:
        out += [data[at:start], form(kind, data[start:end])]
        at = end
    out.append(data[at:])
    return b"".join(out).decode("utf-8", "surrogatepass")


def _escaped(form: bytes, secret: bytes, place: Place) -> bytes:
    """In markup `<` opens a tag."""
    return form.replace(b"<", b"&lt;").replace(b">", b"&gt;") if place.is_markup else form


def _plain(form: bytes, secret: bytes) -> bytes:
    """Without marks, for a place where the syntax has none; a number stays one."""
    if secret.isdigit():
        return b"0"
    return re.sub(rb"&lt;|&gt;|[<>]", b"", form)


def _breaks(before: str, after: str, language: str) -> bool:
    """Whether the one parses and the other does not."""
    from model import grammars

    one = grammars.parse(before, language)
    if one is None or one[1].root_node.has_error:
        return False
    other = grammars.parse(after, language)
    return other is None or other[1].root_node.has_error
