"""Copyleft licences in heads that say so in no way that is known: by their full names beside words of giving on.

A head that says nothing has its repository's licence, so a notice that is not understood would become that one's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.prepare.licences.naming import UNKNOWN, several
from streams.prepare.licences.parts import BINDING, families
from streams.prepare.licences.statements import is_denied

_NAMES = re.compile(
    r"\b(?:licen[cs]e:? (?:gnu[/ ])?[al]?gpl\b(?![-\w])|gnu (?:lesser |library |affero )?general public licen[cs]e|"
    r"general public licen[cs]e|licence publique g[ée]n[ée]rale"
    r"|licencia p[úu]blica general|[al]?gpl[- ]?v?\d(?:\.\d)?\+?|[al]?gpl(?= v?\d| or later)|gnu/gpl"
    r"|mozilla public licen[cs]e|eclipse public licen[cs]e|cecill|osl[- ]?v?\d|\w+ public licen[cs]e)"
    r"|gnu ?(?:较?宽松)?通用公共(?:许可证|授权|許可證)|gnu ?一般公衆(?:利用)?(?:許諾|ライセンス)"
)
_LEAD = re.compile(r"(?:licen[cs]e:? )?")
_GIVES = re.compile(
    r"\b(?:licen[cs]ed|released|(?:re)?distribut\w*|modify|modifizieren|available|subject to|free software|"
    r"freie software"
    r"|logiciel libre|software libre|terms|conditions|bedingungen|termes|t[ée]rminos|copyright|\(c\)|©|licen[cs]e|"
    r"lizenz)\b"
    r"|自由软件|自由軟體|フリーソフト|条款|條款"
)
_PERL = re.compile(r"\b(?:same|identical) (?:terms|licen[cs]e|conditions)(?: \w+){0,2} as perl\b|\bas perl itself\b")
BEFORE, BEHIND = 260, 120
"""Characters around a name in which the words are."""


def suspected(lines: list[str]) -> Iterator[str]:
    """The licences, as SPDX expressions; unknown where the name is not a known one's."""
    words = " ".join(" ".join(line.rstrip(" \t*#|") or "." for line in lines).lower().split())
    if _PERL.search(words):
        yield "Artistic-1.0-Perl OR GPL-1.0-or-later"
    for name in _NAMES.finditer(words):
        before = words[max(0, name.start() - BEFORE) : name.start()]
        clause = re.split(r"[.;!?] (?=\w)", before)[-1]
        if is_denied(clause) or not _GIVES.search(clause + name.group() + words[name.end() : name.end() + BEHIND]):
            continue
        named = several(words, name.start() + len(_LEAD.match(name.group())[0]))  # type: ignore[index]
        known = named.spdx if named else next((spdx for spdx in families(name.group()) if spdx in BINDING), "")
        yield known or UNKNOWN
