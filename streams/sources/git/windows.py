"""What the past carries of a change: the changed lines with some around them, never the whole file."""

from __future__ import annotations

from model.lines import split
from streams.pack.changes import MARGIN, changed

MAX_WINDOW = 32 * 1024
"""Characters of both sides together: some 10,000 tokens, more than which no single change of the past is worth."""
TOO_WIDE = "change of the past too wide for a window"


def window(before: str | None, after: str | None) -> tuple[str | None, str | None, int] | None:
    """Both sides cut to the change with MARGIN lines around it, and the number of its first line, counted from 1.

    None for what would be too wide: an added or deleted file is whole.
    """
    if before is None or after is None:
        return None if len(before or after or "") > MAX_WINDOW else (before, after, 1)
    old, new = split(before), split(after)
    first, last = changed(old, new)
    start, cut = max(0, first - MARGIN), max(0, last - MARGIN)
    sides = "".join(old[start : len(old) - cut]), "".join(new[start : len(new) - cut])
    return None if len(sides[0]) + len(sides[1]) > MAX_WINDOW else (*sides, start + 1)
