"""What the past carries of a change: the changed lines with some around them, never the whole file."""

from __future__ import annotations

from model.lines import split
from streams.pack.changes import MARGIN, alike, changed

MAX_WINDOW = 32 * 1024
"""Characters of both sides together: some 10,000 tokens, more than which no single change of the past is worth."""
TOO_WIDE = "change of the past too wide for a window"


def window(before: str | None, after: str | None) -> tuple[str | None, str | None, int] | None:
    """Both sides cut to the change with MARGIN lines around it, and the number of its first line, counted from 1.

    None for what would be too wide: an added or deleted file is whole.
    """
    if before is None or after is None:
        return None if len(before or after or "") > MAX_WINDOW else (before, after, 1)
    cut = by_lines if "\r" in before or "\r" in after else by_characters
    old, new, line = cut(before, after)
    return None if len(old) + len(new) > MAX_WINDOW else (old, new, line)


def by_lines(before: str, after: str) -> tuple[str, str, int]:
    """Any line ends."""
    old, new = split(before), split(after)
    first, last = changed(old, new)
    start, cut = max(0, first - MARGIN), max(0, last - MARGIN)
    return "".join(old[start : len(old) - cut]), "".join(new[start : len(new) - cut]), start + 1


def by_characters(before: str, after: str) -> tuple[str, str, int]:
    """The same for lines that end in `\\n`: a file of thousands of lines is not split into them."""
    most = min(len(before), len(after))
    same = alike(lambda at, to: before[at:to] == after[at:to], most)
    start = before.rfind("\n", 0, same) + 1
    i, j = len(before), len(after)
    tail = alike(lambda at, to: before[i - to : i - at] == after[j - to : j - at], most - start)
    tail = _whole_lines(before, after, tail)
    for _ in range(MARGIN):
        start = before.rfind("\n", 0, max(0, start - 1)) + 1
    for _ in range(MARGIN):
        if not tail:
            break
        end = before.find("\n", i - tail)
        tail = i - end - 1 if end >= 0 else 0
    return before[start : i - tail], after[start : j - tail], before.count("\n", 0, start) + 1


def _whole_lines(before: str, after: str, tail: int) -> int:
    """The part of a common tail that begins where a line does on both sides."""
    i, j = len(before), len(after)
    if tail and all(at == 0 or text[at - 1] == "\n" for text, at in ((before, i - tail), (after, j - tail))):
        return tail
    end = before.find("\n", i - tail) if tail else -1
    return i - end - 1 if end >= 0 else 0
