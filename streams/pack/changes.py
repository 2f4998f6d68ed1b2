"""A changed file of a commit: the changed lines, and the three forms in which a commit is shown."""

from __future__ import annotations

from model.fim.fim import Mark
from model.fim.format import Format
from model.hunks import changed
from model.lines import bare, begin_behind, last_begin, split
from streams.draw import unit

MARKS = ("<commit_before>", "<commit_msg>", "<commit_after>")
MARGIN = 32
"""Lines that are kept around a change are drawn from [0, MARGIN) (bigcode-dataset, filtering_git_commits)."""


def margin(key: bytes, seed: int) -> int:
    return int(unit(key, "margin", seed) * MARGIN)


def window(before: str, after: str, lines: int | None) -> tuple[str, str]:
    """Both sides cut to the change and `lines` lines around it; None, or an added or deleted file: whole."""
    if not before or not after or lines is None:
        return before, after
    old, new = split(before), split(after)
    first, last = changed(old, new)
    start, cut = max(0, first - lines), max(0, last - lines)
    return "".join(old[start : len(old) - cut]), "".join(new[start : len(new) - cut])


def hunk(before: str, after: str) -> tuple[int, int] | None:
    """The characters of `after` that the commit wrote, from the first changed line to the end of the last one.

    None where there is nothing to fill in: an added or a deleted file, or lines that were only taken away.
    """
    if not before or not after:
        return None
    old, new = split(before), split(after)
    first, last = changed(old, new)
    written = "".join(new[first : len(new) - last])
    start = sum(map(len, new[:first]))
    end = start + len(written.rstrip("\r\n"))
    return (start, end) if start < end else None


def lines_around(text: str, start: int, end: int, room: int) -> tuple[int, int]:
    """[start, end) with whole lines around it, at most `room` characters of them on both sides together.

    What one side leaves unused the other may have; two thirds are for what comes before.
    """
    before = min(start, max(room * 2 // 3, room - (len(text) - end)))
    first, limit = start - before, end + room - before
    if 0 < first < start:
        begin = begin_behind(text, first - 1, start)
        first = start if begin < 0 else min(begin, start)
    last = max(end, last_begin(text, end, limit)) if limit < len(text) else len(text)
    return first, last


def marked(fmt: Format, message: str, before: str, after: str, lines: int | None) -> list[str]:
    """In the format's sentinels; empty when it has none for commits."""
    if not set(MARKS) <= set(fmt.others):
        return []
    old, new = window(before, after, lines)
    return [Mark(MARKS[0]), old, Mark(MARKS[1]), message, Mark(MARKS[2]), new]


def diff(path: str, message: str, before: str, after: str, lines: int | None, former: str = "", above: int = 0) -> str:
    """The message and a diff of one hunk, as `git show` lays it out; linear in the lines' number.

    `former`: the path before a rename. `above`: lines of the file that come before both sides, where these are not the
    whole file.
    """
    old, new = bare(before), bare(after)
    first, last = changed(old, new)
    start, cut = (0, 0) if lines is None else (max(0, first - lines), max(0, last - lines))
    shown = [f" {line}" for line in old[start:first]]
    shown += [f"-{line}" for line in old[first : len(old) - last]]
    shown += [f"+{line}" for line in new[first : len(new) - last]]
    shown += [f" {line}" for line in old[len(old) - last : len(old) - cut]]
    a, b = (f"a/{former or path}" if before else "/dev/null"), (f"b/{path}" if after else "/dev/null")
    renamed = [f"rename from {former}", f"rename to {path}"] if former else []
    at = f"@@ -{_range(start, len(old) - cut, above, before)} +{_range(start, len(new) - cut, above, after)} @@"
    return "\n".join([message.rstrip("\n"), "", *renamed, f"--- {a}", f"+++ {b}", at, *shown]) + "\n"


def _range(start: int, end: int, above: int, side: str) -> str:
    """First line, counted from 1, and number of lines; 0,0 for a side that is not there."""
    return f"{above + start + 1},{end - start}" if side else "0,0"
