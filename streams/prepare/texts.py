"""The two texts of a Document: the one that rules measure, and the one that the index compares.

What makes a document what it is is compared: a file without the licence at its head (it may be longer than the file),
a commit's path and changed lines without its message (files of one commit share it), a notebook's sources without
outputs, the words of a thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from model.hunks import hunks
from model.lines import bare, split
from streams.document import Document

HEAD_LINES = 200
"""Of a file, among which the comment at its head is looked for: the GPL's notice has 15, whole licences 20 to 680."""
_LICENCE = re.compile(r"(?i)licen[cs]e|copyright|all rights reserved|spdx-|redistribut|warrant")
_COMMENT = re.compile(r"\s*(?:#(?!include|define|if|pragma|import)|//|--|;|%|\*|'|rem\b|\.\\\"|\(\*|\{-|dnl\b)")
"""What a line of a comment begins with, in any language."""
_BLOCKS = (
    ("/*", "*/"), ("<!--", "-->"), ("(*", "*)"), ("{-", "-}"), ('"""', '"""'), ("'''", "'''"), ("=begin", "=end"),
)  # fmt: skip
"""Beginnings and ends of comments of several lines."""


def whole(document: Document) -> str:
    """A file, or what stands in it after a commit, else before: language, licence and origin are said there."""
    texts = {p.role: p.text for p in document.parts}
    return texts.get("text") or texts.get("after") or texts.get("before") or ""


def judged(document: Document) -> str:
    """What rules measure: a file's text, a commit's changed lines, a notebook's sources, the words of a thread."""
    if document.kind == "commit":
        return "\n".join(line for _, line in changed_lines(document))
    if document.kind == "notebook":
        return "\n".join(p.text for p in document.parts if p.role != "output")
    return "\n".join(p.text for p in document.parts)


def compared(document: Document) -> str:
    """What the index compares; it is never empty where the document is not."""
    if document.kind == "commit":
        return "\n".join([document.path, *(f"{side} {line}" for side, line in changed_lines(document))])
    text = judged(document)
    return without_licence(text) if document.kind == "file" else text


def changed_lines(document: Document) -> list[tuple[str, str]]:
    """Of a commit's file: (`del` or `add`, line without its end), those that went first; moved lines are among both."""
    by_role = {p.role: p.text for p in document.parts}
    old, new = bare(by_role.get("before", "")), bare(by_role.get("after", ""))
    areas = hunks(old, new)
    gone = [("del", line) for area in areas for line in old[area.old_start : area.old_end]]
    return [*gone, *(("add", line) for area in areas for line in new[area.new_start : area.new_end])]


def without_licence(text: str) -> str:
    """The text behind the comment at its head where that tells of a licence; else, or where nothing is behind it, the
    whole."""
    if not _LICENCE.search(text, 0, 16_000):
        return text
    lines = split(text[:64_000])
    end = _head(lines[:HEAD_LINES])
    head = "".join(lines[:end])
    if not _LICENCE.search(head):
        return text
    return rest if (rest := text[len(head) :]).strip() else text


def _head(lines: list[str]) -> int:
    """How many lines the comment at the head has, blank ones and a `#!` before it among them."""
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        closing = next((close for open_, close in _BLOCKS if line.startswith(open_)), None)
        if closing is not None:
            end = next(_closings(lines, at, closing), None)
            if end is None:
                return at
            at = end + 1
        elif not line or _COMMENT.match(line):
            at += 1
        else:
            return at
    return at


def _closings(lines: list[str], at: int, closing: str) -> Iterator[int]:
    """Lines from `at` on that close a block which begins there."""
    for number in range(at, len(lines)):
        line = lines[number].strip()
        if closing in (line[len(closing) :] if number == at else line):
            yield number
