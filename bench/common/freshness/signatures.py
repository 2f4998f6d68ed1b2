"""Functions whose parameters a commit changed, in Python, Go, Rust and JavaScript; and calls, in any language."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate

from model.hunks import hunks
from model.lines import split

HEADS = {
    "python": re.compile(r"^[ \t]*(?:async )?def (\w+)\(([^()\n]*)\)", re.M),
    "go": re.compile(r"^func (?:\([^()\n]*\) )?(\w+)\(([^()\n]*)\)", re.M),
    "rust": re.compile(r"^[ \t]*(?:pub(?:\([a-z]+\))? )?fn (\w+)(?:<[^<>\n]*>)?\(([^()\n]*)\)", re.M),
    "javascript": re.compile(r"^[ \t]*(?:async )?function (\w+)\(([^()\n]*)\)", re.M),
}
"""How a definition begins: its name, its parameters, all in one line."""
HEADS["typescript"] = HEADS["javascript"]
CALL = re.compile(r"(\w+)\(([^()\n]*)\)")
LEAST = 8
"""Characters of a line before the bracket of a call, at least: they say which call it is."""


@dataclass(frozen=True)
class Signature:
    """One change: what stands before the parameters in the file after it, and both of these."""

    path: str
    prefix: str
    """Up to the opening bracket, this included."""
    suffix: str
    """From the line after the definition's on."""
    old: str
    new: str

    def says(self, completion: str) -> str:
        """old, new, or neither of them. What begins both is decided by the bracket that closes."""
        for name, parameters in (("new", self.new), ("old", self.old)):
            if completion.startswith(parameters + ")"):
                return name
        return ""


def changed(language: str, path: str, before: str, after: str) -> list[Signature]:
    """Of functions that are defined as often on both sides; of several of a name the first and the first, and so on."""
    head = HEADS.get(language)
    if head is None:
        return []
    old, new = _by_name(head, before), _by_name(head, after)
    pairs = [
        pair for name in new if len(old[name]) == len(new[name]) for pair in zip(old[name], new[name], strict=True)
    ]
    return [
        Signature(path, after[:start], _below(after, start), was, now) for (_, was), (start, now) in pairs if was != now
    ]


def calls(path: str, before: str, after: str) -> list[Signature]:
    """Calls, and definitions that look like one, on lines that a commit replaced one by one: the same up to the
    bracket, other between the brackets. Of each line the first."""
    old, new = split(before), split(after)
    starts = [0, *accumulate(map(len, new))]
    found: list[Signature] = []
    for hunk in hunks(old, new):
        if hunk.old_end - hunk.old_start != hunk.new_end - hunk.new_start:
            continue
        for was, at in zip(range(hunk.old_start, hunk.old_end), range(hunk.new_start, hunk.new_end), strict=True):
            for one, other in zip(CALL.finditer(old[was]), CALL.finditer(new[at]), strict=False):
                head = new[at][: other.start(2)]
                if old[was][: one.start(2)] != head or len(head.strip()) < LEAST:
                    break
                if one[2] != other[2]:
                    start = starts[at] + other.start(2)
                    found.append(Signature(path, after[:start], _below(after, start), one[2], other[2]))
                    break
    return found


def _by_name(head: re.Pattern[str], text: str) -> defaultdict[str, list[tuple[int, str]]]:
    """Where the parameters begin, and what they are."""
    found: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for match in head.finditer(text):
        found[match[1]].append((match.start(2), match[2]))
    return found


def _below(text: str, at: int) -> str:
    end = text.find("\n", at)
    return text[end:] if end >= 0 else ""
