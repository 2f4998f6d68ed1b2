"""What is too long in a thread, or in a commit's message, is cut in the middle, not dropped: people say what is wrong
first and what helped last.

StarCoder cuts a comment of more than 80 lines to its first 60 and its last 20 (arXiv 2305.06161, section 3.2; bigcode's
filtering_issues.py); a thread of too many characters is cut in the same proportion.
"""

from __future__ import annotations

from collections.abc import Iterator

from streams.document import Document, Part
from streams.prepare.recipes.recipe import Lengths

MARK = "[Truncated]"
KINDS = ("issue", "pull", "question")
HEAD = 3 / 4
"""The share of what is kept that comes from the beginning."""


def shorten(document: Document, lengths: Lengths) -> None:
    """Cuts a thread's parts, or a commit's message, in place to the recipe's lengths, and counts it in `Document.cut`.

    A document that was cut once is not cut again.
    """
    before = document.size
    if document.kind == "commit":
        for part in document.parts:
            part.text = middle(part.text, lengths.message_chars) if part.role == "message" else part.text
        document.cut += max(0, before - document.size)
    if document.kind not in KINDS:
        return
    for part in document.parts:
        part.text = lines(part.text, lengths.comment_lines)
    document.parts = parts(document.parts, lengths.thread_chars)
    document.cut += max(0, before - document.size)


def lines(text: str, most: int) -> str:
    """The text with at most `most` lines, the mark being one of them."""
    if text.count("\n") < most:
        return text
    rows = text.split("\n")
    if len(rows) - (not rows[-1]) <= most:
        return text
    head = int(most * HEAD)
    tail = max(0, most - head - 1)
    return "\n".join([*rows[:head], MARK, *(rows[-tail:] if tail else ())])


def middle(text: str, most: int) -> str:
    """The text with at most `most` characters, cut at line ends where there are any near; longer only by the mark."""
    if len(text) <= most:
        return text
    head = int(most * HEAD)
    return _head(text, head) + MARK + _tail(text, most - head)


def parts(given: list[Part], most: int) -> list[Part]:
    """At most `most` characters of text, marks beside: whole parts from both ends, what is between left out."""
    if sum(len(p.text) for p in given) <= most:
        return given
    room = max(0, most - 2 * len(MARK))
    head, tail = int(room * HEAD), room - int(room * HEAD)
    first = sum(1 for _ in _within(given, head))
    last = sum(1 for _ in _within(given[first:][::-1], tail))
    head -= sum(len(p.text) for p in given[:first])
    tail -= sum(len(p.text) for p in given[len(given) - last :])
    between = given[first : len(given) - last]
    if len(between) == 1:
        (one,) = between
        cut = [Part(one.role, _head(one.text, head) + MARK + _tail(one.text, tail), one.label)]
    else:
        one, other = between[0], between[-1]
        cut = [
            Part(one.role, _head(one.text, head) + MARK, one.label),
            Part(other.role, MARK + _tail(other.text, tail), other.label),
        ]
    return [*given[:first], *cut, *given[len(given) - last :]]


def _within(given: list[Part], room: int) -> Iterator[Part]:
    for part in given:
        room -= len(part.text)
        if room < 0:
            return
        yield part


def _head(text: str, size: int) -> str:
    """Up to `size` characters of the beginning, to a line's end where there is one in the last quarter."""
    end = text.rfind("\n", int(size * HEAD), size)
    return text[: end + 1 if end >= 0 else size]


def _tail(text: str, size: int) -> str:
    if size <= 0:
        return ""
    start = text.find("\n", len(text) - size, len(text) - int(size * HEAD))
    return text[start:] if start >= 0 else text[len(text) - size :]
