"""What may stand around a permissive licence's name: words that point to its text, or name owners. Whatever else is
said there may take a right back, and leaves the whole unknown."""

from __future__ import annotations

import re

from streams.prepare.licences.bodies import owners_are_plain
from streams.prepare.licences.classes import classify
from streams.prepare.licences.naming import several

MAX_CHARS = 400
_PLAIN = re.compile(
    r"(?:(?!\(c\))[\s.,;:!\"'()<>\[\]{}*_`/|+–—-])+|(?:https?://|www\.)\S+"
    r"|(?:[\w.-]+/)*(?:un)?(?:licen[cs](?:es?|ed|ing)|copying|copyright\.)(?:[-.]\w+)*(?![\w-])"
    r"|(?:see|in|at|as|is|are|the|an?|this|these|that|of|for|to|and|or|found|files?|full|text|copy|details?|more"
    r"|info(?:rmation)?|please|included|includes|with|under|terms|conditions|read|view|check|refer|root|repo(?:sitory)?|project"
    r"|library|package|software|code|source|program|module|app|plugin|distributed|distribution|available|below|above"
    r"|here|its?|our|open|free|osi|approved|compliant|style|expat|x11|version|v?\d[\d.]*|notice|complete|contents?|all"
    r"|released|published|provided|which|can|be|folder|directory|accompanying|everything|modern|variant|like|by|on"
    r"|new|revised|simplified|clause|legal|link|click|dual|either|at your option|your choice|permissive|page|use|freely"
    r"|feel free to use)\b"
)
_OWNER = re.compile(r"(?:©|&copy;|\(c\)|copyright\b|copr\b|by\b|@)", re.I)
_TAKES = re.compile(
    r"\b(?:commercial\w*|proprietary|eula|enterprise|closed|pay\w*|paid|students?|clients?|servers?|tbd|todo|undecided"
    r"|decided?|except|unless|only|not?|but|without|contracts?|companies|employees|data|models?|weights|docs|assets)\b|\?"
)


_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_NOTICE = re.compile(r"you may not use (?:this|these) [\w ]{1,40} except in compliance with the license")
"""Of the Apache License's notice."""


def takes_back(words: str) -> bool:
    """Whether words in lower case limit what they name."""
    return bool(_TAKES.search(_NOTICE.sub("", words)))


def says_no_more(words: str) -> bool:
    """Whether words in lower case name licences, and their places or owners, and nothing else."""
    words = " ".join(words[: MAX_CHARS + 1].split())
    if len(words) > MAX_CHARS or takes_back(words):
        return False
    at = 0
    while at < len(words):
        if named := several(words, at):
            if classify(named.spdx) != "permissive":
                return False
            address = _ADDRESS.match(words, at)
            at = max(named.end, at + 1, address.end() if address else 0)
        elif _OWNER.match(words, at):
            return owners_are_plain(f"copyright {words[at:]}")
        elif plain := _PLAIN.match(words, at):
            at = plain.end()
        else:
            return False
    return True
