"""From what the model wrote to what is shown: nothing that is there already, nothing beyond the block."""

from __future__ import annotations

import re

CLOSING = {")": "(", "]": "[", "}": "{"}
QUOTES = "\"'`"
_CLOSERS_ONLY = re.compile(r"\s*(?:[)\]}]+[;,]*|end|fi|done|esac)\s*")
_CONTINUES = re.compile(r"\s*(?:elif|else|except|finally|catch|case)\b")


def trim(prefix: str, text: str, suffix: str) -> str:
    """What may be inserted between prefix and suffix; empty when nothing is left to show."""
    line_before = prefix[prefix.rfind("\n") + 1 :]
    rest, _, following = suffix.partition("\n")
    text = strip_leading(line_before, text.replace("\r", ""))
    text = without_rest_of_line(text, rest.rstrip())
    text = without_following_lines(line_before, text, following)
    if "\n" in text or not rest.strip():
        text = text.rstrip()
    return text if text.strip() else ""


def strip_leading(line_before: str, text: str) -> str:
    """Without a blank at its beginning when the line has one already."""
    return text.lstrip(" \t") if line_before.strip() and line_before[-1:] in " \t" else text


def without_rest_of_line(text: str, rest: str) -> str:
    """Without the rest of the cursor's line at its end, and cut where it would close what the rest closes."""
    if not rest:
        return text
    first = rest.lstrip()[:1]
    if first in CLOSING or first in QUOTES:
        return text[: _closed_at(text, first)]
    return text if "\n" in text else text.removesuffix(rest)


def without_following_lines(line_before: str, text: str, following: str) -> str:
    """Without its last lines when they are those that follow the cursor's line; blank ones do not count."""
    lines = text.rstrip().split("\n")
    there = [line.rstrip() for line in following.split("\n") if line.strip()]
    whole = [(line_before + lines[0]).rstrip(), *(line.rstrip() for line in lines[1:])]
    for count in range(min(len(there), len(whole)), 0, -1):
        if whole[-count:] == there[:count] and any(line.strip() for line in whole[-count:]):
            return "\n".join(lines[:-count])
    return text


def end_of_block(line_before: str, text: str, final: bool = False) -> int | None:
    """Where in `text` the block of the cursor has ended; None while it has not.

    A line ends it that is indented less than the cursor's line, or as much after a blank line or when the cursor's line
    is itself the head of the block. Brackets that only close, and `else` and its like, belong to the head's block.
    Until the text is `final` its last line is not judged, it may go on.
    """
    head, base = bool(line_before.strip()), _indent(line_before)
    at, after_blank = text.find("\n") + 1, False
    while 0 < at < len(text):
        end = text.find("\n", at)
        if end < 0 and not final:
            return None
        line = text[at : end if end >= 0 else len(text)]
        if not line.strip():
            after_blank = True
        elif _indent(line) < base or (_indent(line) == base and (head or after_blank) and not _belongs(line)):
            return at - 1
        else:
            after_blank = False
        at = end + 1
    return None


def _belongs(line: str) -> bool:
    return bool(_CLOSERS_ONLY.fullmatch(line) or _CONTINUES.match(line))


def _indent(line: str) -> int:
    expanded = line.expandtabs(8)
    return len(expanded) - len(expanded.lstrip(" "))


def _closed_at(text: str, closer: str) -> int:
    """Index of the first `closer` on the first line that nothing in `text` opened; the length when there is none."""
    line = text.partition("\n")[0]
    if closer in QUOTES:
        return line.find(closer) if line.count(closer) % 2 else len(text)
    open_brackets = 0
    for at, character in enumerate(line):
        open_brackets += (character == CLOSING[closer]) - (character == closer)
        if open_brackets < 0:
            return at
    return len(text)
