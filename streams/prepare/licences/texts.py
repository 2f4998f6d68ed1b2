"""Which licence a text is: its whole words against those of the known ones, by a detector.

What is not nearly the same is unknown, and never permissive. A text under the bar that speaks of a copyleft licence is
taken for that one. A text that holds a condition which no permissive licence has (the Commons Clause, "non-commercial")
keeps rights back, whatever else it says.
"""

from __future__ import annotations

import itertools
import re
from html import unescape
from textwrap import fill

import xxhash
from askalono import identify  # pyright: ignore[reportAttributeAccessIssue]

from streams.prepare.licences.bodies import known, owners_are_plain
from streams.prepare.licences.classes import classify
from streams.prepare.licences.parts import OWN_WORDS, beside, blocks, choice
from streams.prepare.licences.references import is_changed
from streams.prepare.licences.remarks import without_remarks

BAR = 0.95
"""Dice coefficient of word pairs from which a text is the licence; copyright lines and titles cost up to .02."""
MOST_ANSWERS = 8_192
"""That are kept."""
NEAR = 0.9
"""From which a text is tried again without its lines of copyright."""
MAX_CHARS = 100_000
SECTION_CHARS, SECTIONS = 300, 8
"""Of a file with several texts: the shortest that is looked at by itself, and how many at most (.13 s each)."""
PROPRIETARY = "LicenseRef-proprietary"
COPYLEFT_PHRASES: tuple[tuple[str, str], ...] = (
    ("AGPL-3.0-or-later", "gnu affero general public licen"),
    ("AGPL-3.0-or-later", "affero general public licen"),
    ("LGPL-2.1-or-later", "gnu lesser general public licen"),
    ("LGPL-2.0-or-later", "gnu library general public licen"),
    ("GPL-2.0-or-later", "gnu general public licen"),
    ("GFDL-1.3-or-later", "gnu free documentation licen"),
    ("MPL-2.0", "mozilla public licen"),
    ("EPL-2.0", "eclipse public licen"),
    ("CDDL-1.0", "common development and distribution licen"),
    ("EUPL-1.2", "european union public licen"),
    ("OSL-3.0", "open software licen"),
    ("SSPL-1.0", "server side public licen"),
    ("CC-BY-SA-4.0", "sharealike"),
    ("CPL-1.0", "common public licen"),
    ("CECILL-2.1", "cecill free software licen"),
)
"""What a text says that is no known licence but speaks of one, the stricter first."""
_NOT_FREE = re.compile(
    r"commons clause|confidential and proprietary|proprietary and confidential|unauthori[sz]ed copying of this"
    r"|(?<!commercial or )(?<!commercial and )non-?commercial(?! (?:or|and) commercial)"
    r"|not for (?:commercial|resale)"
    r"|evaluation (?:purposes|only)|military|no ai training"
    r"|(?:may|shall|must) not be (?:sold|used (?:for|in) commercial)"
    r"|commercial (?:use|purposes?) (?:is|are) (?:not|prohibited|forbidden)"
    r"|(?:prior|express) written (?:permission|consent) (?:of|from) [\w ,]{1,60} (?:to|for) (?:use|copy|modify)",
    re.I,
)
"""Conditions that no permissive licence has."""
_OWNED = re.compile(
    r"all rights reserved[\s\S]{0,600}(?:no part of|confidential|proprietary|unauthori[sz]ed (?:copying|use)"
    r"|may not be (?:copied|used(?! to endorse)|reproduced|distributed|modified))"
    r"|(?:confidential|proprietary) (?:and|information|software)[\s\S]{0,300}all rights reserved"
    r"|unauthori[sz]ed copying of this|\bunlicensed\b",
    re.I,
)
LONG_LINE = 320
"""Characters of a line from which a text is broken anew."""
_BEGINNINGS = re.compile(r"(Permission (?:is|to)\b|Redistribution and use\b|Licensed under\b|(?<=reserved\.) )")
_OWNERS = re.compile(r"^[^\n]{0,12}(?:copyright\b|\(c\)|©|all rights reserved)[^\n]*$", re.M | re.I)
_GPL = re.compile(r"\b[al]?gpl[- ]?v?\d")
_GPL_ALONE = re.compile(r"\b[al]?gpl\b(?![- ](?:compatible|friendly)|- )")
_COMMERCIAL = re.compile(
    r"commercial (?:software|licen[cs])|licen[cs]e (?:key|fee)|end[- ]user licen[cs]e agreement|trial licen[cs]e", re.I
)
"""What nobody says who gives a program away; in texts that are no known licence and speak of none."""
_HTML = re.compile(r"</?(?:html|body|head|title|div|p|pre|br|h\d|ul|ol|li|b|i|em|strong|span|a)\b[^<>]{0,200}>", re.I)
_COMMENT = re.compile(r"^[ \t]*(?:#+|//+|/\*+|\*+/?|--+|;+|%+|<!--|-->|\.\\\")[ \t]?", re.M)
_RULE = re.compile(r"^[ \t]*(?:[-=*_~#]{8,}|.{0,60}\blicen[cs]es?\b.{0,40})[ \t]*$", re.M | re.I)


def recognise(text: str) -> str:
    """The SPDX expression of a licence's text; LicenseRef-proprietary where it keeps all rights; empty: not known."""
    if len(text) > MAX_CHARS:  # what is not read may set conditions
        name = recognise(text[:MAX_CHARS])
        return "" if classify(name) == "permissive" else name
    key = xxhash.xxh3_128_digest(text.encode("utf-8", "replace"))
    if key not in _answers:
        if len(_answers) >= MOST_ANSWERS:
            _answers.clear()
        _answers[key] = _recognise(text) if text.strip() else ""
    return _answers[key]


_answers: dict[bytes, str] = {}
"""By the text's hash: a repository's text comes with each of its events, and one that is no licence takes a second."""


def _recognise(text: str) -> str:
    text = without_remarks(text)
    if _HTML.search(text):
        text = unescape(_HTML.sub("\n", text))
    words = " ".join(text.split())
    if (name := known(_COMMENT.sub("", text))) and owners_are_plain(text) and _says_no_more(name, words):
        return name
    bare = _COMMENT.sub("", _in_lines(text))
    if offered := choice(bare):
        if classify(offered) != "permissive":
            return offered
        # a permissive side counts only where it is not for some alone, and stands there as it is
        if _NOT_FREE.search(OWN_WORDS.sub("", words)):
            return PROPRIETARY
        return _spoken(words) if is_changed(bare) else offered
    found = blocks(_COMMENT.sub("", text)) or _whole(bare) or _joined(bare)
    return found or _spoken(" ".join(beside(bare).split()))


def _spoken(words: str) -> str:
    """What a text that is none of the known ones speaks of, the strictest first."""
    lower = OWN_WORDS.sub("", words.lower())
    spoken = next((spdx for spdx, phrase in COPYLEFT_PHRASES if phrase in lower), "")
    spoken = spoken or ("GPL-2.0-or-later" if _GPL.search(lower) or _GPL_ALONE.search(lower) else "")
    kept = _OWNED.search(words) or _NOT_FREE.search(words) or _COMMERCIAL.search(words)
    return spoken or (PROPRIETARY if kept else "")


def _in_lines(text: str) -> str:
    """The detector leaves out whole lines of copyright: of a text in one line that would be all of it."""
    if max(map(len, text.split("\n"))) <= LONG_LINE:
        return text
    return "\n".join(fill(line, LONG_LINE // 4) for line in _BEGINNINGS.sub(r"\n\1", text).split("\n"))


def _whole(text: str) -> str:
    """As one licence that is not permissive: of such a text each word counts. Empty where there is none."""
    found = identify(text)
    if found is not None and NEAR <= found.score < BAR:  # a short one under long copyright lines
        found = identify(_OWNERS.sub("", text))
    return "" if found is None or found.score < BAR or classify(found.name) == "permissive" else str(found.name)


def _says_no_more(name: str, words: str) -> bool:
    """False: a permissive one's text speaks of a copyleft licence too, or of what no permissive licence forbids."""
    if classify(name) != "permissive":
        return True
    lower = OWN_WORDS.sub("", words.lower())
    named = any(phrase in lower for _, phrase in COPYLEFT_PHRASES) or bool(_GPL.search(lower))
    return not named and not _NOT_FREE.search(words)


def _joined(text: str) -> str:
    """As several licences, one behind the other: all of them hold. Empty where a longer section is none."""
    cuts = [0, *(match.start() for match in _RULE.finditer(text)), len(text)]
    sections: list[str] = []
    for start, end in itertools.pairwise(cuts):
        section = text[start:end]
        if sections and len(sections[-1]) < SECTION_CHARS:
            sections[-1] += section
        else:
            sections.append(section)
    if len(sections) > 1 and len(sections[-1]) < SECTION_CHARS:
        last = sections.pop()
        sections[-1] += last
    if not 1 < len(sections) <= SECTIONS:
        return ""
    names = [blocks(section) or _whole(section) for section in sections]
    return " AND ".join(sorted(set(names))) if all(names) else ""
