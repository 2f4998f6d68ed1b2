"""Unified diffs: the hunks that can be replayed one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

_HEAD = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")


def replayable(text: str) -> str:
    """Without the hunks whose lines are not as many as their head says, or whose places do not follow from those before
    (a host cuts long diffs, people edit them). A text without hunks is none."""
    kept: list[str] = []
    moved, end = 0, 0
    for head, lines in _hunks(text.split("\n")):
        old, old_count, new, new_count = head
        body = lines[1:]
        counts = (
            sum(line[:1] in (" ", "-", "") for line in body),
            sum(line[:1] in (" ", "+", "") for line in body),
        )
        begins, lands = old + (old_count == 0), new + (new_count == 0)
        if counts == (old_count, new_count) and begins >= end and lands - begins == moved:
            kept += lines
        moved += new_count - old_count
        end = begins + old_count
    return "\n".join([*kept, ""]) if kept and text.endswith("\n") else "\n".join(kept)


def _hunks(lines: list[str]) -> Iterator[tuple[tuple[int, int, int, int], list[str]]]:
    """Each hunk's places and counts, and its lines with its head; what stands before the first is left out."""
    if lines and not lines[-1]:
        lines = lines[:-1]
    starts = [number for number, line in enumerate(lines) if _HEAD.match(line)]
    for start, stop in pairwise([*starts, len(lines)]):
        found = _HEAD.match(lines[start])
        assert found is not None
        old, old_count, new, new_count = (1 if each is None else int(each) for each in found.groups())
        yield (old, old_count, new, new_count), lines[start:stop]
