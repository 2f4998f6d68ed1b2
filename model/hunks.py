"""Which lines of two texts differ: the hunks between the lines that stand once on both sides, in n log n steps."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

DEPTH = 8
"""How often what lies between two anchors is looked at for further ones, so that time has a bound."""


class Hunk(NamedTuple):
    """Lines [old_start, old_end) became [new_start, new_end); what lies between two hunks is alike."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


def hunks(old: Sequence[str], new: Sequence[str]) -> list[Hunk]:
    """In their order; nothing where both are alike. Not the fewest lines that could be shown, as `git diff` seeks."""
    found: list[Hunk] = []
    waiting = [(Hunk(0, len(old), 0, len(new)), DEPTH)]
    while waiting:
        area, depth = waiting.pop()
        inner = _trimmed(old, new, area)
        gone, come = inner.old_end - inner.old_start, inner.new_end - inner.new_start
        if not gone and not come:
            continue
        gaps = list(_gaps(old, new, inner)) if depth and gone and come else [inner]
        if gaps == [inner]:
            found.append(inner)
        else:
            waiting += [(gap, depth - 1) for gap in reversed(gaps)]
    return found


def _trimmed(old: Sequence[str], new: Sequence[str], area: Hunk) -> Hunk:
    """Without the lines at both its ends that are alike."""
    first, last = changed(old[area.old_start : area.old_end], new[area.new_start : area.new_end])
    return Hunk(area.old_start + first, area.old_end - last, area.new_start + first, area.new_end - last)


def _gaps(old: Sequence[str], new: Sequence[str], area: Hunk) -> Iterator[Hunk]:
    """What lies between the anchors of an area and the lines beside these that are alike, too."""
    i, j = area.old_start, area.new_start
    for a, b in _anchors(old, new, area):
        if a < i or b < j:  # reached from the anchor before
            continue
        while a > i and b > j and old[a - 1] == new[b - 1]:
            a, b = a - 1, b - 1
        if a > i or b > j:
            yield Hunk(i, a, j, b)
        i, j = a, b
        while i < area.old_end and j < area.new_end and old[i] == new[j]:
            i, j = i + 1, j + 1
    if i < area.old_end or j < area.new_end:
        yield Hunk(i, area.old_end, j, area.new_end)


def _anchors(old: Sequence[str], new: Sequence[str], area: Hunk) -> list[tuple[int, int]]:
    """The longest run of lines that stand once on each side, in the same order on both (patience diff)."""
    here, there = _once(old, area.old_start, area.old_end), _once(new, area.new_start, area.new_end)
    pairs = [(at, there[line]) for line, at in here.items() if line in there]
    ends: list[int] = []
    """The least place in `new` at which a run of each length ends."""
    last: list[int] = []
    """The pair that ends it."""
    before: list[int] = []
    for number, (_, at) in enumerate(pairs):
        length = bisect_left(ends, at)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1], last[length : length + 1] = [at], [number]
    run: list[tuple[int, int]] = []
    number = last[-1] if last else -1
    while number >= 0:
        run.append(pairs[number])
        number = before[number]
    return run[::-1]


def _once(lines: Sequence[str], start: int, end: int) -> dict[str, int]:
    """The lines of an area that stand there once, with their places, in order."""
    counts = Counter(lines[start:end])
    return {lines[at]: at for at in range(start, end) if counts[lines[at]] == 1}


def changed(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many lines at the start, and how many of the others at the end, both sides have alike."""
    most = min(len(old), len(new))
    first = alike(lambda at, to: old[at:to] == new[at:to], most)
    i, j = len(old), len(new)
    last = alike(lambda at, to: old[i - to : i - at] == new[j - to : j - at], most - first)
    return first, last


def alike(same: Callable[[int, int], bool], most: int) -> int:
    """How many of the first `most` lines, or characters, are the same.

    Stretches are compared, each twice as long as the one before, then halves of the last one.
    """
    at, step = 0, 16
    while at < most and same(at, min(at + step, most)):
        at = min(at + step, most)
        step *= 2
    while step > 1:
        step //= 2
        if at + step <= most and same(at, at + step):
            at += step
    return at
