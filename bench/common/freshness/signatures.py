"""Functions whose parameters a commit changed, in Python, Go, Rust and JavaScript."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

HEADS = {
    "python": re.compile(r"^[ \t]*(?:async )?def (\w+)\(([^()\n]*)\)", re.M),
    "go": re.compile(r"^func (?:\([^()\n]*\) )?(\w+)\(([^()\n]*)\)", re.M),
    "rust": re.compile(r"^[ \t]*(?:pub(?:\([a-z]+\))? )?fn (\w+)(?:<[^<>\n]*>)?\(([^()\n]*)\)", re.M),
    "javascript": re.compile(r"^[ \t]*(?:async )?function (\w+)\(([^()\n]*)\)", re.M),
}
"""How a definition begins: its name, its parameters, all in one line."""
HEADS["typescript"] = HEADS["javascript"]


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


def _by_name(head: re.Pattern[str], text: str) -> defaultdict[str, list[tuple[int, str]]]:
    """Where the parameters begin, and what they are."""
    found: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
    for match in head.finditer(text):
        found[match[1]].append((match.start(2), match[2]))
    return found


def _below(text: str, at: int) -> str:
    end = text.find("\n", at)
    return text[end:] if end >= 0 else ""
