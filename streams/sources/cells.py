"""A notebook as one text, so that a changed notebook has a change that can be read (jupytext's percent format)."""

from __future__ import annotations

from collections.abc import Sequence

from model import languages
from streams.event import Cell

ENDING = ".ipynb"


def is_notebook(path: str) -> bool:
    return path.lower().endswith(ENDING)


def as_text(cells: Sequence[Cell], language: str) -> str:
    """Code cells as they are, the others as comments, each behind a line that begins a cell; without outputs."""
    comment = languages.script(language).comment
    blocks: list[str] = []
    for cell in cells:
        if cell.type == "code":
            blocks.append(f"{comment} %%\n{cell.source}".rstrip("\n"))
        else:
            lines = "\n".join(f"{comment} {line}".rstrip() for line in cell.source.splitlines())
            blocks.append(f"{comment} %% [{cell.type}]\n{lines}".rstrip("\n"))
    return "\n\n".join(blocks) + "\n" if blocks else ""
