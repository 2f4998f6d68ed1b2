"""Who types what and when: keys with the gaps of people, over real files, from nothing but keyed hashes.

No recorded trace is at hand, so gaps are drawn. They are log-normal, which fits free typing well (González et al., "On
the shape of timings distributions in free-text keystroke dynamics profiles", 2021), with a user's own pace (people
differ widely: Dhakal et al., "Observations on typing from 136 million keystrokes", 2018): short within a word, longer
before one, and a pause where a line begins, of which some are the 2 to 15 seconds in which programmers look at the code
around (Shrestha et al., "Pausing while programming", 2022). The medians below are our choice, those of fast typists.

A user takes lines out of the middle of a file and types them again, then goes to another place. Enter brings the
indent of the next line with it, as editors do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import xxhash

from lsp.context import MOST_SUFFIX, Context

IN_WORD, BEFORE_WORD, AT_LINE = (0.14, 0.45), (0.24, 0.55), (0.9, 0.9)
"""Median in seconds, and deviation of the logarithm."""
PACE = 0.25
"""Deviation of the logarithm of what a user's gaps are multiplied by."""
LEAST_S, MOST_S = 0.03, 15.0
LINES = 12
"""That are typed at one place."""
LEAST_FILE, MOST_FILE = 2_000, 40_000
"""Characters."""


@dataclass(frozen=True)
class Place:
    """Lines of a file that are typed anew."""

    path: str
    language: str
    before: str
    target: str
    after: str


@dataclass(frozen=True)
class Key:
    """What one key makes of the text, and when it comes: seconds from the trace's beginning."""

    at: float
    place: Place
    typed: int
    """Characters of the target that stand there now."""

    def context(self, session: str) -> Context:
        """As the language server sends it."""
        place = self.place
        return Context(session, place.before + place.target[: self.typed], place.after[:MOST_SUFFIX], place.path,
                       place.language)  # fmt: skip

    @property
    def rest(self) -> str:
        """Of the line, which is typed next."""
        return self.place.target[self.typed :].partition("\n")[0]


def keys(user: int, files: Sequence[tuple[str, str]], seed: str = "") -> Iterator[Key]:
    """The endless trace of one user; `files`: paths and texts."""
    name = f"{seed}/{user}"
    pace = math.exp(PACE * _normal(f"{name}/pace"))
    at, visit = 2 * _uniform(f"{name}/begin"), 0
    while True:
        place = _place(f"{name}/{visit}", files)
        typed, number = 0, 0
        for typed, number in _steps(place.target):
            yield Key(at, place, typed)
            at += _gap(f"{name}/{visit}/{number}", place.target, typed, pace)
        visit += 1


def _place(name: str, files: Sequence[tuple[str, str]]) -> Place:
    """Twelve lines at most, which begin in the middle half of a file and not with an empty one."""
    path, text = files[_draw(f"{name}/file") % len(files)]
    lines = text.splitlines(keepends=True)
    begin = len(lines) // 4 + _draw(f"{name}/line") % max(1, len(lines) // 2)
    while begin < len(lines) - 1 and not lines[begin].strip():
        begin += 1
    end = min(len(lines), begin + LINES)
    taken = "".join(lines[begin:end])
    target = taken.rstrip()
    indent = len(target) - len(target.lstrip(" \t"))
    before = "".join(lines[:begin]) + target[:indent]
    return Place(path, "python", before, target[indent:], taken[len(target) :] + "".join(lines[end:]))


def _steps(target: str) -> Iterator[tuple[int, int]]:
    """(characters there, number of the key): one character a key, but for a line's end and the indent behind it."""
    at, number = 0, 0
    while at < len(target):
        at += 1
        if target[at - 1] == "\n":
            while at < len(target) and target[at] in " \t":
                at += 1
        number += 1
        if at < len(target):
            yield at, number


def _gap(name: str, target: str, typed: int, pace: float) -> float:
    """Seconds to the next key."""
    last, following = target[typed - 1], target[typed]
    if "\n" in target[target.rfind("\n", 0, typed) : typed] and not target[:typed].rpartition("\n")[2].strip():
        middle, deviation = AT_LINE
    elif last.isalnum() == following.isalnum():
        middle, deviation = IN_WORD
    else:
        middle, deviation = BEFORE_WORD
    return min(MOST_S, max(LEAST_S, middle * pace * math.exp(deviation * _normal(name))))


def _draw(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode())


def _uniform(name: str) -> float:
    """Above 0, below 1."""
    return (_draw(name) + 0.5) / 2**64


def _normal(name: str) -> float:
    return NormalDist().inv_cdf(min(1 - 1e-12, _uniform(name)))
