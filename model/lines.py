"""Lines of a source: `\\n`, `\\r\\n` and `\\r` alone end one, and nothing else does.

`str.splitlines` also splits at form feeds, at `\\x0b`, `\\x1c` to `\\x1e`, `\\x85`, U+2028 and U+2029, which neither
editors nor git nor Python take for line ends. `lsp.position` knows the same three (LSP 3.18, "Text Documents").
"""

from __future__ import annotations

from io import StringIO


def split(text: str) -> list[str]:
    """The lines with their ends; joined they are the text. An empty text has none."""
    return StringIO(text, newline="").readlines()


def bare(text: str) -> list[str]:
    """The lines without their ends, as many as `split` gives."""
    lines = unified(text).split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def unified(text: str) -> str:
    """The text with `\\n` for every line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def begin_behind(text: str, start: int, end: int) -> int:
    """Where the first line begins whose predecessor ends in [start, end); -1 when none does."""
    at = text.find("\n", start, end)
    other = text.find("\r", start, end if at < 0 else at)
    if other < 0:
        return at + 1 if at >= 0 else -1
    return other + 2 if text.startswith("\n", other + 1) else other + 1


def last_begin(text: str, start: int, end: int) -> int:
    """Where the last line begins whose predecessor ends, whole, in [start, end); -1 when none does."""
    at = max(text.rfind("\n", start, end), text.rfind("\r", start, end))
    if 0 <= at == end - 1 and text[at] == "\r" and text.startswith("\n", end):  # its `\n` lies outside
        at = max(text.rfind("\n", start, at), text.rfind("\r", start, at))
    return at + 1 if at >= 0 else -1
