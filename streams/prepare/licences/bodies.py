"""Licence texts known word for word: the common ones, answered without the detector, which takes .15 s.

A body is a text's words without its title, its lines of copyright and the name in BSD's third clause. Its hash stands
in `BODIES`, or the text goes to the detector; a word more or less is another body.
`python -m tests.support.licences.licence_bodies FOLDER …` finds the bodies that are common in folders and prints the
rows.
"""

from __future__ import annotations

import re

import xxhash

from streams.prepare.licences.plain import is_owner
from streams.prepare.licences.references import is_a_name

BODIES: dict[str, str] = {
    "c3c039a5284dfb19": "0BSD",
    "20eebf8e7bc88ae4": "Apache-2.0",
    "ca0699f529ab7233": "Apache-2.0",
    "d0a9802bab90d0bd": "Apache-2.0",
    "7dd185e59c82f7c6": "BSD-2-Clause",
    "94c5eae3d294fb49": "BSD-2-Clause",
    "f740484ab1d24138": "BSD-2-Clause",
    "fb70018219d19713": "BSD-2-Clause",
    "27462bf980aed879": "BSD-3-Clause",
    "9778a358a1e45d42": "BSD-3-Clause",
    "3360a6a81e78d5e5": "BSD-3-Clause",
    "3e0625059b015ea6": "BSD-3-Clause",
    "1d65f8cf20225e15": "BlueOak-1.0.0",
    "be2dbae246f6bf42": "CC-BY-4.0",
    "18223e3f579394cd": "CC0-1.0",
    "04225685ec460126": "ISC",
    "9516e35fce38d2b3": "ISC",
    "3d7db13ca4e3e4e3": "ISC",
    "ba289bf7bb0e610f": "ISC",
    "12823d5ba4f79718": "MIT",
    "3ae86e9c5dd5ac12": "MIT",
    "6c8d3917e99c9a8a": "MIT",
    "fb774ae988f6bd89": "MIT",
    "6da2c57da93e3750": "Zlib",
}
"""From a body's hash to its SPDX expression."""
_OWNERS = re.compile(
    r"^.{0,12}(?:copyright\b(?! notice| holder| owner| licen)|\(c\)|©|all rights reserved).*$", re.M | re.I
)
_TITLE = re.compile(
    r"\A\s*[#=]*[ \t]*(?:(?:the|new|simplified|revised|modified|[023]-clause|mit|x11|expat|0?bsd|isc|apache|zlib"
    r"|licen[cs]e|\((?:mit|isc|mit/x11|expat)\)|[\"':])[ \t]*){1,8}[=#]*\s*$\n(?:[-=* ]+$\n)?",
    re.M | re.I,
)
"""Of these words alone: a line that says more is a part of the text."""
_NAMES = re.compile(r"neither the names? of (.{1,80}?) nor the names of (?:its|his|her|any|other) contributors")
_SAID = re.compile(
    r"\b(?:not|non|only(?! \.?/)|must|may|shall|cannot|unless|except\w*|permi(?:t|ssion)\w*|prohibit\w*|forbid\w*"
    r"|restrict\w*|require[sd]|fees?|royalt\w+|use|used|military|distribut\w+|redistribut\w+|copying|sold|selling|if"
    r"|without|agree\w*|consent|students?|evaluation|commercial\w*|noncommercial|proprietary|confidential|a?gpl\w*|lgpl\w*"
    r"|public licen[cs]e|exclud\w+|solely|until|expires|licen[cs]ed (?:to|for)|companies"
    r"|needs?|contracts?|eula|hosting|citizens|limited to|granted|asks?|before|for (?:personal|hobby|academic"
    r"|educational|internal|testing))\b",
    re.I,
)
"""What an owner's name does not say."""
_RESERVED = re.compile(r"all rights (?:not|are|is)?\b.{0,20}reserved", re.I)
_WORD = re.compile(r"[a-z0-9]+")
_LETTER = re.compile(r"[^\W\d_a-zA-Z]")
"""One that `_WORD` passes over: what it says is not in the body."""


def known(text: str) -> str:
    """The SPDX expression of a text that is a common licence word for word; empty: not one."""
    name = BODIES.get(digest(text), "")
    return "" if name and not text.isascii() and _LETTER.search(without_owners(text)) else name


def digest(text: str) -> str:
    """The hash of a text's body, 16 hexadecimal digits."""
    return _hash(words_of(_TITLE.sub("", without_owners(text).lstrip())))


def without_owners(text: str) -> str:
    """Without the lines of copyright."""
    return _OWNERS.sub("", text)


def owners_are_plain(text: str) -> bool:
    """Whether no line of copyright says what may be done, or may not."""
    lines = (_RESERVED.sub("", match.group()) for match in _OWNERS.finditer(text))
    return not any(_SAID.search(line) or not is_owner(line) for line in lines)


def words_of(text: str) -> str:
    """A text's words in lower case, a space between two."""
    return " ".join(_WORD.findall(text.lower()))


def _hash(words: str) -> str:
    body = _NAMES.sub(lambda match: "neither name" if is_a_name(match[1]) else match[0], words)
    return xxhash.xxh3_64_hexdigest(body.encode())
