"""What a cut is chosen in: the beginning of a file, as pack would hand it on."""

from __future__ import annotations

from dataclasses import dataclass

from model.fim.fim import file_head
from streams.document import Document


@dataclass(frozen=True)
class Text:
    text: str
    language: str
    key: bytes
    """As pack makes it: the document's id and where the piece begins."""
    head: list[str]


def text(document: Document, longest: int) -> Text:
    """Whole lines of at most `longest` characters, unless the first line is longer."""
    whole = document.parts[0].text
    if len(whole) > longest:
        whole = whole[: whole.rfind("\n", 0, longest) + 1] or whole[:longest]
    return Text(whole, document.language, document.id + bytes(4), list(file_head(document.path)))
