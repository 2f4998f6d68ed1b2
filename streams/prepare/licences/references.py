"""The permissive licences' texts as patterns of words, and where in a text one of them stands, no more and no less.

`references.txt` holds SPDX's templates (`bench/references.py`): where a holder's name stands, and what may be left out.
Beside that only spelling, articles and the numbers of lists may differ: a word that is put in, left out or replaced
makes another text of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from streams.prepare.licences.plain import is_foreign, is_latin

REFERENCES = Path(__file__).with_name("references.txt")
NAME_WORDS = 30
"""Of a holder's name: the longest in use tell a university, its regents and the contributors."""
MOST_STEPS = 400_000
"""Comparisons of words in a text, .2 s: what is more is not known. The longest licence takes 10,000."""
LONG_WORD = 8
"""Letters of a word that may be misspelt."""
ANCHOR_WORDS = 3
"""Words at its beginning by which a pattern is found."""
BEGUN_WORDS = 20
"""Words in which a text and a licence agree that are no accident."""
_WORD = re.compile(r"(?:(?:non|sub|trade)[-\s]\s{0,9}(?=infring|commercial|licen[cs]|mark))?[^\W_]+")
_PARTS = re.compile(r"[^\W_]+|[_(|)]")
_LINKS = re.compile(r"(?:https?://|www\.)[^\s<>()\"']+|[\w.+-]{1,64}@[\w.-]+", re.I)
_MISREAD = re.compile(r"\u00c2(?=[\u00a0-\u00bf])|\u00e2(?:\u20ac.|\x80[\x80-\xbf])")
"""Signs in UTF-8 that somebody read as Latin letters: `§`, quotes, dashes."""
_ARTICLES = frozenset(("a", "an", "the", "section", "article", "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix"))
"""With the numbers of lists."""
_NUMBER = re.compile(r"\d+[a-z]?")
_SAME = {
    word: same.split()[0]
    for same in (
        "license licence licenses licences", "licensed licenced", "sublicense sublicence", "software program library",
        "merchantability merchantibility merchantable", "noninfringement noninfringment",
        "and or", "copies copy", "name names",
        "holder holders owner owners", "author authors", "contributor contributors", "notice notices",
        "copyright copyrights", "warranty warranties", "condition conditions", "express expressed", "its his her their",
        "authorized authorised", "favor favour", "organization organisation", "consequential cosequential",
        "acknowledgment acknowledgement", "acknowledgments acknowledgements", "utilization utilisation",
        "fulfill fulfil", "judgment judgement", "recognize recognise", "recognized recognised", "center centre",
        "realize realise", "realizes realises",
        "while whilst", "willful wilful",
    )
    for word in same.split()
}  # fmt: skip
"""Spellings, and words of which licences use one for the other."""
_NEVER_NAMES = re.compile(
    r"no|not|non|none|nor|only|must|may|shall|cannot|unless|except\w*|exclu\w+|provided|permi\w+|grants|granted|granting|allow\w*"
    r"|prohibit\w*|forbid\w*|restrict\w*|requir\w+|condition\w*|fees?|pays?|paid|payments?|royalt\w+|charges?"
    r"|commercial\w*|noncommercial|licen[cs]\w*|sublicen\w+|a?gpl\w*|lgpl\w*|copyleft|terms?|us(?:e|es|ed|ing)"
    r"|distribut\w+|redistribut\w+|modif\w+|copy|copies|copying|sold|sell\w*|disclos\w+|agree\w*|consent|if|when|until"
    r"|while|who|whom|students?|evaluation|trial|terminat\w+|patents?|derivative\w*|same|purposes?|liable|damages?"
    r"|to|partly|partially|whose|void|approv\w*|needs?|ow(?:e|es)|compet\w+|within|until|after|before|during|over|individuals|members|employees"
    r"|without|otherwise|limit(?:ed to|s|ing|ations?)|production|personal|military|revo\w+|subject|notif\w+|obtain\w*"
)
"""Words that stand in no holder's name."""
Branches = list[list["str | Branches"]]
"""A group of a pattern: one of several rows of words and groups."""


@dataclass(frozen=True)
class Word:
    """A text's word as it is compared, and its characters, half open."""

    word: str
    start: int
    end: int


@dataclass(frozen=True)
class Found:
    """A licence in a text, characters start to end, half open."""

    spdx: str
    """Empty: a remark that sets no condition."""
    start: int
    end: int
    whole: bool = True
    """False: it begins there and does not go on."""


class Pattern:
    """A licence's places, by number: a word stands there, or a name of several (`names`); 0 is the end."""

    def __init__(self, spdx: str, text: str) -> None:
        self.spdx = spdx
        self.words: list[str] = [""]
        self.names: set[int] = set()
        self.after: list[tuple[int, ...]] = [()]
        """Of each place those that may come next."""
        self.first = self._group(_parse(iter(_PARTS.findall(text))), (0,))

    def _group(self, branches: Branches, after: tuple[int, ...]) -> tuple[int, ...]:
        """The places where it may begin; a branch of no words is one of its `after`."""
        return tuple(dict.fromkeys(place for branch in branches for place in self._row(branch, after)))

    def _row(self, row: list[str | Branches], after: tuple[int, ...]) -> tuple[int, ...]:
        for i in range(len(row) - 1, -1, -1):
            part = row[i]
            if not isinstance(part, str):
                after = self._group(part, after)
            elif part == "_":
                after = (self._place(part, after), *after)
                self.names.add(after[0])
            elif (word := _compared(part, row[i - 1] if i else "")) and not self._is_twice(word, after):
                after = (self._place(word, after),)
        return after

    def _is_twice(self, word: str, after: tuple[int, ...]) -> bool:
        """`and/or` counts once."""
        return word == "and" and all(self.words[place] == "and" for place in after)

    def _place(self, word: str, after: tuple[int, ...]) -> int:
        self.words.append(word)
        self.after.append(after)
        return len(self.words) - 1

    def anchors(self) -> Iterator[tuple[str, ...]]:
        """The first words of each way to begin."""
        ways: list[tuple[tuple[str, ...], int]] = [((), place) for place in self.first if place not in self.names]
        while ways:
            said, place = ways.pop()
            if not place or place in self.names or len(said) == ANCHOR_WORDS:
                yield said
            else:
                ways += [((*said, self.words[place]), later) for later in self.after[place]]


def _parse(parts: Iterator[str]) -> Branches:
    branches: Branches = [[]]
    for part in parts:
        if part == ")":
            break
        if part == "|":
            branches.append([])
        else:
            branches[-1].append(_parse(parts) if part == "(" else part)
    return branches


def _compared(word: str, before: object) -> str:
    """As it is compared; empty: it does not count. Of single letters one behind the other the later ones do."""
    if word in _ARTICLES or _NUMBER.fullmatch(word):
        return ""
    spelled = isinstance(before, str) and len(before) == 1 and before.isalpha() and before not in _ARTICLES
    if not word.isascii():  # a letter of another script may be a word, and is a part of none of these texts
        return word
    return "" if len(word) == 1 and not spelled else _SAME.get(word, word)


def words(text: str) -> list[Word]:
    """The words of a text that count, without links."""
    for unsaid in (_LINKS, _MISREAD):
        text = unsaid.sub(lambda match: " " * len(match[0]), text)
    found: list[Word] = []
    before = ""
    for match in _WORD.finditer(text.lower() if len(text.lower()) == len(text) else text):
        raw = re.sub(r"[-\s]", "", match[0])
        word, before = _compared(raw, before), raw
        if word and not (word == "and" and found and found[-1].word == "and"):
            found.append(Word(word, match.start(), match.end()))
    return found


def find(text: str) -> list[Found]:
    """The licences that stand in a text, from its beginning; of several at a place the longest."""
    return [one for one in _search(text) if one.whole]


def is_changed(text: str) -> bool:
    """Whether a licence begins in a text and does not go on as it does, BEGUN_WORDS or more of it being there."""
    wholes = find(text)
    return any(
        not one.whole and all(one.end <= other.start or other.end <= one.start for other in wholes)
        for one in _search(text)
    )


@lru_cache(maxsize=16)
def _search(text: str) -> tuple[Found, ...]:
    """Those that stand there and those that begin. None where it takes MOST_STEPS."""
    said, found, at, steps = words(text), list[Found](), 0, 0
    while at < len(said) and steps < MOST_STEPS:
        whole, begun = (at, 0, ""), at
        for pattern in _candidates(said, at):
            end, reached, taken = _match(pattern, said, at, MOST_STEPS - steps)
            steps += taken
            whole, begun = max(whole, (end, -len(pattern.spdx), pattern.spdx)), max(begun, reached)
        if whole[0] > at:
            found.append(Found(whole[2], said[at].start, said[whole[0] - 1].end))
        elif begun - at >= BEGUN_WORDS:
            found.append(Found("", said[at].start, said[begun - 1].end, whole=False))
        at = max(whole[0], at + 1)
    return tuple(found) if steps < MOST_STEPS else ()


def _match(pattern: Pattern, said: list[Word], at: int, most: int) -> tuple[int, int, int]:
    """Where the pattern ends that begins at a word (-1: it does not stand there), how far it goes, and the steps."""
    now, best, steps = dict.fromkeys(pattern.first, 0), -1, 0
    while steps < most:
        if 0 in now:
            best = at
        later = _next(pattern, now, said[at].word) if at < len(said) else {}
        if not later:
            break
        steps += len(now)
        now, at = later, at + 1
    return best, at, steps


def _next(pattern: Pattern, now: dict[int, int], word: str) -> dict[int, int]:
    """The places that may come when a word has been read, with the words of a name that have been."""
    later: dict[int, int] = {}
    for place, count in now.items():
        if place in pattern.names:
            if count < NAME_WORDS and _may_be_a_name(word):
                later[place] = min(later.get(place, count + 1), count + 1)
                later.update(dict.fromkeys(pattern.after[place], 0))
        elif place and (pattern.words[place] == word or _is_misspelt(pattern.words[place], word)):
            later.update(dict.fromkeys(pattern.after[place], 0))
    return later


@lru_cache(maxsize=4096)
def _is_misspelt(right: str, word: str) -> bool:
    """Of a long word, one letter that is another, missing or too much. No such word means the opposite."""
    if min(len(right), len(word)) < LONG_WORD or abs(len(right) - len(word)) > 1:
        return False
    same = next((at for at, (one, other) in enumerate(zip(right, word, strict=False)) if one != other), None)
    if same is None:
        return True
    return right[same + (len(right) >= len(word)) :] == word[same + (len(word) >= len(right)) :]


@lru_cache(maxsize=4096)
def _may_be_a_name(word: str) -> bool:
    return not _NEVER_NAMES.fullmatch(word) and is_latin(word) and not is_foreign(word)


def is_a_name(said: str) -> bool:
    """Whether words may be a holder's name."""
    return all(map(_may_be_a_name, said.split()))


def _candidates(said: list[Word], at: int) -> dict[Pattern, None]:
    """Those that may begin at a word."""
    first = tuple(word.word for word in said[at : at + ANCHOR_WORDS])
    index = _index()
    return {pattern: None for n in range(1, ANCHOR_WORDS + 1) for pattern in index.get(first[:n], ())}


@cache
def _index() -> dict[tuple[str, ...], list[Pattern]]:
    """The patterns by their first words."""
    found: dict[tuple[str, ...], list[Pattern]] = defaultdict(list)
    for line in REFERENCES.read_text("utf-8").splitlines():
        spdx, text = line.split("\t")
        pattern = Pattern(spdx, text)
        for anchor in set(pattern.anchors()):
            found[anchor].append(pattern)
    return dict(found)
