"""What the past carries of a change: the changed lines with some around them, never the whole file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from model.hunks import Hunk, changed, hunks
from model.lines import split
from streams.pack.changes import MARGIN

MAX_WINDOW = 32 * 1024
"""Characters of both sides together: some 10,000 tokens, more than which no single change of the past is worth."""
ROOM = 2048
"""Characters in which so many lines as stand around a change are looked for at first."""
TOO_WIDE = "change of the past too wide for a window"
MARGINS = (MARGIN, MARGIN // 4, 1)
"""Lines around a hunk, the first of these with which it fits: where lines are long, fewer of them say as much."""

Own = Callable[[], Callable[[Sequence[str]], bool]]
"""Makes what says whether the lines that a hunk writes are worth a window."""


class Window(NamedTuple):
    """Both sides of a change; `line` is the number of their first line, counted from 1."""

    before: str | None
    after: str | None
    line: int


def windows(before: str | None, after: str | None, own: Own | None = None) -> tuple[list[Window], int]:
    """The windows of one change, and the number of its hunks that are too wide even alone.

    One window where all of the change fits into one; else one for each run of hunks that are near each other and fit
    together. The windows are a change each, one made after the other: both sides of one say above it what the windows
    before it have made, and below it what those behind it have not changed yet. `own` is asked where there are several.
    """
    whole = _whole(before, after)
    if _fits(whole):
        return [whole], 0
    if whole.before is None or whole.after is None:
        return [], 1
    old, new = split(whole.before), split(whole.after)
    wanted = own() if own else lambda lines: True
    runs = [run for run in _runs(old, new) if wanted(new[run.new_start : run.new_end])]
    found = [_of_run(old, new, run, whole.line) for run in runs]
    return [one for one in found if one is not None], sum(one is None for one in found)


def _runs(old: Sequence[str], new: Sequence[str]) -> Iterator[Hunk]:
    """Hunks whose margins meet are one as long as they fit a window together."""
    found = hunks(old, new)
    if len(found) == 1:
        yield found[0]
        return
    above, below = [0, *accumulate(map(len, new))], [0, *accumulate(map(len, old))]

    def fits(run: Hunk) -> bool:
        margins = above[run.new_start] - above[max(0, run.new_start - MARGIN)]
        margins += below[min(len(old), run.old_end + MARGIN)] - below[run.old_end]
        sides = below[run.old_end] - below[run.old_start] + above[run.new_end] - above[run.new_start]
        return 2 * margins + sides <= MAX_WINDOW

    run: Hunk | None = None
    for hunk in found:
        if run is not None:
            joined = Hunk(run.old_start, hunk.old_end, run.new_start, hunk.new_end)
            if hunk.old_start - run.old_end <= 2 * MARGIN and fits(joined):
                run = joined
                continue
            yield run
        run = hunk
    if run is not None:
        yield run


def _of_run(old: Sequence[str], new: Sequence[str], run: Hunk, first: int) -> Window | None:
    """`first`: the number of the lines' first one. None: too wide with the least margin."""
    for margin in MARGINS:
        start = max(0, run.new_start - margin)
        above, below = "".join(new[start : run.new_start]), "".join(old[run.old_end : run.old_end + margin])
        before = above + "".join(old[run.old_start : run.old_end]) + below
        after = above + "".join(new[run.new_start : run.new_end]) + below
        if len(before) + len(after) <= MAX_WINDOW:
            return Window(before, after, first + start)
    return None


def window(before: str | None, after: str | None) -> Window | None:
    """Both sides cut to the change with MARGIN lines around it, and the number of its first line, counted from 1.

    None for what would be too wide: an added or deleted file is whole.
    """
    whole = _whole(before, after)
    return whole if _fits(whole) else None


def _fits(found: Window) -> bool:
    return len(found.before or "") + len(found.after or "") <= MAX_WINDOW


def _whole(before: str | None, after: str | None) -> Window:
    if before is None or after is None:
        return Window(before, after, 1)
    return Window(*(by_lines if "\r" in before or "\r" in after else by_characters)(before, after))


def by_lines(before: str, after: str) -> tuple[str, str, int]:
    """Any line ends."""
    old, new = split(before), split(after)
    first, last = changed(old, new)
    start, cut = max(0, first - MARGIN), max(0, last - MARGIN)
    return "".join(old[start : len(old) - cut]), "".join(new[start : len(new) - cut]), start + 1


def by_characters(before: str, after: str) -> tuple[str, str, int]:
    """The same for lines that end in `\\n`: a file of thousands of lines is not split into them."""
    most = min(len(before), len(after))
    same = _alike(before, after, most)
    start = before.rfind("\n", 0, same) + 1
    i, j = len(before), len(after)
    tail = _whole_lines(before, after, _alike_at_end(before, after, most - start))
    start, tail = _lines_back(before, start), i - _lines_on(before, i - tail)
    return before[start : i - tail], after[start : j - tail], before.count("\n", 0, start) + 1


def _alike(one: str, other: str, most: int) -> int:
    """How many of the first `most` characters are the same, by halves: each stretch is compared once."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _alike_at_end(one: str, other: str, most: int) -> int:
    """The same of the last ones."""
    i, j, low, high = len(one), len(other), 0, most
    while low < high:
        middle = (low + high + 1) // 2
        if one[i - middle : i - low] == other[j - middle : j - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _lines_back(text: str, start: int) -> int:
    """Where the MARGIN lines before a line's begin begin."""
    room = ROOM
    while start > 0:
        lines = text[max(0, start - room) : start].rsplit("\n", MARGIN + 1)
        if len(lines) == MARGIN + 2:
            return start - sum(map(len, lines[1:])) - MARGIN
        if room >= start:
            break
        room *= 4
    return 0


def _lines_on(text: str, start: int) -> int:
    """Where the MARGIN lines from a line's begin on end."""
    room = ROOM
    while start < len(text):
        piece = text[start : start + room]
        lines = piece.split("\n", MARGIN)
        if len(lines) == MARGIN + 1:
            return start + len(piece) - len(lines[-1])
        if start + room >= len(text):
            break
        room *= 4
    return len(text)


def _whole_lines(before: str, after: str, tail: int) -> int:
    """The part of a common tail that begins where a line does on both sides."""
    i, j = len(before), len(after)
    if tail and all(at == 0 or text[at - 1] == "\n" for text, at in ((before, i - tail), (after, j - tail))):
        return tail
    end = before.find("\n", i - tail) if tail else -1
    return i - end - 1 if end >= 0 else 0
