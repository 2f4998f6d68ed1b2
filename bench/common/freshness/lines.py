"""Lines: which of them stood there before, and how a text's rest is copied from the open buffer."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from model.example import Example
from model.tokens.tokenizer import Tokenizer

LONGEST = 400
"""Characters before the cursor that are looked for in the buffer."""


def bare_line(line: str) -> str:
    """Without its indent, its end, and a diff's sign."""
    return line.strip().lstrip("+-").strip()


def lines_of(text: str) -> Iterable[str]:
    return map(bare_line, text.split("\n"))


def known_lines(texts: Iterable[str]) -> set[str]:
    return {line for text in texts for line in lines_of(text)}


def new_tokens(example: Example, tokenizer: Tokenizer, known: frozenset[str]) -> NDArray[np.bool_]:
    """By token: whether it is text of a line that the repository did not have. A line that a sentinel or the context
    cuts is taken as it is, and so for a new one."""
    ids = example.array().tolist()
    widths = tokenizer.bytes_of
    is_new = np.zeros(len(ids), bool)
    start, line = 0, b""
    for at, i in enumerate([*ids, -1]):
        data = widths[i] if 0 <= i < len(widths) else b""
        if data:
            line += data
        if not data or b"\n" in data:
            pieces = [bare_line(piece) for piece in line.decode(errors="replace").split("\n")]
            is_new[start : at + 1] = any(piece and piece not in known for piece in pieces)
            if not data and at < len(ids):
                is_new[at] = False
            start, line = at + 1, b""
    return is_new


def text_tokens(example: Example, tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Bytes of each token; 0 for a sentinel."""
    return np.array([len(tokenizer.bytes_of[i]) for i in example.array().tolist()], np.int64)


def tail_tokens(widths: NDArray[np.int64], size: int) -> NDArray[np.bool_]:
    """The tokens that hold the last `size` bytes of a sequence's text, also the one that begins before them."""
    behind = widths[::-1].cumsum()[::-1] - widths
    return (widths > 0) & (behind < size)


def copied(prefix: str, suffix: str) -> str:
    """The rest of the line as the buffer has it behind the longest text that the prefix ends in, at its last place."""
    best, low, high = "", 1, min(LONGEST, len(prefix))
    while low <= high:
        length = (low + high) // 2
        found = _behind(prefix, suffix, prefix[-length:])
        if found is None:
            high = length - 1
        else:
            best, low = found, length + 1
    return best


def _behind(prefix: str, suffix: str, wanted: str) -> str | None:
    at = prefix.rfind(wanted, 0, len(prefix) - 1)
    text = prefix
    if at < 0:
        at, text = suffix.rfind(wanted), suffix
    if at < 0:
        return None
    return text[at + len(wanted) :].split("\n", 1)[0]
