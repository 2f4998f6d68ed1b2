"""A text without its secrets: find, merge, replace so that the text still parses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from streams.redact import scan, values
from streams.redact.detector import Span, Text
from streams.redact.place import Place
from streams.redact.replacing import FORMS, KEPT, merge, replacement

OWN = ("key", "password")
MIN_OWN, MAX_OWN = 10, 4_096
"""Bytes of a secret that is looked for elsewhere."""


@dataclass(frozen=True)
class Clean:
    """A text after redaction."""

    text: str
    kinds: list[str]
    """Of each replacement, in their order."""
    own: list[bytes]
    """Keys and passwords that mean nothing wherever else they stand."""


def redact(text: str, path: str = "", language: str = "") -> tuple[str, int]:
    """The text with every find replaced, and the number of replacements."""
    made = clean(text, Place(path, language))
    return made.text, len(made.kinds)


def find(text: str | bytes, path: str = "", language: str = "") -> list[Span]:
    """All finds, sorted and disjoint: (start, end, kind), in bytes of UTF-8."""
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return merge(scan.find(Text(data, Place(path, language))))


def clean(
    text: str,
    place: Place,
    forms: Mapping[str, str] = FORMS,
    known: Sequence[bytes] = (),
    more: Iterable[Span] = (),
) -> Clean:
    """The text with every find replaced as `forms` say. `known` are secrets that were found elsewhere: they are
    replaced wherever they stand. `more` are finds of others than the detectors.

    Path and language of the place help to tell a value from a variable, and to keep the text parsing.
    """
    data = text.encode("utf-8", "surrogatepass")
    spans = merge([*scan.find(Text(data, place)), *_known(data, known), *more])
    spans = [span for span in spans if forms.get(span[2]) != KEPT]
    if not spans:
        return Clean(text, [], [])
    made = _written(data, spans, lambda kind, secret: _escaped(replacement(kind, secret, forms), place))
    if place.language and _breaks(text, made, place.language):
        plain = _written(data, spans, lambda kind, secret: _plain(replacement(kind, secret, forms), secret))
        made = made if _breaks(text, plain, place.language) else plain
    secrets = {data[start:end]: None for start, end, kind in spans if kind in OWN}
    own = list(filter(is_own, secrets))
    return Clean(made, [kind for _, _, kind in spans], own)


def is_own(secret: bytes) -> bool:
    """Whether it is long, and no word."""
    return MIN_OWN <= len(secret) <= MAX_OWN and values.is_random(secret[:256].decode("utf-8", "replace"))


def _known(data: bytes, known: Sequence[bytes]) -> Iterable[Span]:
    for secret in known:
        at = data.find(secret)
        while at >= 0:
            yield at, at + len(secret), "key"
            at = data.find(secret, at + len(secret))


def _written(data: bytes, spans: Iterable[Span], form: Callable[[str, bytes], bytes]) -> str:
    out: list[bytes] = []
    at = 0
    forms: dict[tuple[str, bytes], bytes] = {}
    for start, end, kind in spans:
        found = kind, data[start:end]
        if found not in forms:
            forms[found] = form(*found)
        out += [data[at:start], forms[found]]
        at = end
    out.append(data[at:])
    return b"".join(out).decode("utf-8", "surrogatepass")


def _escaped(form: bytes, place: Place) -> bytes:
    """In markup `<` opens a tag."""
    return form.replace(b"<", b"&lt;").replace(b">", b"&gt;") if place.is_markup else form


def _plain(form: bytes, secret: bytes) -> bytes:
    """Without marks, for a place where the syntax has none; a number stays one."""
    return b"0" if secret.isdigit() else re.sub(rb"[<>]", b"", form)


def _breaks(before: str, after: str, language: str) -> bool:
    """Whether the one parses and the other does not."""
    from model import grammars

    one = grammars.parse(before, language)
    if one is None or one[1].root_node.has_error:
        return False
    other = grammars.parse(after, language)
    return other is None or other[1].root_node.has_error
