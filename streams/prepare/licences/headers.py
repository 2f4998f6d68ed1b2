"""The licence that a source file says at its head: an SPDX line, a field, a sentence, or the notice that its licence
asks for. Prose that only speaks of one is none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.prepare.licences.classes import classify
from streams.prepare.licences.comments import HEAD_CHARS, HEAD_LINES, bare, comments
from streams.prepare.licences.expressions import either, families_of, leading, together
from streams.prepare.licences.further import has_added, has_further
from streams.prepare.licences.naming import UNKNOWN
from streams.prepare.licences.notices import Said, grants, restricted
from streams.prepare.licences.parts import BINDING, families
from streams.prepare.licences.plain import names_another, names_binding
from streams.prepare.licences.statements import field_value, fields, is_denied, sentences, titles
from streams.prepare.licences.suspected import suspected

_KEYS = (
    "lizenz", "licencia", "许可", "許可", "禁", "商用", "ライセンス", "版权", "unpublished",
    "restricted rights", "perl itself",
    "licen", "permi", "redistribut", "gpl", "sed under", "uted under", "public domain", "cc0", "commercial", "use only",
    "purposes only", "academic", "disclaims copyright", "unauthori", "confidential", "proprietary",
)  # fmt: skip
"""A head that has none of these says nothing."""
_SPDX_LINE = re.compile(
    r"^(?:<\?xml[^>\n]{0,80}\?>)?\s*"
    r"(?:[^\w\n]{0,9}|=\w{2,8}\s+|@?rem\s+|dnl\s+|c\s+|@c(?:omment)?\s+|:: *)(?P<quote>(?<=[\"'`]))?"
    r"SPDX-License-Identifier:[ \t]*(?P<said>[^\n]{1,200}?)\s*$",
    re.I | re.M,
)
_VARIABLE = re.compile(r"^__licen[cs]e__\s{0,9}=[\s(]{0,9}[ru]?[\"']([^\"'\n]{1,200})[\"']", re.M)
_ELEMENT = re.compile(
    r"<(?:\w+:)?licen[cs]e\b[^<>]{0,80}?(?:resource|href)=[\"'](?P<at>[^\"'<>]{1,200})"
    r"|<(?:\w+:)?(?:rights|licen[cs]e)\b[^<>]{0,200}>(?P<said>[^<]{3,400})</",
    re.I,
)
_CHOICE = re.compile(
    r"\b(?:dual[- ]licen[cs]ed|either (?!version)|choice of|choose|one of (?:the )?(?:two|three|following) licen|at "
    r"your option,? (?:either|any of))"
)
_NAMING = ("licen", "gpl", "cc-by", "cc by", "copyleft", "closed", "public", "rail", "commercial", "mpl")
"""A sentence that has none of these names no licence."""
_ELSE = re.compile(r"\balternatively\b")
BEFORE, AFTER = 200, 1_500
"""Characters around what names or grants a licence, in which a right may be taken back."""
CHOICE_CHARS = 500
"""Behind the words that offer a choice: where the licences are that may be chosen."""


def header(text: str) -> str:
    """The SPDX expression of a file's head, or nothing. What is no expression behind the SPDX mark is ignored."""
    head = text[:HEAD_CHARS].lstrip("\ufeff")
    lower = head.lower()
    if not _speaks(lower):
        return ""
    lines = list(comments(head))
    marked = _marked(head) if "spdx" in lower else []
    said = _said(lines)
    if "__licen" in lower:
        said = together([said, *(spdx for value in _VARIABLE.findall(head) if (spdx := field_value(value)))])
    if "<" in lower:
        said = together([said, *_tagged(head)])
    expression = together(sorted(set(marked))) if marked else said
    if marked and said and _binds(said) and not _binds(expression):
        return together([expression, said], repeated=True)  # a notice of another licence holds, too
    if expression and classify(expression) == "permissive":
        expression = together([expression, *_others(lines, expression)])
    if not expression:
        expression = together(suspected(lines))
    if not (expression and _binds(expression)) and names_binding(lower):
        loose = _said(bare(head))
        if loose and _binds(loose):
            return together([expression, loose], repeated=True)
    return expression


def _tagged(head: str) -> Iterator[str]:
    """What elements of XML and SVG say: `<rights>`, `<cc:license rdf:resource=…>`."""
    for match in _ELEMENT.finditer(head):
        said = " ".join(re.sub(r"<[^<>]{0,200}>", " ", match["said"] or match["at"] or "").split())
        if spdx := field_value(said) or _said([f"{said}."]):
            yield spdx


def _binds(expression: str) -> bool:
    return classify(expression) in ("copyleft", "proprietary")


def _marked(head: str) -> list[str]:
    """What SPDX lines say, whatever mark of a comment stands before. In quotes they are code, and may bind alone."""
    found: list[str] = []
    for line in head.split("\n")[:HEAD_LINES]:
        match = _SPDX_LINE.match(line) if "icense-" in line.lower() else None
        if match is None:
            continue
        spdx = leading(match["said"].rstrip("\"'`,;) \t") if match["quote"] is not None else match["said"])
        if spdx and (match["quote"] is None or _binds(spdx)):
            found.append(spdx)
    return found


def _may_name(sentence: str) -> bool:
    for key in _NAMING:  # noqa: SIM110 (a generator takes twice the time)
        if key in sentence:
            return True
    return False


def _others(lines: list[str], expression: str) -> Iterator[str]:
    """The licences that sentences beside a permissive one name, and of which it is no choice."""
    words = " ".join(line.rstrip(" \t*#|") or "." for line in lines).lower()[:AFTER]
    for sentence in re.split(r"[.;!?](?:\s|$)", words):
        if not _may_name(sentence) or not names_another(sentence) or is_denied(sentence):
            continue
        bound = [spdx for spdx in families(sentence) if spdx in BINDING]
        if not bound:
            yield UNKNOWN
        yield from (spdx for spdx in bound if not families_of(spdx) <= families_of(expression))


def _speaks(lower: str) -> bool:
    for key in _KEYS:  # noqa: SIM110 (a generator takes twice the time)
        if key in lower:
            return True
    return False


def _said(lines: list[str]) -> str:
    """By fields, sentences, titles and notices, all of which hold."""
    cased = " ".join(" ".join(line.rstrip(" \t*#|") or "." for line in lines).split())
    words = cased.lower()
    if not _speaks(words):  # it stands in the code
        return ""
    if len(words) != len(cased):
        cased = words
    granted = grants(words)
    said = sorted([*granted, *sentences(words, cased)])
    several = _grouped(words, said) if said else []
    expression = together([*several, *titles(lines)], repeated=True)
    expression = together([*fields(lines), expression])
    beside = words[max(0, said[0].at - BEFORE) : said[-1].at + AFTER] if said else words if expression else ""
    if expression and classify(expression) == "permissive":
        is_more = granted and has_further(words, granted[0].at, granted[-1].at)
        if is_more or has_added(beside):
            expression = together([expression, UNKNOWN])
    own = restricted(words, beside)
    return together([own, expression]) if own and classify(expression) != "proprietary" else expression


def _grouped(words: str, said: list[Said]) -> list[str]:
    """Those between which a choice is offered as one expression."""
    groups = [[one] for one in said if one.spdx != UNKNOWN]
    if len(groups) < 2:
        return [one.spdx for one in said]
    for choice in _CHOICE.finditer(words):
        inside = [g for g in groups if choice.start() - 60 <= g[0].at <= choice.start() + CHOICE_CHARS]
        groups = _merged(groups, inside)
    for other in _ELSE.finditer(words):
        before = [g for g in groups if g[-1].at < other.start()]
        after = [g for g in groups if other.start() < g[0].at < other.start() + CHOICE_CHARS]
        if before and after:
            groups = _merged(groups, [before[-1], after[0]])
    unknown = [one.spdx for one in said if one.spdx == UNKNOWN]
    return [*(either(one.spdx for one in group) for group in groups), *unknown]


def _merged(groups: list[list[Said]], some: list[list[Said]]) -> list[list[Said]]:
    if len(some) < 2:
        return groups
    return sorted([*(g for g in groups if g not in some), [one for g in some for one in g]])
