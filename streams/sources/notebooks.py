"""Jupyter notebooks as events: sources, and of each cell's outputs the first text, cut short.

Formats 4 (`cells`) and 3 (`worksheets`) are read leniently: what is not of the expected type is as if
it were not there; a file that is no notebook at all is malformed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from streams.event import Cell, Notebook
from streams.sources.files import describe, walk
from streams.sources.text import MAX_FILE_BYTES, TOO_LARGE, Counts, clean

MAX_OUTPUT = 1000
"""Characters of a cell's output."""
MAX_RAW_BYTES = 64 * 1024 * 1024
"""Of the file: 4 % of notebooks are larger than 1 MiB, nearly all of it outputs."""
MAX_CELLS = 10_000


class Malformed(ValueError):
    """Not a notebook of format 3 or 4."""


def events(
    root: Path, left_out: Counts, name: str = "", malformed: Callable[[Path], None] = lambda path: None
) -> Iterator[Notebook]:
    """The notebooks under a folder in the order of their paths; the folder is the repository.

    A malformed one is counted and named to `malformed`; the rest goes on.
    """
    folder = root if root.is_dir() else root.parent
    repository = describe(folder, name)
    for path in walk(root, "*.ipynb"):
        try:
            cells, language = _read(path)
        except Malformed as error:
            left_out[f"notebook {error}"] += 1
            malformed(path)
            continue
        shown = clean(path.relative_to(folder).as_posix())
        yield Notebook(repository=repository, path=shown, cells=cells, language=language)


def _read(path: Path) -> tuple[list[Cell], str]:
    try:
        if path.stat().st_size > MAX_RAW_BYTES:
            raise Malformed(TOO_LARGE.reason)
        value = path.read_bytes()
    except OSError as error:
        raise Malformed("not readable") from error
    cells, language = read(value)
    if sum(len(cell.source) + len(cell.output) for cell in cells) > MAX_FILE_BYTES:
        raise Malformed(TOO_LARGE.reason)
    return cells, language


def read(value: bytes) -> tuple[list[Cell], str]:
    """The cells that say something, and the language. Raises Malformed."""
    try:
        notebook = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed("malformed") from error
    if not isinstance(notebook, dict):
        raise Malformed("malformed")
    raw = notebook.get("cells")
    if isinstance(sheets := notebook.get("worksheets"), list):  # format 3
        raw = [cell for sheet in _dicts(sheets) for cell in _dicts(sheet.get("cells"))]
    if not isinstance(raw, list):
        raise Malformed("malformed")
    cells = [cell for item in _dicts(raw[:MAX_CELLS]) if (cell := _cell(item)) is not None]
    return cells, _language(notebook, raw)


def _cell(raw: dict[str, Any]) -> Cell | None:
    kind = raw.get("cell_type")
    source = _text(raw.get("source", raw.get("input", "")))
    if not source.strip():
        return None
    if kind == "code":
        return Cell(type="code", source=source, output=_output(raw))
    if kind == "heading":  # format 3
        level = raw.get("level")
        return Cell(type="markdown", source="#" * (level if isinstance(level, int) else 1) + " " + source)
    return Cell(type="raw" if kind == "raw" else "markdown", source=source)


def _output(raw: dict[str, Any]) -> str:
    for output in _dicts(raw.get("outputs")):
        data = output.get("data")
        text = _text(data.get("text/plain")) if isinstance(data, dict) else _text(output.get("text"))
        if text.strip():
            return text[:MAX_OUTPUT]
    return ""


def _language(notebook: dict[str, Any], cells: list[Any]) -> str:
    metadata = notebook.get("metadata")
    if isinstance(metadata, dict):
        for section, field in (("kernelspec", "language"), ("language_info", "name")):
            told = metadata.get(section)
            if isinstance(told, dict) and isinstance(told.get(field), str):
                return told[field].lower()
    told = next((cell["language"] for cell in _dicts(cells) if isinstance(cell.get("language"), str)), "python")
    return told.lower()


def _text(value: Any) -> str:
    """Formats allow a text or a list of its lines."""
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
