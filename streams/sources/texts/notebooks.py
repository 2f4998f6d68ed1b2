"""Jupyter notebooks as events: sources, and of each cell's outputs the first text, cut short.

Formats 4 (`cells`) and 2 and 3 (`worksheets`) are read leniently: what Python's `json` takes is taken, and what is not
of the expected type is as if it were not there; a file that is no notebook at all is malformed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from model.languages import BY_EXTENSION, BY_NAME, kernel
from streams.event import Cell, Notebook
from streams.sources.folders.folder import describe, licences_around, walk
from streams.sources.texts import encodings
from streams.sources.texts.text import MAX_FILE_BYTES, TOO_LARGE, Counts, clean

MAX_OUTPUT = 1000
"""Characters of a cell's output."""
ENDING = ".ipynb"
MAX_RAW_BYTES = 16 * 1024 * 1024
"""Of the file: 4 % of notebooks are larger than 1 MiB, nearly all of it outputs; as objects they are ten times that."""
MAX_CELLS = 10_000
MAX_HEADING = 6
"""HTML's and Markdown's deepest heading."""

CUT = "notebook's cells beyond 10,000"
MALFORMED_CELL = "notebook's cell malformed"
DEEP_HEADING = "notebook's heading deeper than 6, made 6"
HALF_CHARACTER = "notebook's half characters, made `?`"
PICTURE = "notebook's picture within a text"

_PICTURE = re.compile(
    r"(data:[\w.+-]{1,100}/[\w.+-]{1,100}(?:;[\w=.+-]{1,100}){0,4};base64,)(?:[A-Za-z0-9+/=_-]|%2[BbFf]|%3[Dd]|\\n){32,}"
)
_COLOURS = re.compile(r"\x1b\[[0-9;?]{0,32}[A-Za-z]")


class Malformed(ValueError):
    """Not a notebook that can be taken; the message is the reason, in a few words."""


def events(
    root: Path,
    left_out: Counts,
    name: str = "",
    malformed: Callable[[Path], None] = lambda path: None,
    ignored: bool = False,
) -> Iterator[Notebook]:
    """The notebooks under a folder in the order of their paths; the folder is the repository.

    A malformed one is counted and named to `malformed`; the rest goes on. What .gitignore names is passed over, unless
    `ignored` asks for it.
    """
    folder = root if root.is_dir() else root.parent
    repository, paths = describe(folder, name), walk(root, left_out, ENDING, ignored)
    licences = licences_around(folder, paths)
    for path in paths:
        try:
            cells, language = _read(path, left_out)
        except Malformed as error:
            left_out[f"notebook {error}"] += 1
            malformed(path)
            continue
        shown = path.relative_to(folder).as_posix()
        yield Notebook(
            repository=repository, path=clean(shown), cells=cells, language=language, licence=licences.of(shown)
        )


def _read(path: Path, left_out: Counts) -> tuple[list[Cell], str]:
    try:
        if path.stat().st_size > MAX_RAW_BYTES:
            raise Malformed("larger than 16 MiB")
        value = path.read_bytes()
    except OSError as error:
        raise Malformed("not readable") from error
    return read(value, left_out)


def is_notebook(path: str) -> bool:
    return path.lower().endswith(ENDING)


def read(value: bytes, left_out: Counts | None = None) -> tuple[list[Cell], str]:
    """The cells that say something, and the language by the name of `model.languages`.

    What is cut is counted in `left_out`. Raises Malformed.
    """
    counts: Counts = Counter()
    notebook = _object(value)
    raw, format_ = _raw_cells(notebook)
    if len(raw) > MAX_CELLS:
        counts[CUT] += len(raw) - MAX_CELLS
    reader = _Reader(format_, counts)
    cells = [cell for item in raw[:MAX_CELLS] if (cell := reader.cell(item)) is not None]
    if sum(len(cell.source) + len(cell.output) for cell in cells) > MAX_FILE_BYTES:
        raise Malformed(TOO_LARGE.reason)
    if left_out is not None:
        left_out.update(counts)
    return cells, _language(notebook, raw)


def _object(value: bytes) -> dict[str, Any]:
    if len(value) > MAX_RAW_BYTES:
        raise Malformed("larger than 16 MiB")
    try:
        notebook = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        notebook = _lenient(value)
    if not isinstance(notebook, dict):
        raise Malformed("malformed")
    return notebook


def _lenient(value: bytes) -> Any:
    """What msgspec does not take: NaN, half characters, a byte-order mark."""
    try:
        text = encodings.marked(value)
        return json.loads(value.decode("utf-8-sig") if text is None else text)
    except (ValueError, RecursionError) as error:
        raise Malformed("malformed") from error


def _raw_cells(notebook: dict[str, Any]) -> tuple[list[Any], int]:
    """The cells as they came, and the format: what it says of itself decides, whatever else is left over."""
    format_ = notebook.get("nbformat")
    cells, sheets = notebook.get("cells"), notebook.get("worksheets")
    if not isinstance(format_, int):
        format_ = 4 if isinstance(cells, list) else 3
    if format_ < 2:
        raise Malformed("of a format before 2")
    if format_ < 4 and isinstance(sheets, list):
        return [cell for sheet in _dicts(sheets) for cell in _list(sheet.get("cells"))], 3
    if not isinstance(cells, list):
        if not isinstance(sheets, list):
            raise Malformed("malformed")
        return [cell for sheet in _dicts(sheets) for cell in _list(sheet.get("cells"))], 3
    return cells, 4


class _Reader:
    """Reads the cells of one notebook of format 3 or 4; counts what it cuts."""

    def __init__(self, format_: int, counts: Counts) -> None:
        self._format, self._counts = format_, counts

    def cell(self, raw: Any) -> Cell | None:
        """None for an empty cell, and for what is none."""
        if not isinstance(raw, dict):
            self._counts[MALFORMED_CELL] += 1
            return None
        kind = raw.get("cell_type")
        source = self._clean(self._text(raw.get("source", raw.get("input", ""))), kind != "code")
        if not source.strip():
            return None
        if kind == "code":
            return Cell(type="code", source=source, output=self._output(raw))
        if kind == "heading":
            return Cell(type="markdown", source="#" * self._level(raw) + " " + source)
        return Cell(type="raw" if kind == "raw" else "markdown", source=source)

    def _level(self, raw: dict[str, Any]) -> int:
        level = raw.get("level")
        if not isinstance(level, int):
            return 1
        if level > MAX_HEADING:
            self._counts[DEEP_HEADING] += 1
        return min(max(level, 1), MAX_HEADING)

    def _output(self, raw: dict[str, Any]) -> str:
        """The first text that is no error, no warning, and does not stand for a picture."""
        for output in _dicts(raw.get("outputs")):
            if "stderr" in (output.get("name"), output.get("stream")):
                continue
            data = output.get("data")
            bundle = data if isinstance(data, dict) else output
            if any(name.startswith("image/") or name in ("png", "jpeg", "svg") for name in bundle):
                continue
            text = self._text(data.get("text/plain")) if isinstance(data, dict) else self._text(output.get("text"))
            if text.strip():
                return _COLOURS.sub("", self._clean(text[: 64 * MAX_OUTPUT], True))[:MAX_OUTPUT]
        return ""

    def _text(self, value: Any) -> str:
        """A text, or a list of its lines; in format 3 these may lack their ends (nbformat/v3/rwbase.py)."""
        if not isinstance(value, list):
            return value if isinstance(value, str) else ""
        lines = [line for line in value if isinstance(line, str)]
        with_ends = self._format >= 4 or not lines or lines[0].endswith(("\n", "\r"))
        return ("" if with_ends else "\n").join(lines)

    def _clean(self, text: str, prose: bool) -> str:
        """Without pictures in base64 (of code the address's beginning stays, so that it parses) and half characters."""
        if "base64," in text:
            text, count = _PICTURE.subn("" if prose else r"\1", text)
            self._counts[PICTURE] += count
            self._counts += Counter()  # drops a zero
        whole = clean(text)
        if whole != text:
            self._counts[HALF_CHARACTER] += sum("\ud800" <= c <= "\udfff" for c in text)
        return whole


def _language(notebook: dict[str, Any], cells: list[Any]) -> str:
    """The first language that is told and known; else the first one told; else Python."""
    said = [name for name in _told(notebook, cells) if isinstance(name, str) and name.strip()]
    names = [kernel(clean(name[:1000])) for name in said]
    known = next((name for name in names if name in BY_NAME), "")
    extension = _dict(_dict(notebook.get("metadata")).get("language_info")).get("file_extension")
    if not known and isinstance(extension, str) and (row := BY_EXTENSION.get(extension.lower().lstrip("."))):
        known = row.name
    return known or next(iter(names), "python")


def _told(notebook: dict[str, Any], cells: list[Any]) -> Iterator[Any]:
    metadata = _dict(notebook.get("metadata"))
    spec, info = _dict(metadata.get("kernelspec")), _dict(metadata.get("language_info"))
    yield from (spec.get("language"), info.get("name"), spec.get("name"), metadata.get("language"))
    yield next((cell["language"] for cell in _dicts(cells) if isinstance(cell.get("language"), str)), None)


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in _list(value) if isinstance(item, dict)]
