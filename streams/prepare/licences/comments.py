"""What the comments at a file's head say, without their marks: of lines, and of blocks whose lines have none."""

from __future__ import annotations

import re
from collections.abc import Iterator

HEAD_LINES, HEAD_CHARS = 60, 6_000
"""Of a file. A comment that begins in these lines is read to its end, within the characters."""
_COMMENT = re.compile(r"^\s*(?:#+|//+!?|/\*+!?|\*+|--+|;+|%+|<!--|\(\*|\{-|'|rem\b|dnl\b|\.\\.)\s*(.*)$", re.I)
_CLOSINGS = {
    "/*": "*/", "<!--": "-->", "(*": "*)", "{-": "-}", "--[[": "]]", '"""': '"""', "'''": "'''", "{": "}",
    "=begin": "=end",
}  # fmt: skip
_BLOCK = re.compile(r"^\s*(/\*|<!--|\(\*|\{-|--\[\[|[rRuUbB]{0,2}(?:\"\"\"|''')|\{(?=[\s*]*$)|=begin)")
"""What opens a comment of several lines."""
LINE = 2_000
"""Characters of a line that are read."""


def comments(head: str) -> Iterator[str]:
    """Line by line; a line of code is passed over."""
    closing = ""
    is_open = False
    for number, line in enumerate(head.split("\n")):
        line = line[:LINE]
        if number >= HEAD_LINES and not (is_open or closing):
            return
        is_open = True
        if closing:
            inside, found, _ = line.partition(closing)
            marked = _COMMENT.match(inside)
            yield (marked.group(1) if marked else inside).strip()
            closing = "" if found else closing
            continue
        begun = _BLOCK.match(line)
        if begun:
            mark = begun.group(1)
            closing = _CLOSINGS[mark.lstrip("rRuUbB")]
            inside, found, _ = line[begun.end() :].partition(closing)
            yield inside.strip().lstrip("*!").strip()
            closing = "" if found else closing
        elif match := _COMMENT.match(line):
            yield match.group(1)
        else:
            is_open = False


_CODE = re.compile(
    r"[{}\[\]=`$&]|\w\(|->|::\w|\w\.\w+\(|^\s*(?:import|from|def|class|return|const|let|var|function|using"
    r"|include|package|module"
    r"|raise|throw|print|assert)\b"
)
"""What stands in lines of code and hardly in prose."""
_QUOTED = re.compile(r"^\s*[\"'`].*[\"'`][,;)]*\s*$|^[^\"']*[(=]\s*[\"']")
_ANY_MARK = re.compile(
    r"^\s*(?:<\?xml[^>]{0,80}\?>\s*)?(?:=\w{2,8}\b\s*|[^\w\s(]{1,8}\s*|@?rem\s+|@c(?:omment)?\s+"
    r"|[Cc]\s{1,6}(?=[A-Z(]))?(?:c(?:omment)? (?=\w))?"
)
_END_MARK = re.compile(r"\s*(?:[^\w\s.)]{1,8}|=cut)\s*$")


def bare(head: str) -> list[str]:
    """The lines that are not plainly code, without marks of whatever language. What binds counts there, too."""
    return [_bare(line[:LINE]) for line in head.split("\n")[:HEAD_LINES]]


def _bare(line: str) -> str:
    if _QUOTED.search(line):
        return ""
    said = _END_MARK.sub("", _ANY_MARK.sub("", line, count=1))
    return "" if _CODE.search(said) else said
