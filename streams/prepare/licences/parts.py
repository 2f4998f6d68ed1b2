"""Texts of several parts: known bodies one behind the other, and a choice that is offered between licences.

A body counts only when it is known word for word. What stands around the bodies must be words that set no condition;
else the text is not known.
"""

from __future__ import annotations

import re

from streams.prepare.licences.bodies import known_words, without_owners, words_of

MAX_BLOCK = 14_000
"""Characters of the longest body, Apache's."""
MOST_BLOCKS = 12
_ANCHORS = tuple(
    (re.compile(rf"\b{begin}\b"), end, names)
    for begin, end, names in (
        ("permission is hereby granted free of charge", "dealings in the software", ("MIT",)),
        (r"permission to use copy modify and(?: or)? distribute this software", "performance of this software",
         ("ISC",)),
        ("redistribution and use in source and binary forms", "possibility of such damage",
         ("BSD-2-Clause", "BSD-3-Clause")),
        ("this software is provided as is without any express", "any source distribution", ("Zlib",)),
        ("do what the fuck you want to public license version 2", "you just do what the fuck you want to", ("WTFPL",)),
        ("apache license version 2 0 january 2004", "limitations under the license", ("Apache-2.0",)),
        ("licensed under the apache license version 2 0 the license you may not", "limitations under the license", ()),
    )
)  # fmt: skip
"""Where a body begins, its last words, and what the detector calls it."""
_CONDITIONS = re.compile(
    r"\b(?:may not|must|shall|cannot|can not|do not|prohibit\w*|forbid\w*|not (?:permitted|allowed|granted)|restrict\w*"
    r"|only|provided that|unless|requires?|required|fees?|royalt\w+|agree\w*|consent|obtain\w*|evaluat\w+|trial"
    r"|relicen\w*|complying|comply|separately|subject to"
    r"|commercial\w*|proprietary|confidential|patents?|terminat\w+|personal|internal|academic|educational|research)\b"
)
"""Words of whoever sets a condition."""
_COMPATIBLE = re.compile(
    r"\bgpl (?:compatible|friendly)\b"
    r"|llvm exceptions to the apache 2 0 license as an exception .{0,900}?with respect to the combined software"
)
"""What allows more."""
MAX_AROUND = 1_500
"""Characters around the bodies, as words: copyright lines and explanations."""
HEAD_CHARS = 2_000
"""In which a choice is offered, before the texts."""
FAMILIES: tuple[tuple[str, str], ...] = (
    ("AGPL-3.0-or-later", r"\bagpl|affero"),
    ("LGPL-2.1-or-later", r"\blgpl|(?:lesser|library) (?:gnu )?(?:general )?public"),
    ("GPL-2.0-or-later", r"\bgpl|(?<!affero )(?<!lesser )(?<!library )general public licen|\bgnu public licen"),
    ("MPL-2.0", r"\bmpl|mozilla public"),
    ("EPL-2.0", r"\bepl\b|eclipse public"),
    ("CDDL-1.0", r"\bcddl\b|common development and distribution"),
    ("EUPL-1.2", r"\beupl\b|european union public"),
    ("CC-BY-SA-4.0", r"\bcc[- ]by[- ]sa|share-?alike"),
    ("LicenseRef-proprietary", r"proprietary|non-?commercial|commercial licen|commons clause"),
    ("Apache-2.0", r"\bapache\b"),
    ("AFL-2.1", r"academic free"),
    ("BSD-3-Clause", r"\bbsd\b|eclipse distribution"),
    ("MIT", r"\bmit\b"),
    ("ISC", r"\bisc\b"),
    ("WTFPL", r"\bwtfpl\b"),
    ("Unlicense", r"\bunlicense\b|public domain"),
)
"""How sentences name licences: SPDX identifier and pattern, what binds first."""
_FAMILIES = tuple((spdx, re.compile(words, re.I)) for spdx, words in FAMILIES)
BINDING = frozenset(spdx for spdx, _ in FAMILIES[:9])
"""Those that are copyleft or proprietary."""
_SENTENCE = re.compile(r"(?:[^.!?]|\.(?=\S)){1,600}")
_OFFERS = re.compile(
    r"\beither\b.{1,300}\bor\b|\bat your (?:choice|option)\b.{1,300}\bor\b"
    r"|\bdual(?:ly)?[- ]licen[cs]ed\b.{1,300}\b(?:and|or)\b"
    r"|\b(?:use|redistribute|licen[cs]ed|available)\b.{0,80}\bunder (?:an? |the )?\S.{0,60}\bor under\b"
    r"|\bor\b.{1,200}\bat your (?:choice|option)\b",
    re.I | re.S,
)
_ONE_OF = re.compile(r"\bchoose (?:from |between )?one of (?:the )?(?:two|three|following)\b", re.I)
LIST_CHARS = 700
"""In which the licences follow of which one is to be chosen."""
_LATER = re.compile(
    r"either version [\d.]+|or,? \(?at your option\)?,? any later version|\(?at your option\)?,? any later version",
    re.I,
)
"""A choice between versions of one licence is none between licences."""
OWN_WORDS = re.compile(
    r"\"?secondary licen[cs]e\"?.{0,60}means (?:either )?.{0,400}later versions of those licen[cs]es"
    r"|use with the gnu affero general public licen[cs]e.{0,900}as such"
    r"|use the gnu (?:lesser|library) general public licen[cs]e instead of this"
    r"|is covered by the gnu (?:lesser|library) general public licen[cs]e instead"
    r"|software that is licensed under the gplv2.{0,400}conditions of the gplv2"
    r"|allowed only (?:occasionally and|for) noncommercial",
    re.I | re.S,
)
"""What the texts of MPL and GPL, and LLVM's exception, say of other licences, which are not given by it."""


def families(sentence: str) -> list[str]:
    """The SPDX identifiers of the licences that a sentence names."""
    return [spdx for spdx, words in _FAMILIES if words.search(sentence)]


def blocks(text: str) -> str:
    """The known bodies of a text together (AND); empty where there is none, or where more is said than they say."""
    words = words_of(without_owners(text))
    found: set[str] = set()
    for begin, end, _ in _ANCHORS:
        at = 0
        while len(found) < MOST_BLOCKS and (match := begin.search(words, at)):
            stop = words.find(end, match.end(), match.start() + MAX_BLOCK) + len(end)
            name = known_words(words[match.start() : stop]) if stop >= len(end) else ""
            at = match.end()
            if name:
                found.add(name)
                words = words[: match.start()] + words[stop:]
                at = match.start()
    return " AND ".join(sorted(found)) if found and _is_plain(words) else ""


def has_conditions(text: str, name: str) -> bool:
    """Whether a text that is nearly this licence holds words around its body that set a condition, or name another."""
    words = words_of(without_owners(text))
    for begin, end, names in _ANCHORS:
        if name in names and (match := begin.search(words)) and (stop := words.rfind(end, match.end())) >= 0:
            return not _is_plain(words[: match.start()] + words[stop + len(end) :])
    return False


def _is_plain(words: str) -> bool:
    words = _COMPATIBLE.sub("", words)
    return len(words) <= MAX_AROUND and not _CONDITIONS.search(words) and BINDING.isdisjoint(families(words))


def choice(text: str) -> str:
    """The licences between which a text's head lets the reader choose (OR); empty where it does not, where the text
    speaks of a copyleft licence that is not among them, or where a few words set a condition beside it."""
    head = " ".join(re.sub(r"[*_`]", "", text[:HEAD_CHARS]).split())
    for match in _SENTENCE.finditer(head):
        sentence = match.group()
        if _ONE_OF.search(sentence):
            sentence = head[match.start() : match.end() + LIST_CHARS]
        offered = families(sentence)
        if len(offered) < 2 or not (_OFFERS.search(_LATER.sub("", sentence)) or _ONE_OF.search(sentence)):
            continue
        spoken = set(families(OWN_WORDS.sub("", " ".join(text.split())))) & BINDING - {"LicenseRef-proprietary"}
        if "LGPL-2.1-or-later" in offered:
            spoken -= {"GPL-2.0-or-later"}  # it is a part of LGPL's text
        conditions = not spoken and len(text) <= MAX_AROUND and _CONDITIONS.search(text.lower())
        return " OR ".join(offered) if spoken <= set(offered) and not conditions else ""
    return ""
