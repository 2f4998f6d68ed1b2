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
_TERMS = re.compile(
    r"^(?:#{1,6}[ \t]*|=+[ \t]+)[^\n\w]{0,9}(?:[^\n]{0,30}\b)?(?:disclaimers?|terms|legal|notices?|restrictions?|"
    r"commercial use"
    r"|usage rights|声明|聲明|免责|注意|利用規約|免責)[^\n]{0,40}\n",
    re.M | re.I,
)
"""Headings under which rights are taken back."""
_FORBIDDEN = re.compile(
    r"禁止(?:商用|用于商业|用於商業|商业|商業|任何商)[^\n]{0,20}|(?:不得|请勿|請勿|不可|勿)(?:用于|用於|作为|作為)?商[^\n]{0,12}|商用(?:利用)?(?:は|の)?禁止"
    r"|商業利用(?:は)?禁止|仅供(?:学习|个人)[^\n]{0,20}|僅供(?:學習|個人)[^\n]{0,20}"
)
_TITLE = re.compile(r"^#{1,2}[ \t]+[^\n]{1,200}|^[^\n<]{1,100}\n={3,}[ \t]*$", re.M)
_HOLDER = re.compile(r"copyright|©|\(c\)")
_VERB = re.compile(
    r"\b(?:is|are|was|has|have|released|licen[cs]ed|distributed|available|provided|published|covered|comes|under)\b"
)
_SELF = frozenset(
    re.findall(
        r"\w+",
        "this the these all our its it that project software library package packages code source sources repository "
        "repo "
        "files file work works tool tools plugin plugins module modules app application framework program everything "
        "content contents product crate gem extension script scripts sdk client server data dataset itself open and "
        "of in "
        "for licence license you can use may be a an please note also here copyright by c note contributors authors "
        "team "
        "written made created built developed documentation docs site website theme template templates examples font "
        "fonts",
    )
)
"""Words by which a README speaks of what it is of."""
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
    title = _title(text)
    said += [spdx for spdx, _ in _own(body, title)]
    expression = together(said, repeated=True)
    others = [_plain(match.group()) for match in islice(_OTHERS.finditer(text), 2 * SECTIONS)]
    terms = [_plain(_section(text, heading.end())) for heading in islice(_TERMS.finditer(text), 2 * SECTIONS)]
    forbidden = [match.group() for match in _FORBIDDEN.finditer(text)]
    scope = " ".join([*sections, *others, *terms, *forbidden, *(around for _, around in _own(body, title))])
    return _with_bounds(expression, scope.lower())


def _title(text: str) -> frozenset[str]:
    """The words of its first heading, by which it may call itself; none: it has no words as a title."""
    first = _TITLE.search(text[:SECTION])
    return frozenset(re.findall(r"[a-z\d]+", _BADGE.sub("", first.group()).lower())) if first else frozenset()


def _is_its_own(before: str, title: frozenset[str]) -> bool:
    """Whether what is said of comes before the verb as nothing, as "this project", or by the README's own name."""
    if _HOLDER.search(before):
        return True
    subject = _VERB.split(before, maxsplit=1)[0]
    words = re.findall(r"[a-z\d]+", subject)
    return not title or not words or all(word in _SELF for word in words) or not title.isdisjoint(words)


def _plain(text: str) -> str:
    """Without the marks of Markdown, and a sentence's end at each paragraph's."""
    return " ".join(re.sub(r"\n[ \t]*\n|\n(?=\s*[-*#] )", " . ", _LINK.sub(r"\1", _BADGE.sub("", text))).split())


def _section(text: str, start: int) -> str:
    end = _NEXT.search(text, start, start + SECTION)
    return text[start : end.start() if end else start + SECTION]


def _own(cased: str, title: frozenset[str]) -> Iterator[tuple[str, str]]:
    """What sentences of its own state, with the words around each."""
    words = cased.lower()
    if len(words) != len(cased):
        cased = words
    for said in sentences(words, cased, own=True):
        before = re.split(r"[.!?] ", words[max(0, said.at - AROUND) : said.at])[-1]
        is_free = classify(said.spdx) == "permissive"
        if _EXAMPLE.search(before) or (is_free and not _is_its_own(before, title)):
            continue
        around = re.split(r"[.!?] ", words[said.at : said.at + AROUND])[0]
        yield said.spdx, around
        if is_free and takes_back(around):
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
