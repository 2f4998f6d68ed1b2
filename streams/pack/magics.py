"""Lines of a notebook's code cell that are for its kernel: commented in a script, so that the script parses.

As jupytext does (jupytext/magics.py): `%matplotlib inline`, `!pip install x`, `files = !ls`, `ls -l`, `name?`, and
cells that begin with `%%bash`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from model.languages import Language

_NAMES = (
    "R bash bigquery cmd cypher cython file gnuplot html java javascript js julia latex markdown matlab mermaid octave "
    "perl powershell pypy python2 ruby rust sas scala script sh spark sparksql sql stata svg system sx tcl typescript "
    "writefile"
)
OTHERS = frozenset(_NAMES.split())
"""Cell magics behind which stands text of another language, or of a file."""
_CELL = re.compile(r"\s*%%([A-Za-z]\w*)")
_SHELL = re.compile(r"\s*[?!]{1,2}\s*[A-Za-z.~$\\/{}]")
_ASSIGNED = re.compile(r"\s*[A-Za-z_][\w.,\[\] ]*=\s*(?:%{1,2}|!{1,2})[A-Za-z]")
_HELP = re.compile(r"\s*[A-Za-z_%][\w.*%]*\?{1,2}\s*\Z")
_COMMAND = re.compile(
    r"(?:cat|cd|cp|mv|rm|rmdir|mkdir|copy|ddir|echo|ls|ldir|ren|pip|conda)"
    r"(?:\s*\Z|\s+[^\s=(\[.,:+*/|&<>)-]|\s+-\w|\s+/\w|\s+\.{1,2}(?:/|\s*\Z))"
)
_WORD_BEHIND = re.compile(r"\w+\s+(?:if|in|is|and|or|not|for|else)\b")
_QUOTES = re.compile(r"\"\"\"|'''|\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|#.*|\\.", re.DOTALL)


def commented(line: str, language: Language) -> str:
    """A line as a comment of the language."""
    if not language.closing:
        return f"{language.comment} {line}".rstrip()
    shown = line.replace(language.closing, " ".join(language.closing)).replace(language.comment, "( *")
    return f"{language.comment} {shown}".rstrip() + f" {language.closing}"


def cell_language(lines: list[str]) -> str:
    """What a cell whose first line is `%%NAME` is written in, where it is not the kernel's language; else nothing."""
    first = next((line for line in lines if line.strip()), "")
    match = _CELL.match(first)
    return match[1] if match and match[1] in OTHERS else ""


def without_magics(lines: list[str], language: Language) -> list[str]:
    """The lines, those for the kernel commented, with those on which a `\\` continues them."""
    shown: list[str] = []
    continued = False
    for line, quoted in zip(lines, _quoted(lines, language), strict=True):
        if continued or (not quoted and _is_magic(line, language)):
            indent = "" if continued else line[: len(line) - len(line.lstrip())]
            shown.append(indent + commented(line[len(indent) :], language))
            continued = line.rstrip().endswith("\\")
        else:
            shown.append(line)
    return shown


def _is_magic(line: str, language: Language) -> bool:
    if language.magic and re.match(language.magic, line):
        return True
    if language.name != "python":
        return False
    if _SHELL.match(line) or _ASSIGNED.match(line) or _HELP.match(line):
        return True
    return bool(_COMMAND.match(line)) and not _WORD_BEHIND.match(line)


def _quoted(lines: list[str], language: Language) -> Iterator[bool]:
    """Whether each line begins inside of a text of Python that three quotes began."""
    inside = ""
    for line in lines:
        yield bool(inside)
        if language.name != "python":
            continue
        at = 0
        while True:
            if inside:
                at = _closing(line, at, inside)
                if at < 0:
                    break
                inside = ""
            match = _QUOTES.search(line, at)
            if match is None:
                break
            at = match.end()
            inside = match[0] if match[0] in ('"""', "'''") else ""


def _closing(line: str, at: int, quotes: str) -> int:
    """The place behind the quotes that end a text, those behind a `\\` not counted; -1 when there are none."""
    while (place := line.find(quotes, at)) >= 0:
        slashes = len(line[:place]) - len(line[:place].rstrip("\\"))
        if slashes % 2 == 0:
            return place + len(quotes)
        at = place + 1
    return -1
