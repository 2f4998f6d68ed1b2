"""Commented-out code: blocks of comments whose lines are code. Documentation that shows code is none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import xxhash

from model import bounds
from streams.document import Document
from streams.draw import drawn
from streams.prepare.syntax import Syntax, parse

SEED = 0


@dataclass(frozen=True)
class CommentedParameters:
    lines: int = 5
    """The fewest lines of a block."""
    share: float = 0.6
    """The smallest share of them that look like code."""
    rate: float = 1.0
    """Of such blocks, how many are taken out, by a keyed hash of each."""

    def __post_init__(self) -> None:
        bounds.at_least(self, 1, "lines")
        bounds.shares(self, "share", "rate")


_MARK = re.compile(r"^\s*(?:#+|//+|--+|;+|%+|/\*+|\*+/?|\*)?\s?")
_CLOSED = re.compile(r"\s*(?:\*/|-->|\*\)|-\})\s*$")
_CODE = re.compile(
    r"(?:"
    r".*[;{}]\s*$"
    r"|(?:def|class|if|elif|for|while|with|try|except|else|switch|case|func|fn)\b.*[:{(]\s*$"
    r"|(?:return|import|from|raise|throw|assert|del|yield|await|break|continue|pass|let|var|const)\b[^.]*$"
    r"|[\w.\[\]\"']+\s*(?:[-+*/|&^%]|<<|>>|:)?=\s*[^\s=].*"
    r"|[\w.]+\([^)]*\)?.{0,3}$"
    r"|[)\]}]+[;,]?\s*$"
    r")"
)
"""A line that is code in one of the usual languages; prose ends with a full stop or with nothing."""
_DOCUMENTS = re.compile(r"\s*(?:/\*[*!]|//[/!]|#'|--+\s*[|^]|\{-\s*[|^]|\(\*\*)")
"""How comments begin that a tool makes pages of."""
_SPEAKS = re.compile(
    r"(?i)^(?:```|~~~|>>>|\$ |@\w+|:(?:param|returns?|code)\b)"
    r"|\b(?:examples?|usage|e\. ?g\.|for instance|try|synopsis)\b"
)
"""In a row of documentation: marks of its syntax, and what introduces an example."""
_PROSE = re.compile(r"^[A-Z][\w'-]*(?:[ ,]+[\w'`(),/-]+){3,}[ ]?(?:[.:]|: ?\{)$")
"""A sentence; one inside of code has a mark of its own before it."""
_TOLD = re.compile(r"\s*(?:#!|//go:|// ?\+build\b|//(?:line|export) |# ?-\*-|/// ?<|//[#@]|//\s*@ts-|# type:)")
"""Rows that are told to a tool: they are no part of a block."""


def commented_out(document: Document, p: CommentedParameters) -> None:
    """Of a file, blocks of comments whose lines are code."""
    part = next((part for part in document.parts if part.role == "text"), None)
    if part is None or document.kind != "file" or not document.language:
        return
    tree = parse(part.text, document.language)
    if tree is None:
        return
    data = part.text.encode("utf-8", "replace")
    kept, at = [], 0
    for start, end in blocks(data, tree):
        if _is_code(data[start:end], p) and drawn(
            xxhash.xxh3_128_digest(data[start:end]), "commented_out", p.rate, SEED
        ):
            kept.append(data[at:start])
            at = end
    if not at:
        return
    before = len(part.text)
    part.text = b"".join([*kept, data[at:]]).decode("utf-8", "replace")
    document.cut += before - len(part.text)


def _is_code(block: bytes, p: CommentedParameters) -> bool:
    """Most rows are, the first one among them: what begins with a sentence explains the code that it shows."""
    text = block.decode("utf-8", "replace")
    if _DOCUMENTS.match(text):
        return False
    rows = [row for line in text.split("\n") if (row := _CLOSED.sub("", _MARK.sub("", line[:400])).strip())]
    if len(rows) < p.lines or any(map(_explains, rows)):
        return False
    return _CODE.match(rows[0]) is not None and sum(_CODE.match(row) is not None for row in rows) >= p.share * len(rows)


def _explains(row: str) -> bool:
    return _PROSE.match(row) is not None or (_SPEAKS.search(row) is not None and not _CODE.match(row))


def blocks(data: bytes, tree: Syntax) -> Iterator[tuple[int, int]]:
    """Whole lines of comments, those that follow each other together, with the end of the last line."""
    begin = end = -1
    for start, stop in _lines(data, tree):
        if _TOLD.match(data[start : min(stop, start + 80)].decode("utf-8", "replace")):
            continue
        if start == end:
            end = stop
            continue
        if begin >= 0:
            yield begin, end
        begin, end = start, stop
    if begin >= 0:
        yield begin, end


def _lines(data: bytes, tree: Syntax) -> Iterator[tuple[int, int]]:
    """The lines that hold comments and nothing else. Between two comments only what stands there is looked at."""
    start = stop = 0
    clean = False
    for first, last in tree.spans("comment"):
        between = data[stop:first]
        newline = between.find(b"\n")
        if stop and newline < 0:  # in the line in which the comment before ends
            clean &= not between.strip()
        else:
            if clean and not between[:newline].strip():
                yield start, stop + newline + 1
            start = data.rfind(b"\n", stop, first) + 1 or start
            clean = not data[start:first].strip()
        stop = last - 1 if data[last - 1 : last] == b"\n" else last  # some grammars count the end of the line in
    if clean:
        newline = data.find(b"\n", stop)
        end = len(data) if newline < 0 else newline + 1
        if not data[stop:end].strip():
            yield start, end
