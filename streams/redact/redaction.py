"""A text without its secrets: find, merge, replace so that the text still parses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from streams.redact import scan, values
from streams.redact.detector import Span, Text
from streams.redact.everywhere import occurrences
from streams.redact.place import Place
from streams.redact.replacing import FORMS, KEPT, merge, replacement

OWN = ("key", "password")
_MARKUP = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,200}<(?:\?xml|!doctype|!--|[A-Za-z][\w:.-]{0,60}[\s>/])", re.I)
"""How XML begins, whatever the file's name is."""
_QUOTES = (b'"', b"'", b"`")
_MARKS = (b"--", b"?", b"#", b"%", b"-")
"""Before `>` they end a comment or an instruction."""
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
    return located(data, Place(path, language))


def located(data: bytes, place: Place, known: Sequence[bytes] = (), more: Iterable[Span] = ()) -> list[Span]:
    """All finds, sorted and disjoint, as they are replaced: a key or password that means nothing wherever else it
    stands is found in all of these places, of the kind that it has at the first."""
    found = merge([*_trimmed(data, scan.find(Text(data, place))), *more])
    if not found and not known:
        return []
    secrets = {data[start:end]: kind for start, end, kind in reversed(found) if kind in OWN}
    everywhere = {**dict.fromkeys(known, "key"), **{secret: secrets[secret] for secret in filter(is_own, secrets)}}
    return list(_alike(data, merge([*found, *occurrences(data, everywhere)])))


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
    spans = located(data, place, known, more)
    own = list(filter(is_own, dict.fromkeys(data[start:end] for start, end, kind in spans if kind in OWN)))
    spans = [span for span in spans if forms.get(span[2]) != KEPT]
    if not spans:
        return Clean(text, [], [])
    made = _made(text, data, spans, place, forms)
    return Clean(made, [kind for _, _, kind in spans], own)


def _made(text: str, data: bytes, spans: Sequence[Span], place: Place, forms: Mapping[str, str]) -> str:
    """With marks; where the text does not parse so, with words for those without quotes, then for all."""
    is_markup = place.is_markup or (place.is_code is not True and _MARKUP.match(data) is not None)

    def marked(start: int, kind: str, secret: bytes) -> bytes:
        return _escaped(replacement(kind, secret, forms), is_markup)

    def plain(start: int, kind: str, secret: bytes) -> bytes:
        return _plain(replacement(kind, secret, forms), secret)

    def mixed(start: int, kind: str, secret: bytes) -> bytes:
        is_bare = data[start - 1 : start] not in _QUOTES and b":" not in data[start - 1 : start]
        return plain(start, kind, secret) if is_bare or secret.isdigit() else marked(start, kind, secret)

    made = _written(data, spans, marked)
    if place.language and _breaks(text, made, place.language):
        for form in (mixed, plain):
            if not _breaks(text, other := _written(data, spans, form), place.language):
                return other
    return made


def _trimmed(data: bytes, spans: Iterable[Span]) -> Iterable[Span]:
    """Without the end of a comment that stands in or behind a value."""
    for start, end, kind in spans:
        if (at := data.find(b"*/", start, end)) > start:
            end = at
        elif data[end : end + 1] == b">":
            end = next((end - len(mark) for mark in _MARKS if data[start:end].endswith(mark)), end)
        if end > start:
            yield start, end, kind


def _alike(data: bytes, spans: Iterable[Span]) -> Iterable[Span]:
    """The same secret is of the same kind, the first that it was found as."""
    kinds: dict[bytes, str] = {}
    for start, end, kind in spans:
        yield start, end, kinds.setdefault(data[start:end], kind) if kind in OWN else kind


def is_own(secret: bytes) -> bool:
    """Whether it is long, and no word."""
    return MIN_OWN <= len(secret) <= MAX_OWN and values.is_random(secret[:256].decode("utf-8", "replace"))


def _written(data: bytes, spans: Iterable[Span], form: Callable[[int, str, bytes], bytes]) -> str:
    out: list[bytes] = []
    at = 0
    for start, end, kind in spans:
        out += [data[at:start], form(start, kind, data[start:end])]
        at = end
    out.append(data[at:])
    return b"".join(out).decode("utf-8", "surrogatepass")


def _escaped(form: bytes, is_markup: bool) -> bytes:
    """In markup `<` opens a tag."""
    return form.replace(b"<", b"&lt;").replace(b">", b"&gt;") if is_markup else form


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
