"""The licence that a README states, in a plain sentence of its own or under a heading: for repositories that say it
nowhere else. What is denied, what was once, and what other projects are under is none, nor are comments and code.
Words beside a permissive licence's name that say more than where its text is leave it unknown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from streams.prepare.licences.classes import classify
from streams.prepare.licences.expressions import together
from streams.prepare.licences.naming import UNKNOWN, several
from streams.prepare.licences.notices import grants, restricted
from streams.prepare.licences.parts import BINDING, families
from streams.prepare.licences.statements import sentences
from streams.sources.licences.behind import says_no_more, takes_back

README = re.compile(r"(?i)^readme(\.(md|rst|txt|markdown|adoc))?$")
MAX_CHARS = 200_000
SECTIONS = 3
SECTION, AROUND = 1_500, 300
"""Characters of a section, and around a sentence, that are looked through for words that take a right back."""
_HEADING = re.compile(
    r"^(?:#{1,6}[ \t]*|=+[ \t]+)?(?:[^\w\n]{1,9})?(?:\d+\.[ \t]*)?(?:copyright (?:and|&) )?licen[cs](?:es?|ing)"
    r"(?: (?:and|&) copyright| information)?:?[ \t#=]*\n(?:[-=~^]+[ \t]*\n)?",
    re.M | re.I,
)
_NEXT = re.compile(r"^(?:#{1,6}[ \t]|[^\n]{1,80}\n[-=~^]{3,}[ \t]*$)", re.M)
_LINK = re.compile(r"!?\[([^\[\]\n]{0,200})\](?:\([^()\n]{0,300}\)|\[[^\[\]\n]{0,100}\])|[*_`]{1,3}")
_BADGE = re.compile(r"!\[[^\[\]\n]{0,200}\](?:\([^()\n]{0,300}\)|\[[^\[\]\n]{0,100}\])")
_PREFIX = re.compile(r"\W{0,6}(?:(?:the |an? )|(?:this (?:project|library|software|package) is )|(?:it is ))?", re.I)
_UNSEEN = re.compile(
    r"^[ \t]{0,3}(```|~~~).*?(?:^[ \t]{0,3}\1|\Z)|^[ \t]{0,3}<!--.*?(?:-->|\Z)|<!--.{0,500}?-->", re.M | re.S
)
"""Code and comments; one that is not closed ends with the file where a line begins with it."""
_OTHERS = re.compile(
    r"^#{1,6}(?![^\n]{0,99}(?:third|part|depend|check))[^\n]{0,60}\blicen[cs](?:e|ing)\b[^\n]{0,99}\n[^#]{0,300}"
    r"|^[^\n#]{0,40}\blicen[cs]e (?:of|for) [^\n:]{1,60}:[^\n]{1,100}",
    re.M | re.I,
)
"""Headings and lines that tell of a part's licence."""
_EXAMPLE = re.compile(r"\b(?:your|examples?|outputs?|prints?)\b")
_BIND = re.compile(r"\b(?:pay|paid|commercially|closed|eula|students?|enterprise)\b")
"""What no section on a permissive licence speaks of."""
_PREDICATE = re.compile(r" (?:is|was|are|has)\b")
_DENIED = re.compile(r"\b(?:not|no longer|isn't|never|was|were|until|before|formerly|originally)\b")


def stated(text: str) -> str:
    """The SPDX expression of all that is stated; empty: nothing is."""
    text = _UNSEEN.sub("\n\n", text[:MAX_CHARS].replace("\r\n", "\n"))
    lower = text.lower()
    if "licen" not in lower and "gpl" not in lower and "under" not in lower:
        return ""
    sections = [_plain(_section(text, heading.end())) for heading in islice(_HEADING.finditer(text), SECTIONS)]
    said = [spdx for section in sections for spdx in _of_section(section)]
    body = _plain("\n\n".join(p for p in re.split(r"\n[ \t]*\n", text) if re.search(r"(?i)licen[cs]|under", p)))
    said += [spdx for spdx, _ in _own(body)]
    expression = together(said, repeated=True)
    others = [_plain(match.group()) for match in islice(_OTHERS.finditer(text), 2 * SECTIONS)]
    scope = " ".join([*sections, *others, *(around for _, around in _own(body))])
    return _with_bounds(expression, scope.lower())


def _plain(text: str) -> str:
    """Without the marks of Markdown, and a sentence's end at each paragraph's."""
    return " ".join(re.sub(r"\n[ \t]*\n|\n(?=\s*[-*#] )", " . ", _LINK.sub(r"\1", _BADGE.sub("", text))).split())


def _section(text: str, start: int) -> str:
    end = _NEXT.search(text, start, start + SECTION)
    return text[start : end.start() if end else start + SECTION]


def _own(cased: str) -> Iterator[tuple[str, str]]:
    """What sentences of its own state, with the words around each."""
    words = cased.lower()
    if len(words) != len(cased):
        cased = words
    for said in sentences(words, cased, own=True):
        before = re.split(r"[.!?] ", words[max(0, said.at - AROUND) : said.at])[-1]
        if _EXAMPLE.search(before):
            continue
        around = re.split(r"[.!?] ", words[said.at : said.at + AROUND])[0]
        yield said.spdx, around
        if classify(said.spdx) == "permissive" and takes_back(around):
            yield UNKNOWN, around


def _of_section(section: str) -> Iterator[str]:
    """Its first words may be no more than a name: `MIT © A. Author`."""
    words = section.lower()
    prefix = _PREFIX.match(words)
    named = several(words, prefix.end() if prefix else 0)
    first = re.split(r"[.!?] ", words)[0]
    notices = grants(words)
    if named is not None and not _DENIED.search(first):
        paragraph = words[named.end : notices[0].at if notices else None].split(" . ")[0]
        rest = re.split(r"[.!] ", paragraph)[0]
        is_plain = says_no_more(rest) and not takes_back(paragraph[:AROUND]) and not _BIND.search(words)
        if is_plain or not _PREDICATE.match(rest):
            yield named.spdx
            yield from () if is_plain or classify(named.spdx) != "permissive" else (UNKNOWN,)
    yield from (said.spdx for said in notices)


def _with_bounds(expression: str, scope: str) -> str:
    """Beside a permissive licence, or none, holds what binds or is kept back in the same words."""
    if not expression:
        return restricted(scope, scope)
    if classify(expression) in ("copyleft", "proprietary"):
        return expression
    choice = set(families(expression))
    bound = [spdx for spdx in families(scope) if spdx in BINDING and spdx not in choice]
    return together([expression, *bound, restricted(scope, scope)])
