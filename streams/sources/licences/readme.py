"""The licence that a README states, in a sentence or under a heading: for repositories that say it nowhere else."""

from __future__ import annotations

import re

from streams.prepare.licences.parts import families

README = re.compile(r"(?i)^readme(\.(md|rst|txt|markdown|adoc))?$")
MAX_CHARS = 200_000
_SENTENCE = re.compile(
    r"\b(?:licen[cs]ed|released|distributed|available|published|covered)[ \n]+(?:by|under)\b"
    r"((?:[^.!?]|\.(?=\d)){1,200})",
    re.I,
)
_HEADING = re.compile(
    r"^(?:#+[ \t]*)?licen[cs](?:e|ing):?[ \t#]*\n(?:[-=~^]+[ \t]*\n)?\s{0,9}([^\n]{1,200})", re.M | re.I
)


def stated(text: str) -> str:
    """The SPDX expression of all licences that the statements name; empty: none does."""
    text = text[:MAX_CHARS]
    statements = [*_SENTENCE.findall(text), *_HEADING.findall(text)]
    found = {spdx for words in statements for spdx in families(" ".join(words.split()))}
    return " AND ".join(sorted(found))
