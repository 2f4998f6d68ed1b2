"""Texts that several documents of a Frame say, which stand in it once: a commit's message, for one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec

from streams.document import Document, Part

ROLES = ("message",)
"""Parts that stand in several documents of an event: looked for by role, so that the other texts cost nothing."""
CHARS = 32
"""A shorter text is not worth a number."""


def apart(documents: Sequence[Document]) -> tuple[list[Document], list[str]]:
    """The documents with a number, from 1, in place of each text that several of them say, and these texts."""
    times = Counter(p.text for d in documents for p in d.parts if may_be_shared(p))
    numbers = {text: n for n, text in enumerate((t for t, count in times.items() if count > 1), 1)}
    if not numbers:
        return list(documents), []
    numbered = [msgspec.structs.replace(d, parts=[_with_number(p, numbers) for p in d.parts]) for d in documents]
    return numbered, list(numbers)


def together(documents: Sequence[Document], texts: Sequence[str]) -> None:
    """Puts each text into the parts that have its number: the same object in all of them. Raises IndexError."""
    for part in (p for d in documents for p in d.parts if p.shared):
        part.text, part.shared = texts[part.shared - 1], 0


def shared_bytes(document: Document) -> int:
    """Bytes of UTF-8 of the texts that may stand in a Frame once."""
    return sum(len(p.text.encode()) for p in document.parts if may_be_shared(p))


def may_be_shared(part: Part) -> bool:
    return part.role in ROLES and len(part.text) >= CHARS


def _with_number(part: Part, numbers: dict[str, int]) -> Part:
    number = numbers.get(part.text, 0) if may_be_shared(part) else 0
    return Part(part.role, "", part.label, number) if number else part
