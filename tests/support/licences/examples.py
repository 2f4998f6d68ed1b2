"""Texts of permissive licences, each the one that its pattern begins with."""

from __future__ import annotations

import re

from streams.prepare.licences.references import REFERENCES

ROWS = [line.split("\t") for line in REFERENCES.read_text("utf-8").splitlines()]
_GROUP = re.compile(r"\( ([^()|]*)(?:\|[^()]*)?\)")


def example(pattern: str) -> str:
    """The text that a pattern begins with: the first of its alternatives, and a name."""
    while pattern != (shorter := _GROUP.sub(r"\1", pattern)):
        pattern = shorter
    return " ".join("A. Author" if word == "_" else word for word in pattern.split())


EXAMPLES = [(spdx, example(pattern)) for spdx, pattern in ROWS if spdx]
ISC, ZLIB, BOOST, UNLICENSE = (
    next(text for spdx, text in EXAMPLES if spdx == name) for name in ("ISC", "Zlib", "BSL-1.0", "Unlicense")
)
