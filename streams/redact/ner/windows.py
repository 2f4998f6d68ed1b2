"""Cuts of a text: pieces of bounded length for a call, and windows of tokens that overlap for a model."""

from __future__ import annotations

from typing import NamedTuple

PIECE = 16_384
"""Characters of a piece at most: some 5,000 tokens, a few seconds of a model of 100 million parameters on two cores."""


class Window(NamedTuple):
    """Tokens [start, end) are read together; what the model says of [first, last) counts."""

    start: int
    end: int
    first: int
    last: int


def pieces(text: str) -> list[str]:
    """The text in pieces; joined they are the text. They end with a line, where there is none with a word, where there
    is none anywhere."""
    found: list[str] = []
    at = 0
    while len(text) - at > PIECE:
        end = at + PIECE
        cut = text.rfind("\n", at + PIECE // 2, end) + 1 or text.rfind(" ", at + PIECE // 2, end) + 1 or end
        found.append(text[at:cut])
        at = cut
    return [*found, text[at:]] if at < len(text) else found


def windows(count: int, room: int, overlap: int) -> list[Window]:
    """Windows of at most `room` tokens over `count`: each token counts in one, and neighbours share `overlap` or more.

    Where two overlap, the first half is the former's, so each token is read with what stands around it.
    """
    starts = list(range(0, max(1, count - overlap), room - overlap))
    starts[-1] = max(0, min(starts[-1], count - room))
    ends = [min(count, start + room) for start in starts]
    cuts = [0, *((start + end) // 2 for start, end in zip(starts[1:], ends, strict=False)), count]
    return [Window(*each) for each in zip(starts, ends, cuts, cuts[1:], strict=False)]
