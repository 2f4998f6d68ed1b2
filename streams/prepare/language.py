"""The programming language of a file, by its name and, where the name says nothing, by its first line."""

from __future__ import annotations

import re

from model.languages import BY_EXTENSION, BY_FILE_NAME, BY_INTERPRETER

_SHEBANG = re.compile(r"#!\s*\S*?(?:/env\s+(?:-S\s+)?)?(?:\S*/)?([A-Za-z]+)[\d.]*\b")
_OBJC = re.compile(r"^\s*(#import\b|@(interface|implementation|protocol)\b)", re.M)
_CPP = re.compile(r"^\s*(class\s+\w+|namespace\b|template\s*<|using\s+\w+)", re.M)

DATA = frozenset({"json", "yaml", "toml", "ini", "xml", "csv", "svg", "text"})
"""Languages that hold data: they have size limits of their own."""
MARKUP = frozenset({"html", "json", "markdown", "xml", "tex", "rst", "svg", "text", "csv"})
"""Languages whose long lines are no sign of a generated file (The Stack v2 exempts these)."""


def language(path: str, text: str) -> str:
    """A lower-case name, "" when unknown. Looks at no more than the first 4,096 characters of the text."""
    name = path.rsplit("/", 1)[-1].lower()
    row = BY_FILE_NAME.get(name) or BY_EXTENSION.get(name.rsplit(".", 1)[-1] if "." in name else "")
    guess = row.name if row else ""
    if guess == "c" and name.endswith(".h"):
        return _header(text[:4096])
    if guess == "objc" and name.endswith(".m") and not _OBJC.search(text[:4096]):
        return "matlab"
    return guess or _by_shebang(text)


def _header(text: str) -> str:
    if _OBJC.search(text):
        return "objc"
    return "cpp" if _CPP.search(text) else "c"


def _by_shebang(text: str) -> str:
    if not text.startswith("#!"):
        return ""
    interpreter = _SHEBANG.match(text[: text.find("\n")] if "\n" in text[:256] else text[:256])
    row = BY_INTERPRETER.get(interpreter.group(1)) if interpreter else None
    return row.name if row else ""
