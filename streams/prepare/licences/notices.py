"""The notices that licences ask for, and the words by which rights are kept.

A permissive notice counts when its grant is said whole, as its licence says it; one that begins like it and goes on in
another way is unknown. Words are in lower case, with one space between two.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from streams.prepare.licences.naming import OWN, UNKNOWN


class Said(NamedTuple):
    at: int
    spdx: str


_CLAUSES = (
    "redistributions? of source code must retain the(?: above)? copyright notice(?: unmodified| immediately at the "
    "beginning"
    " of the file without modification)? this list of conditions(?: and the following disclaimer)?"
    "{n} redistributions? in binary form must reproduce the(?: above)? copyright notice this list of conditions and the"
    " following disclaimer in the documentation and or other materials provided with the distribution"
)
_GRANTS: tuple[tuple[str, str, str], ...] = (
    ("MIT", "permission is hereby",
     "permission is hereby granted free of charge to any person obtaining a copy of this (?:software|work|font "
     "software)"
     " and (?:its |the )?(?:associated )?documentation(?: files)?(?: the software)? to deal in the software without"
     " restriction including without limitation the rights to use copy modify merge publish distribute(?: "
     "sublicense)? and"
     " or sell copies of the software and to permit persons to whom the software is furnished to do so"
     "(?: subject to the following conditions)?(?:{n}| provided that) the above copyright notices?(?: and this "
     "permission"
     " notice)?(?: including the next paragraph)? (?:shall be|appear|are|is)"),
    ("NCSA", "permission is hereby",
     "permission is hereby granted free of charge to any person obtaining a copy of this software and associated"
     " documentation files(?: the software)? to deal with the software without restriction including without "
     "limitation the"
     " rights to use copy modify merge publish distribute sublicense and or sell copies of the software and to "
     "permit persons"
     " to whom the software is furnished to do so subject to the following conditions"),
    ("BSL-1.0", "permission is hereby",
     "permission is hereby granted free of charge to any person or organization obtaining a copy of the software and"
     " accompanying documentation covered by this license the software to use reproduce display distribute execute and"
     " transmit the software"),
    ("MIT", "permission is hereby granted to use or copy this",
     "permission is hereby granted to use or copy this (?:program|software) for any purpose provided the above "
     "notices are"
     " retained on all copies permission to modify the code and to distribute modified code is granted"),
    ("BSD-3-Clause", "redistribution",
     "redistribution and use in source and binary forms with or without modification (?:are|is) permitted(?: for any "
     "purpose)?"
     " provided that the following conditions(?: are met)?{n} " + _CLAUSES + "{n} (?:neither the names?|the names?"
     "|none of the names) .{1,250}?"
     " may(?: not)? be used to endorse or promote products"),
    ("BSD-4-Clause", "all advertising materials",
     "redistribution and use in source and binary forms with or without modification (?:are|is) permitted provided "
     "that the"
     " following conditions are met{n} " + _CLAUSES + "{n} all advertising materials mentioning features or use of this"
     " software must display the following acknowledgement"),
    ("BSD-2-Clause", "redistribution",
     "redistribution and use in source and binary forms with or without modification (?:are|is) permitted(?: for any "
     "purpose)?"
     " provided that the following conditions(?: are met)?{n} " + _CLAUSES),
    ("BSD-1-Clause", "redistribution",
     "redistribution and use in source and binary forms with or without modification (?:are|is) permitted provided "
     "that the"
     " following conditions? (?:are|is) met{n} redistributions? of source code must retain the above copyright "
     "notice this"
     " list of conditions and the following disclaimer(?= this software is provided)"),
    ("BSD-Source-Code", "redistribution",
     "redistribution and use in source and binary forms(?: with or without modification)? are permitted provided "
     "that the above"
     " copyright notice and this paragraph are duplicated in all such forms"),
    ("ISC", "permission to",
     "permission to use copy modify and(?: or)? distribute this software for any purpose with or without fee is "
     "hereby granted"
     " provided that the above copyright notice and this permission notice appear in all copies"),
    ("0BSD", "permission to",
     "permission to use copy modify and(?: or)? distribute this software for any purpose with or without fee is hereby"
     " granted(?= the software is)"),
    ("HPND", "permission to",
     "permission to use copy modify(?: and| or)?(?: and or)? distribute(?: and sell)?(?: and license)? this "
     "software(?: and its"
     "(?: accompanying| associated)? documentation)?(?: for any purpose)?(?: and| with or)?(?: without fee| without "
     "royalty)?(?: is)?"
     " hereby granted(?: without fee)? provided that (?:the above copyright notice|this entire notice|this copyright "
     "notice)"),
    ("HPND", "permission to",
     "permission to use copy modify(?: and| or)?(?: and or)? distribute(?: and sell)? this software(?: and its(?: "
     "accompanying| associated)?"
     " documentation)? for any purpose(?: and)?(?: with or)? without fee is hereby granted provided that"),
    ("Zlib", "permission is granted to anyone",
     "permission is granted to anyone to use this software for any purpose including commercial applications and to "
     "alter it and"
     " redistribute it freely subject to the following restrictions"),
    ("Unlicense", "free and unencumbered", "this is free and unencumbered software released into the public domain"),
    ("CC0-1.0", "to the extent possible under law",
     "to the extent possible under law the (?:author|person).{1,120} (?:dedicated|waived) all copyright"),
    ("Unlicense", "disclaims copyright to this source", "the author disclaims copyright to this source code"),
    ("FSFAP", "copying and distribution of this file",
     "copying and distribution of this file with or without modification (?:is|are) permitted in any medium without "
     "royalty"
     " provided the copyright notice and this notice are preserved"),
    ("AML", "this apple software",
     "apple grants you a personal non exclusive license under apple s copyrights in this original apple software the "
     "apple"
     " software to use reproduce modify and redistribute the apple software with or without modifications"),
    ("WTFPL", "do what the fuck", "do what the fuck you want to public license"),
)  # fmt: skip
"""SPDX identifier, words that cost next to nothing to look for, and the grant, between whose words may stand marks."""


def _pattern(grant: str) -> re.Pattern[str]:
    number = r"(?:\W{1,20}(?:\d|[a-d]|i{1,3}))?"
    return re.compile(r"\b" + grant.replace("{n}", number).replace(" ", r"\W{1,40}"))


GRANTS = tuple((spdx, key, _pattern(grant)) for spdx, key, grant in _GRANTS)
_BEGUN = re.compile(
    r"permission is (?:hereby|not)\b|permission is granted to (?:any|copy|use|make|modify|distribute|redistribute)"
    r"|permission to (?:freely )?(?:use|copy|modify|distribute|reproduce)(?:,| and\b| or\b| this\b| the (?:software"
    r"|program)) [^.]{0,250}\b(?:granted|given|denied)"
    r"|redistribution and use in source|redistributions? (?:and|or) (?:use|modification)\b[^.]{0,80}\b(?:permitted"
    r"|allowed)"
)
"""How notices begin."""
_PURPOSE = re.compile(
    r"(?:non-?profit|academic|evaluation|educational|personal|private|research|teaching|scholarly|student"
    r"|internal (?:business|evaluation|research))(?:(?:,| and| or|/|, and| and/or) [\w-]{1,30}){0,3}"
    r" (?:use|usage|purposes?)\b(?P<only> only|,? provided)?"
)
_PURPOSES = ("academic", "evaluation", "educational", "personal", "private use", "research", "teaching", "student",
             "profit use", "profit purpose", "internal business", "internal evaluation", "scholarly")  # fmt: skip
_ONLY = re.compile(
    r"\b(?:only|solely|exclusively|strictly|restricted to|limited to|free for|licen[cs]ed for|free of charge "
    r"for)\b.{0,30}$"
)
_FOR = re.compile(r"\b(?:for|to) (?:any |the |your |use in )?(?:own )?$")
_TAKEN: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (key, re.compile(words))
    for key, words in (
        ("commons clause", r"commons clause"),
        ("commercial",
         r"non-?commercial(?:ly)?(?:(?:,| and| or|/) [\w-]{1,30}){0,3} (?:use|usage|purposes?|only|projects?|research"
         r"|licen"
         r"|distribution|applications?|settings?|basis)|(?:use|purposes?|distribution) (?:must be |is )?non-?commercial"
         r"|not (?:be )?(?:used )?(?:for|in) (?:any )?commercial|not (?:be )?used commercially|(?:no|not"
         r" (?:permit|allow|"
         r"grant|include|cover)(?: any| the)?|(?:prohibit|forbid|exclud)(?:s|es|ed|ing)?(?: any| all)?)"
         r" commercial (?:use"
         r"|usage)"
         r"|commercial(?: use| usage| purposes?| users?| redistribution)?\b[^.]{0,40}"
         r"\b(?:prohibited|forbidden|disallowed|not (?:permitted|allowed|granted)|requires? (?:an?|the|our) )"),
        ("sold", r"(?:not|can't|never) be (?:re-?sold|sold)"),
        ("sale", r"not for (?:re)?sale\b"),
        ("strictly",
         r"\b(?:use|copying|reproduction|distribution|disclosure|modification)\b[^.]{0,150}\bstrictly (?:prohibited"
         r"|forbidden)"),
        ("evaluation", r"evaluation (?:only|licen[cs]e|copy)"),
    )
)  # fmt: skip
"""Conditions that no permissive licence has, with words that cost next to nothing to look for."""
_EXEMPT = re.compile(
    r"commercial(?: use)?,? (?:or|and) non-?commercial|non-?commercial(?: use)?,? (?:or|and) commercial"
)
_LAX: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (key, re.compile(words))
    for key, words in (
        ("commercial", r"non-?commercial"),
        ("military", r"\b(?:not|no)\b[^.]{0,40}\bmilitary\b(?! (?:time|format|clock|grade))"),
        ("to any ", r"\bto any (?:student|academic|non-?profit)"),
        ("evaluation", r"\bfor evaluation\b"),
        ("internal use", r"(?:licen[cs]e|granted|permi|may be used)[^.]{0,70}\binternal (?:use|purposes)"),
    )
)  # fmt: skip
"""Words that say it beside a licence, and are a remark without one."""
_OWNED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (key, re.compile(words))
    for key, words in (
        ("subject to the terms at", r"all rights reserved\.? (?:\* )?subject to the terms at\b"),
        ("unauthori", r"unauthori[sz]ed (?:copying|use|distribution|reproduction)"),
        ("oracle", r"oracle proprietary"),
        ("licensed materials", r"licensed materials\W{1,3}property of"),
        ("unpublished", r"unpublished (?:proprietary|source|work|confidential)"),
        ("proprietary", r"proprietary source code|proprietary(?:/| ?and ?)confidential|\w{3,20} proprietary/"),
        ("confidential", r"^\W{0,9}(?:[\w-]{2,20} ){1,2}confidential\W{0,3}(?:$|\.|copyright|unpublished|\()"),
        ("禁", r"禁止(?:用于|用於|任何)?(?:商|转载|轉載|复制|複製)"),
        ("商", r"不得(?:用于|用於|作为|作為)?商|商用(?:利用)?(?:は|の)?禁|商業利用(?:は)?禁"),
        ("経許可" if False else "许可", r"未经(?:许可|授权)|仅供(?:学习|个人)|版权所有[^\n]{0,20}(?:不得|禁止|侵权)"),
        ("無断", r"無断(?:転載|複製|使用)"),
        ("confidential", r"confidential and proprietary|proprietary and confidential|(?:is|are|contains?) (?:the "
         r")?confidential (?:and|property|information)"),
        ("proprietary", r"(?:is|are|contains?) (?:the )?proprietary (?:and|property|information)"),
        ("property", r"this (?:file|code|software|module|program|work|material|document) (?:is|remains) (?:the )?"
         r"(?:[\w.&'-]+ ){0,3}property\b"),
        ("trade secret", r"trade secrets? (?:of|and)"),
        ("without", r"not (?:be )?(?:copied|copy|distributed?|disclosed?) .{0,60}without .{0,40}(?:permis|cons)"),
        ("intellectual property", r"retains? all intellectual property"),
        ("an express licen", r"without an express licen[cs]e agreement"),
        ("production environment", r"not intended to be used in a production environment"),
        ("microsoft", r"subject to the terms of the microsoft licen[cs]e agreement|microsoft software licen[cs]e "
         r"terms"),
    )
)  # fmt: skip
"""What nobody writes over code that others may use."""


_ABOUT = re.compile(
    r"licen[cs]|permi(?:t|ssion)|granted|copyright|\brights\b|software|\bprogram\b|\b(?:this|the|source|our)"
    r" code\b|\b(?:this|the|these) "
    r"(?:files?|library|package|project|works?|materials?|product|data|dataset|model|binar(?:y|ies))\b|distribut"
    r"|free for|may (?:not )?be used"
    r"|commercial (?:use|usage|purpose)|\buse (?:is|must|may|requires)\b|unauthori[sz]|confidential|proprietary"
    r"|trade secret|intellectual"
    r"|commons clause|\bmit\b|\bbsd\b|\bapache\b|production environment"
)
"""A sentence in which words take a right back."""
_BARE = re.compile(
    r"\W*(?:for|free|not|no|only|solely|strictly|personal|academic|non-?commercial|commercial|evaluation"
    r"|educational|research|internal"
    r"|use(?! of (?!this|the|it))|it (?:may|must|can)|must|may|can|selling|copying|redistribution)\b"
)
_TELLS = re.compile(
    r"\W*(?:to )?(?:detect|find|check|return|pars|identif|list|filter|skip|classif|scan"
    r"|recogni[sz]|match)(?:e?s|ed|ing|ies)?\b"
)


def grants(words: str) -> list[Said]:
    """The notices in the order in which they stand."""
    found: dict[int, tuple[int, str]] = {}
    for spdx, key, grant in GRANTS:
        if key in words:
            for match in grant.finditer(words):
                found.setdefault(match.start(), (match.end(), spdx))
    said = [Said(start, spdx) for start, (_, spdx) in found.items()]
    if "permission" in words or "redistribution" in words:
        for match in _BEGUN.finditer(words):
            if not any(start <= match.start() < end for start, (end, _) in found.items()):
                said.append(Said(match.start(), UNKNOWN))
    return sorted(said)


def restricted(words: str, beside: str) -> str:
    """LicenseRef-proprietary where a right is taken back; `beside`: the words around what names or grants a licence."""
    if "commercial" in words:
        words, beside = _EXEMPT.sub("", words), _EXEMPT.sub("", beside)
    taken = _is_taken(words, beside) and _is_taken(_telling(words), _telling(beside))
    return OWN if taken or _any(_OWNED, words) else ""


def _is_taken(words: str, beside: str) -> bool:
    if _any(_TAKEN, words) or (beside and _any(_LAX, beside)):
        return True
    is_purpose = any(key in words for key in _PURPOSES)
    return is_purpose and (_is_for_some(words, False) or _is_for_some(beside, True))


def _telling(words: str) -> str:
    """The sentences that speak of what may be done with the software, not of what the code does."""
    said = re.split(r"(?<=[.!?])\s+", words)
    return " ".join(one for one in said if (_ABOUT.search(one) or _BARE.match(one)) and not _TELLS.match(one))


def _any(table: tuple[tuple[str, re.Pattern[str]], ...], words: str) -> bool:
    for key, pattern in table:  # noqa: SIM110 (a generator takes twice the time)
        if key in words and pattern.search(words):
            return True
    return False


def _is_for_some(words: str, lax: bool) -> bool:
    """Whether use is for some purposes alone; `lax`: that it is for them is enough."""
    for match in _PURPOSE.finditer(words):
        before = words[max(0, match.start() - 60) : match.start()]
        if match["only"] or _ONLY.search(before) or (lax and _FOR.search(before)):
            return True
    return False
