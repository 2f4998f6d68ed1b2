"""A notebook as one text, so that a changed notebook has a change that can be read."""

from __future__ import annotations

from collections.abc import Sequence

from model.languages import kernel
from streams.document import Document, Part
from streams.event import Cell
from streams.pack.cells import script


def as_text(cells: Sequence[Cell], language: str) -> str:
    """The script that pack makes of a notebook; empty without cells."""
    parts = [Part(cell.type, cell.source) for cell in cells]
    document = Document(offset=0, index=0, kind="notebook", parts=parts, language=kernel(language))
    return script(document) if parts else ""
