"""The examples beside gitleaks' rules: the strings in its Go sources that can be read without running them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_BEGIN = re.compile(r"\b(tps|fps)\s*:?=\s*(?:\[\]string\s*\{|map\[string\]string\s*\{|append\(\s*(?:tps|fps)\s*,)")
_TOKEN = re.compile(r'`[^`]*`|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/|\s+|.', re.DOTALL)
_OPEN, _CLOSE = "([{", ")]}"


def examples(folder: Path) -> Iterator[tuple[bool, str, str]]:
    """(whether something is to be found, the path that belongs to it or none, the text)."""
    for path in sorted(folder.glob("cmd/generate/config/rules/*.go")):
        source = path.read_text(encoding="utf-8")
        for begin in _BEGIN.finditer(source):
            for element in _elements(source, begin.end()):
                name, text = _literal(element)
                if text is not None:
                    yield begin[1] == "tps", name, text


def _elements(source: str, at: int) -> Iterator[list[str]]:
    """The tokens of each element up to the closing bracket, without space and comments."""
    depth, element = 0, list[str]()
    for token in (match[0] for match in _TOKEN.finditer(source, at)):
        if token in _CLOSE and depth == 0:
            break
        if token == "," and depth == 0:
            yield element
            element = []
            continue
        depth += (token in _OPEN) - (token in _CLOSE)
        if not token.isspace() and not token.startswith(("//", "/*")):
            element.append(token)
    yield element


def _literal(element: list[str]) -> tuple[str, str | None]:
    """The key of a map or nothing, and the text if it is made of strings alone."""
    name = ""
    if len(element) > 2 and element[1] == ":":
        name, element = _string(element[0]) or "", element[2:]
    strings = [_string(token) for token in element[::2]]
    if not strings or None in strings or any(token != "+" for token in element[1::2]):
        return name, None
    return name, "".join(string for string in strings if string is not None)


def _string(token: str) -> str | None:
    if token.startswith("`"):
        return token[1:-1]
    if not token.startswith('"'):
        return None
    try:
        return ast.literal_eval(token)
    except (SyntaxError, ValueError):
        return None
