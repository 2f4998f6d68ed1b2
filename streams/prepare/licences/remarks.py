"""Sentences of well-known projects around their licences, which set no condition: they are passed over, word for
word."""

from __future__ import annotations

import re

REMARKS: tuple[str, ...] = (
    "(formerly known as NAME, then as NAME)",
    "(formerly known as NAME)",
    "Contributions to NAME are made under the terms of both these licenses.",
    "Contributions to are made under the terms of both these licenses.",
    "This license is approved by the OSI and FSF as GPL-compatible.",
    "The above license applies to all contributions after DATE, as well as all contributions that have been "
    "re-licensed (see "
    "AUTHORS file for the list of contributors who have re-licensed their code).",
    "The above BSD License Applies to all code, even that also covered by Apache 2.0.",
    "As a recipient of NAME, you may choose which license to receive this code under (except as noted in per-module "
    "LICENSE files).",
    "Some modules may not be the copyright of the NAME Foundation. These modules contain explicit declarations of "
    "copyright in "
    "both the LICENSE files in the directories in which they reside and in the code itself.",
    "No external contributions are allowed under licenses which are fundamentally incompatible with the AFL-2.1 OR and "
    "BSD-3-Clause licenses that NAME is distributed under.",
    "No external contributions are allowed under licenses which are fundamentally incompatible with the AFL or BSD "
    "licenses that "
    "NAME is distributed under.",
    "The text of the AFL-2.1 and BSD-3-Clause licenses is reproduced below.",
)
"""NAME: a project's; DATE: digits and hyphens. Marks of emphasis do not count."""
_SLOTS = {"NAME": r"[\w.-]{1,40}", "DATE": r"[\d-]{4,12}"}


def _pattern(sentence: str) -> str:
    words = (word.strip("(),.") for word in sentence.split())
    return r"\s+".join(rf"[(*_]{{0,2}}{_SLOTS.get(word, re.escape(word))}[)*_,.]{{0,2}}" for word in words)


_KNOWN = re.compile("|".join(map(_pattern, REMARKS)), re.I)


def without_remarks(text: str) -> str:
    """The text without the sentences that are known."""
    return _KNOWN.sub(" ", text)
