"""Positions of the protocol to offsets in a text and back.

The protocol ends a line at \\n, \\r\\n or \\r and nowhere else (not at form feeds, as str.splitlines does), and
counts a line's characters in the units that client and server agreed on.
Source: LSP 3.18, "Text Documents" and "Position".
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Literal

Encoding = Literal["utf-8", "utf-16", "utf-32"]

_LINE_END = re.compile(r"\r\n|\r|\n")


def offset(text: str, line: int, character: int, encoding: Encoding) -> int:
    """Index into `text`, in code points.

    A character beyond its line is the line's end, a line beyond the text is the text's end; a position inside of a
    code point is that before it.
    """
    start = _line_start(text, line)
    if start is None:
        return len(text)
    end = _LINE_END.search(text, start)
    return start + _points(text[start : end.start() if end else len(text)], character, encoding)


def position(text: str, at: int, encoding: Encoding) -> tuple[int, int]:
    """Line and character of the index `at`; inverse of `offset` for every index that is not inside of a \\r\\n."""
    line, start = 0, 0
    for end in _LINE_END.finditer(text, 0, at):
        line, start = line + 1, end.end()
    return line, units(text[start:at], encoding)


def units(text: str, encoding: Encoding) -> int:
    """Length of `text` in code units."""
    if encoding == "utf-32" or text.isascii():
        return len(text)
    return sum(_width(character, encoding) for character in text)


def _line_start(text: str, line: int) -> int | None:
    if line == 0:
        return 0
    end = next(islice(_LINE_END.finditer(text), line - 1, None), None)
    return end.end() if end else None


def _points(line: str, count: int, encoding: Encoding) -> int:
    """Code points in the first `count` units of `line`."""
    if encoding == "utf-32" or line.isascii():
        return min(count, len(line))
    for at, character in enumerate(line):
        count -= _width(character, encoding)
        if count < 0:
            return at
    return len(line)


def _width(character: str, encoding: Encoding) -> int:
    code = ord(character)
    if encoding == "utf-16":
        return 2 if code > 0xFFFF else 1
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
