"""Redaction of a whole document: every part, its label, the path and the names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from streams.document import Document, Part
from streams.redact import FORMS, people, redaction
from streams.redact.ner.reading import Found
from streams.redact.place import Place

NOTHING: Found = MappingProxyType({})


def redact_first(document: Document, forms: Mapping[str, str], found: Found) -> tuple[Document, list[bytes]]:
    """The document as `redact_document` makes it, and the secrets in it that mean nothing wherever else they stand."""
    own: set[bytes] = set()
    return redact_document(document, forms, (), own, found), sorted(own)


def redact_document(
    document: Document, forms: Mapping[str, str] = FORMS, known: Sequence[bytes] = (), own: set[bytes] | None = None,
    found: Found = NOTHING,
) -> Document:  # fmt: skip
    """Every part, its label, the path and the names without secrets and personal data; in a thread people become
    numbers. `known` are secrets that were found elsewhere in its event; `own` takes those that are found here;
    `found` is what the NER layer found in its parts.

    A retry's earlier redactions stay counted.
    """
    counts = Counter(document.redactions)

    def clean(text: str, place: Place) -> str:
        made = redaction.clean(text, place, forms, known, found.get(text, ()))
        counts.update(made.kinds)
        if own is not None:
            own.update(made.own)
        return made.text

    def name(text: str) -> str:
        return clean(people.path(text), TALK) if text else text

    renamed, names = people.rename(document)
    counts.update({"name": names} if names else {})
    parts = [Part(p.role, clean(p.text, _place(document, p)), name(p.label)) for p in renamed]
    return msgspec.structs.replace(
        document, parts=parts, path=name(document.path), former=name(document.former), thread=name(document.thread),
        repository=name(document.repository), redactions=dict(sorted(counts.items())),
    )  # fmt: skip


TALK = Place(language="text")
"""Of prose, in which a value needs no quotes."""


def _place(document: Document, part: Part) -> Place:
    if part.role in ("text", "before", "after", "code"):
        return Place(document.path, document.language)
    return Place(part.label) if part.role in ("diff", "hunk") else TALK
