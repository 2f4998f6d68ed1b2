"""Sentences, fields and lines of a head that state its licence; prose that only speaks of one is none.

A sentence that denies it, asks, or tells of other code ("not under the GPL", "finds code under the GPL") states
nothing. That a file is permissive counts only where it is plainly said of the file itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.prepare.licences.classes import classify
from streams.prepare.licences.naming import OWN, UNKNOWN, Named, begins, one, points, several, whole
from streams.prepare.licences.notices import Said

_LEADS = (
    "under ", "terms of ", "subject to ", "governed by ", "covered by ", "licensed ", "licenced ", "license is ",
    "licence is ", "this fork is ", "this project is ", "this software is ", "this library is ",
    "license: ", "licence: ", "received a copy of ", "accordance with ",
)  # fmt: skip
"""Before the name of a licence; words and one place to look for them cost less than a pattern."""
_FILLER = re.compile(
    r"(?:(?:by|as|with) )?(?:(?:both|either|any of|one of):? )?(?:(?:the|an?|this|our|their|its) )?"
    r"(?:terms? (?:and conditions )?(?:of|in) )?"
    r"(?:(?:both|either) )?(?:(?:the|an?) )?(?:permissive |open[- ]source |free |standard |dual )?"
    r"(?:v(?:ersion)?s? ?[\d.]+(?: or later)?(?: \([^()]{1,40}\))? of (?:the )?)?"
    r"(?:(?:<[^<>]{0,80}>|[\"'`*_\[{]{1,3}|\(?a\) |[-*•] )(?:the )?)*"
)
_PUBLIC = re.compile(r"\b(?:in|into|to) the (?=public domain\b)")
_VERB = re.compile(
    r"\b(?:licen[cs]ed|licen[cs]e|released|(?:re)?distributed?|available|provided|published|covered|governed|offered"
    r"|dual|terms|code|is|are|copy)"
    r"\b[- \w]{0,44}$"
)
_OWN_VERB = re.compile(
    r"\b(?:Licen[cs]ed|LICEN[CS]ED|Released|Distributed|Available|Published|Provided|Dual|Covered|Re-?licensed"
    r"|Multi)\b[^.]{0,50}$"
)
_GOES_ON = re.compile(r"(?:,|\b(?:be|to|not|get|and|or|is|are|was|were|been|never|newly|partly))\s*$", re.I)
_OWN_NAME = re.compile(
    r"(?:the |an? )?(?:terms of the )?(?!The |This |That |These |Following |Same |Open |Free |Its |Their )"
    r"(?:[A-Z][\w.&-]{1,30},? |\d[\d.]{0,5} ){1,6}Licen[cs]e(?! [Aa]greement with)\b"
)
"""The name of a licence that is not known, in capital letters."""
_LICENSED = re.compile(r"licen[cs]ed\b")
_STARTS = re.compile(r"^|[\s(\"'*|]")
_DENIED = re.compile(
    r"\b(?:not(?!\b.{0,80}\b(?:but|except)\b)|isn't|aren't|don't|doesn't|never|no longer|neither|nor|cannot|whether"
    r"|unlike|unless"
    r"|if(?! not\b)|incompatible|compatible|could|suppose|pretend|example|e\.g|such as|instead of|rather than|as "
    r"though|how to|looking for|todo|fixme|should(?! have)|will(?! be (?:useful|found))|would|might|refus\w+"
    r"|reject\w*|declin\w+|avoid\w*"
    r"|plan(?:s|ned|ning)?|going to|soon|once|pending|hop(?:e|es|ing)|wants?|propos\w+|consider\w*"
    r"|wh(?:at|y|en) )\b|\bn't\b"
)
_OTHERWISE = re.compile(
    r"\b(?:unless|if not) otherwise (?:\w+ ){0,2}(?:specified|noted|stated|indicated|mentioned|marked)"
)
_SEARCH = re.compile(
    r"^\W*(?:to )?(?:find|check|detect|search|match|pars|identif|list|filter|reject|drop|skip|classif|return|scan"
    r"|report|test|handle"
    r"|recogni[sz]|determine|look|read|decide|verif|ensure|count|tell|show|warn|rais)(?:e?s|e?d|ing|ies|y|e)?\b"
)
_OTHERS = re.compile(
    r"(?<!this )(?<!these )(?<!the )(?<!all )(?<!source )(?<!free )(?<!includes )(?<!include )(?<!contains )"
    r"(?<!incorporates )(?<!its )(?<!our )"
    r"\b(?:code|files|packages|projects|programs|texts?|things|anything|everything|something|repositor(?:y|ies)"
    r"|software|modules|libraries)"
    r" (?:that |which )?(?:is |are |was |were )?(?:licen[cs]ed |released |distributed |available )?$"
)
_PART = re.compile(r"part of [^,.]{1,80},? (?:which|that)\b")
_FOREIGN = re.compile(
    r"\b(?:which|that|whose|depend\w*|based on|derived from|uses|using|includes?|contains?|bundle[sd]?|parts?"
    r"|portions?|some|was|were"
    r"|originally|formerly|previously|before|inspired|ported|copied|taken|borrowed|adapted|other|requires?|imports?"
    r"|from|except|rest|but|remainder|most|elsewhere)\b"
)
_PARTS = re.compile(r"\W{0,2}(?:parts?|portions?|components?|dependenc\w+|vendor\w*|sub-?modules?)\b")
"""Behind a licence's name: of these alone it is said."""
_BEFORE = re.compile(r"\b(?:until|before|prior to|up to)\b")
_EXCEPT = re.compile(
    r"\b(?:except(?! in compliance| as permitted)|excluding|unless|provided|as long as|but (?:not|only)|only (?:for"
    r"|if|in)|with (?:the )?"
    r"(?:additional|exception|following|restrict)|with (?:some |certain |few |extra |these |our |an?"
    r" )?(?:restrict|limit|condition|amend"
    r"|addition|clause|exclus)\w*|plus|(?<!and )if|when|while|not|internal\w*|academi\w+|students?|hobby\w*"
    r"|compan(?:y|ies)|research"
    r"|educat\w+|personal|subject to|addition\w*|restrict\w+|non-?profit\w*|in 20[2-9]\d|schools?|businesses|for"
    r" (?:anyone|everyone|people|those|use)"
    r"|ethical\w*|clause)\b"
)
_TAG = re.compile(
    r"^\W{0,6}(?:(?P<at>[@\\]licen[cs]e)\b[ \t:=]*|:licen[cs]e:|(?:licen[cs](?:e|es|ing)(?: (?:type|name|uri"
    r"|url))?)[*_\"']*"
    r"[ \t]{0,20}(?::{1,2}|=)(?!=)|licen[cs]e (?=[al]?gpl[v-]?\d))[ \t*_]*(?P<value>.{0,200})$",
    re.I,
)
_POINTER = re.compile(
    r"(?i)\b(?:see|in|file|at|http|www|below|above|same|copyright|under|of|or none|str|unknown|none"
    r"|todo)\b|\(c\)|[|\[\]=$`]|\.(?:txt|md|rst)"
)
_ENDS = re.compile(r"[\W\d]{0,6}(?:$|\(|http|see\b|,? see\b|©|copyright)")
_SEGMENT = re.compile(r" \| | ?[•·;] |\. | -+ ")
AFTER = 80
"""Characters behind a name in which words limit it."""
_CUT = re.compile(r"[|•·;.-] ")
TITLE = 160
"""Characters of a line that may be one."""
LISTED = 3
"""Lines that are names of licences and nothing else: from this many on they are a list of licences."""


def sentences(words: str, cased: str, own: bool = False) -> Iterator[Said]:
    """What sentences state; `cased`: the same letters, as they are written; `own`: what is said of others' code counts
    not even where it is copyleft."""
    for start, lead in _leads(words):
        filler = _FILLER.match(words, start + len(lead))
        named = several(words, filler.end(), "dual" in words[max(0, start - 40) : start]) if filler else None
        if named is None and not (lead in ("under ", "subject to ") and _OWN_NAME.match(cased, start + len(lead))):
            continue
        before = words[max(0, start - 200) : start]
        if named is None:
            if _VERB.search(before[-60:]) and not _DENIED.search(_clause(before)):
                yield Said(start, UNKNOWN)
        else:
            clause = "" if _begins_anew(cased, start) else _clause(before)
            is_verbal = named.plain or lead != "under " or bool(_VERB.search(before[-60:]))
            yield from _stated(words, start, named, clause, is_verbal, own)
    for match in _LICENSED.finditer(words):
        end = match.start() - 1
        begin = max(0, end - 40)
        if words[end : end + 1] not in (" ", "-"):
            continue
        for start in _STARTS.finditer(words[begin:end]):
            named = one(words, begin + start.end())
            if named and named.end >= match.end():
                at = begin + start.end()
                yield from _stated(words, at, named, _clause(words[max(0, at - 200) : at]), True, own)
                break


def _begins_anew(cased: str, start: int) -> bool:
    """Whether a verb in capital letters begins a sentence of its own: what stands before has no full stop."""
    begin = max(0, start - 60)
    verb = _OWN_VERB.search(cased[begin : start + 10])
    return verb is not None and not _GOES_ON.search(cased[max(0, begin + verb.start() - 30) : begin + verb.start()])


def is_denied(clause: str) -> bool:
    """Whether a clause says that it is not so, or tells what the code does."""
    clause = _OTHERWISE.sub(" ", clause)
    return bool(_DENIED.search(clause) or _SEARCH.search(clause) or _OTHERS.search(clause))


def _leads(words: str) -> Iterator[tuple[int, str]]:
    for lead in _LEADS:
        at = words.find(lead)
        while at >= 0:
            yield at, lead
            at = words.find(lead, at + len(lead))
    if "public domain" in words:
        yield from ((match.start(), match.group()) for match in _PUBLIC.finditer(words))


def _clause(before: str) -> str:
    return re.split(r"[.;:|!?](?: |$)", before)[-1]


def _stated(words: str, at: int, named: Named, clause: str, is_verbal: bool, own: bool) -> Iterator[Said]:
    if is_denied(clause):
        return
    after = re.split(r"[.;]|\byou may not use\b", words[named.end : named.end + AFTER])[0]
    is_own = (
        is_verbal
        and not _PARTS.match(after)
        and not _FOREIGN.search(_PART.sub("", clause))
        and not _BEFORE.search(after)
    )
    binds = classify(named.spdx) in ("copyleft", "proprietary") or "GPL" in named.spdx
    if is_own or (binds and not own):
        yield Said(at, named.spdx)
    if is_own and not binds and (limit := _EXCEPT.search(after)) and limit.start() < AFTER - 20:
        yield Said(at, UNKNOWN)


def fields(lines: list[str]) -> Iterator[str]:
    """What tags (`@license MIT`, `License: GPLv2 or later`) say, as expressions."""
    for number, line in enumerate(lines):
        if "icen" not in line and "ICEN" not in line:
            continue
        tag = _TAG.match(line)
        if not tag:
            continue
        value = tag["value"].strip()
        if not value and not tag["at"] and number + 1 < len(lines):
            value = lines[number + 1].strip()
        if spdx := field_value(value):
            yield spdx


def field_value(value: str) -> str:
    """The expression of a field; unknown where it is the name of a licence that is not known; empty: it names none."""
    if spdx := whole(value):
        return spdx
    if begins(value):
        return UNKNOWN
    words = value.split()
    is_name = 1 < len(words) <= 8 and re.search(r"(?i)\blicen[cs]e\b", value) and value[:1].isupper()
    if is_name and not _POINTER.search(value):
        return OWN if re.search(r"(?i)proprietary|commercial|closed", value) else UNKNOWN
    return ""


def titles(lines: list[str]) -> list[str]:
    """What lines name, or pieces of lines, that say nothing else: `x v1 | MIT License`. A longer list names none."""
    found: list[str] = []
    for line in lines:
        if len(line) > TITLE or ("icen" not in line and "GPL" not in line and "ICEN" not in line):
            continue
        lower = line.lower()
        pieces = _SEGMENT.split(lower) if _CUT.search(lower) else [lower]
        if "public licen" in lower:  # "Original code by A. Author, Mozilla Public License"
            pieces = [part for piece in pieces for part in piece.split(", ")]
        for piece in pieces:
            if ("licen" in piece or len(pieces) == 1) and (spdx := _title(piece)) and not _TAG.match(piece):
                found.append(spdx)
    return list(dict.fromkeys(found)) if len(set(found)) < LISTED else []


def _title(piece: str) -> str:
    words = " ".join(piece.split()).strip("\"'()[]*_=- ").removeprefix("the ")
    named = several(words)
    if named is None or not (named.plain or "GPL" in named.spdx):
        return ""
    if words.startswith("http") and classify(named.spdx) == "permissive":
        return ""  # an address stands below a notice that names the licence
    if not _ENDS.match(words, named.end):
        return ""
    is_free = classify(named.spdx) == "permissive"
    return UNKNOWN if is_free and not points(words[named.end :]) else named.spdx
