"""Grammars, and the texts that they can be given: bounded in size, depth and time."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import Any

import numpy as np
from tree_sitter import Parser, Tree
from tree_sitter_language_pack import get_parser

from model.languages import grammar

MAX_BYTES = 256 * 1024
"""Larger texts are not parsed."""
MAX_NESTING = 1_000
"""Brackets, tags or marks inside of each other, and columns of indentation: for deeper ones grammars take a time that
grows with the square of the depth, and some of them end the process."""
CHUNK = 65_536
MAX_S = 5.0
"""Processor time of a parse; 256 KiB of written code take 25 ms. What takes longer counts as not parsed."""
UNPARSED = frozenset({"yaml", "markdown", "rst", "cobol", "agda", "typst", "purescript", "cmake"})
"""Languages whose grammars end the process at deep texts, or hold no code that a rule asks for."""
_BRACKETS = np.zeros(256, np.int64)
_BRACKETS[[ord(c) for c in "([{"]] = 1
_BRACKETS[[ord(c) for c in ")]}"]] = -1
_INDENTED = re.compile(rb"^[ \t]{%d,}" % (MAX_NESTING // 2), re.M)
_RUNS = re.compile(rb"(?:[^\w\s]\s?){%d,}" % MAX_NESTING)
"""Marks without a word between them: `> > >`, `!!!`, `${${`."""


def parse(text: str, language: str) -> tuple[bytes, Tree] | None:
    """The text in UTF-8 and its tree. None: there is no grammar that is safe, or the text is too large or too deep, or
    takes too long."""
    parser = None if language in UNPARSED else parser_of(language)
    if parser is None or len(text) > MAX_BYTES:
        return None
    data = text.encode("utf-8", "replace")
    if len(data) > MAX_BYTES or nesting(data) > MAX_NESTING:
        return None
    tree = _within(parser, data)
    return None if tree is None else (data, tree)


@lru_cache(maxsize=64)
def parser_of(language: str) -> Parser | None:
    name = grammar(language)
    if not language or name is None:
        return None
    try:
        return get_parser(name)  # pyright: ignore[reportArgumentType]
    except LookupError:
        return None


def _within(parser: Parser, data: bytes) -> Tree | None:
    """None: it took too long."""
    end = time.process_time() + MAX_S

    def read(offset: int, _point: Any) -> bytes:
        return data[offset : offset + CHUNK]

    try:
        return parser.parse(read, progress_callback=lambda _offset, _error: time.process_time() > end)
    except ValueError:  # how the library says that it was stopped
        return None
    finally:
        parser.reset()


def nesting(data: bytes) -> int:
    """At least how deep brackets and tags stand inside of each other, and how far the furthest line is indented. What
    stands in strings and comments counts, and a tag that is never closed: a bound, not a measure."""
    codes = np.frombuffer(data, np.uint8)
    if not len(codes):
        return 0
    steps = _BRACKETS[codes]
    after = np.append(codes[1:], 0)
    tags = (codes == ord("<")).astype(np.int64) * np.where(after == ord("/"), -1, 1)
    deepest = max(int((sums - np.minimum.accumulate(sums)).max()) for sums in (np.cumsum(steps), np.cumsum(tags)))
    indented = max((len(blank) for blank in _INDENTED.findall(data)), default=0)
    return max(deepest, indented, *(len(run) // 2 for run in _RUNS.findall(data)))
