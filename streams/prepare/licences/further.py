"""Conditions that stand beside a permissive notice in a head: of the words that are no part of the notice as its
licence has it."""

from __future__ import annotations

import re

from streams.prepare.licences.notices import GRANTS
from streams.prepare.licences.references import find

BEFORE, BEHIND = 300, 900
"""Characters around a notice that are looked at."""
_STANDARD = re.compile(
    r"redistributions?(?: of source code| in binary form)[^.;]{0,400}?(?:disclaimer\b|with the distribution|"
    r"\bforms\b|paragraph)"
    r"|redistribution and use in source[^.;:]{0,200}|(?:provided that )?the following conditions are met"
    r"|neither the names?[^.]{0,300}written permission|(?:the )?names?[^.]{0,200}not be used[^.]{0,200}permission"
    r"|not be used in advertising[^.]{0,200}|used in advertising[^.]{0,200}|in advertising or publicity[^.]{0,200}"
    r"|permission to use, copy[^.]{0,250}? provided that|in no event[^.]{0,900}|shall (?:be|"
    r"appear) (?:included )?in all"
    r"|appear in (?:all )?(?:copies|supporting)|must not be misrepresented[^.]{0,80}|must not claim[^.]{0,80}"
    r"|plainly marked[^.]{0,60}|may not be removed[^.]{0,60}|"
    r"you may not use this file except in compliance with the licen[cs]e"
    r"|unless required by applicable law[^.]{0,200}|limitations under the licen[cs]e"
    r"|subject to the following (?:conditions|restrictions)|the above copyright notices?|shall not be liable[^.]{0,200}"
    r"|except as contained in this notice[^.]{0,300}|\bas is\b[^.]{0,300}"
)
"""What permissive notices say, for those that are no text of a licence word for word."""
_LIMIT = re.compile(
    r"\b(?:must|shall|only|may not|cannot|can not|not be|prohibited|forbidden|not permitted|not allowed|no|not for|"
    r"requires?"
    r"|subject to|provided that|provided you|except|excluding|additional|further|addition of|not used?|unless|elsewhere"
    r"|restriction|not (?:designed|intended|licen[cs]ed)|is (?:published|sent)|are (?:published|sent))\b"
)
_OBJECT = re.compile(
    r"\bredistribut\w+|\bdistribution of\b|\bmodified versions?\b|\bmodifications? (?:are|is|must|shall|of)\b|"
    r"\bderivative\w*"
    r"|\b(?:complete|corresponding) source\b|\bsource (?:code )?(?:of|for) (?:all|any|modif|deriv|your|the (?:mod|"
    r"deriv))"
    r"|\bsell(?:ing)?\b|\bresale\b|\bre-?sold\b|\bsame licen[cs]e\b|\bwritten (?:licen[cs]e|permission|consent|"
    r"agreement)\b"
    r"|\b(?:additional|further|own) (?:terms|conditions?|restrictions?|requirements?|clauses?)\b|"
    r"\bfollowing condition\b"
    r"|\btrain\w* (?:[\w-]+ ){0,4}models?\b|\bnuclear\b|\bmilitary\b|\bcompanies\b|\bemployees\b|\bcollect data\b"
    r"|\bmay only be used\b|\brights are reserved\b|\bcommercial\b|\bmodified versions\b"
)


def has_further(words: str, first: int, last: int) -> bool:
    """Whether a condition stands beside the notices that begin between two places of a head's words."""
    begin = max(0, first - BEFORE)
    around = words[begin : last + BEHIND * 4]
    wholes = [(one.start, one.end) for one in find(around) if one.whole]
    end = max([stop for _, stop in wholes], default=last - begin) + BEHIND
    kept, at = [], 0
    for start, stop in wholes:
        kept.append(around[at:start])
        at = max(at, stop)
    rest = " . ".join([*kept, around[at:end]])
    for _, key, grant in GRANTS:
        if key in rest:
            rest = grant.sub(" ", rest)
    rest = _STANDARD.sub(" ", rest)
    return any(_LIMIT.search(one) and _OBJECT.search(one) for one in re.split(r"[.;:](?:\s|$)", rest))


_ADDED = re.compile(
    r"\b(?:additional|further) (?:terms|restrictions?|conditions?|requirements?)\b|"
    r"\bwith the addition of (?:[\w-]+ ){0,3}(?:conditions?|clauses?|restrictions?|terms)\b|\bnot for resale\b"
    r"|\bno (?:resale|redistribution)\b|\bexcept for compan|\belsewhere all rights\b|"
    r"\bredistribution is (?:prohibited|forbidden)"
)
_NONE_ADDED = re.compile(r"\b(?:without|no|any)(?: any)? (?:additional|further) ")


def has_added(words: str) -> bool:
    """Whether words around a permissive licence's name say that there is more."""
    return bool(_ADDED.search(_NONE_ADDED.sub(" ", words)))
