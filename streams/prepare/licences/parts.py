"""Texts of several parts: known bodies one behind the other, and a choice that is offered between licences.

A body counts only when it is known word for word. What stands around the bodies must be words that set no condition;
else the text is not known.
"""

from __future__ import annotations

import re

from streams.prepare.licences.bodies import owners_are_plain, without_owners, words_of
from streams.prepare.licences.plain import is_plain, without_links
from streams.prepare.licences.references import Found, find

_CONDITIONS = re.compile(
    r"\b(?:may not|must|shall|cannot|can not|do not|does not|not (?:apply|permitted|allowed|granted|for|to be)"
    r"|prohibit\w*|forbid\w*|restrict\w*|only|solely|alone|provided (?:that|you)|unless|exclud\w+|exclusi\w+"
    r"|except(?:ed|ing)?(?! as (?:documented|noted))|requires?|required|fees?|royalt\w+|agree\w*|consent|obtain\w*"
    r"|evaluat\w+|trial|relicen\w*|complying|comply|separately|subject to|commercial\w*|noncommercial\w*|proprietary"
    r"|confidential|patents?|terminat\w+|personal|personally|internal|academic|educational|research|students?|members"
    r"|employees|competitors?|(?<!many )individuals|military|unauthori[sz]ed|training|train|charges?|pay|payment|paid"
    r"|sell|sold|same (?:terms|licen[cs]e)|disclos\w+|no (?:one|longer|use)|non (?!infring|profit organi)\w+|until"
    r"|within (?:one|an?|your|the) (?:single )?(?:organi[sz]ation|company|team)|in production|purchase\w*"
    r"|never|nobody|(?:additional|further) (?:terms|conditions)|following (?:terms|conditions?))\b"
)
"""Words of whoever sets a condition."""
_MEASURED = re.compile(
    r"\b(?:not|without|if|but|however|unlike|when|whose|you|your|may|use|cannot|can be used|free|compan(?:y|ies)"
    r"|business\w*|enterprises?|contracts?|eula|(?:is|are|else) reserved|reserved (?:to|for|by)|limit\w*|void"
    r"|hosting|saas"
    r"|asks?|before|hobby\w*|persons?|nonprofits?|exceptions?|countr(?:y|ies)|share ?alike|evil|everything else|testing"
    r"|needs?|needed|have to|has to|accepts|accept our|acceptance|ends?|expire\w*|back|refrain|compet\w+|addendum"
    r"|amend\w*|instead|rather|apart|other than|ow(?:e|es|ed|ing)|refus\w+|withdraw\w*|revok\w*|private\w*|minimum"
    r"|maximum|donat\w*|citizens?|governments?|weapons?|nuclear|ethic\w*|harm\w*|machine learning|wants?|wish\w*"
    r"|grants?|granted|part(?:ly|ially)|allow\w*|permit\w*|hereby)\b"
)
"""Words of whoever measures out what is given. Of 900 texts that were read few say one around a licence: `_REMARKS`."""
_REMARKS = re.compile(
    r"\bthis is free software\b|\bexcept where otherwise noted\b|"
    r"(?:apache license version 2 0 january 2004 (?:https? www apache org licenses )?)?terms and conditions for use"
    r" reproduction and distribution|\bend of (?:terms and conditions|license|ftl txt)\b"
    r"|\badditional copyrights may follow\b"
    r"|which have their own licenses we recommend you read them as their terms may differ from the terms above"
    r"|files located in the node modules and vendor directories are externally maintained libraries used by this"
    r"|that are not externally maintained libraries|under your choice of|\bllvm exceptions?\b|\bfreebsd\b"
    r"|neither npm nor npm inc are affiliated with joyent inc|\bfree software (?:released under|foundation)\b"
    r"|\byou (?:may|can) (?:use|redistribute) (?:it|this (?:software|code|work|project)) under (?:the terms of )?"
    r"either(?: of the following)? licen[cs]es?\b|\bdo what the fuck you want to public license\b"
    r"|\bthis work is free you can redistribute it and or modify it under the terms of"
    r"|\byou may choose which license to receive this code under(?: except as noted in per module license files)?"
    r"|\bmodules may not be the copyright of the\b|\bno external contributions are allowed under licenses which\b"
    r"|\buse governed by terms published on\b|\bis licensed for use as follows\b"
)
"""Sentences that stand around many texts."""
_COMPATIBLE = re.compile(
    r"\bgpl (?:compatible|friendly)\b|release derived year owner gpl from compatible|\blicen[cs]e agreement\b"
    r"|\b(?:academic free|educational community) licen[cs]e\b|\b(?:microsoft|google|adobe|ibm) research\b"
    r"|\bresearch (?:cent\w+|institute|foundation|council|initiatives)\b"
    r"|llvm exceptions to the apache 2 0 license as an exception .{0,900}?with respect to the combined software"
)
"""What allows more, names of licences and of owners."""
MAX_AROUND = 2_500
AROUND_EACH = 300
"""Characters around the licences of a text, copyright lines and explanations: of any, and more for each licence."""
FEW_CHARS = 1_500
"""Of a text that offers a choice and holds no whole licence beside it."""
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
    ("OSL-3.0", r"open software licen"),
    ("SSPL-1.0", r"\bsspl\b|server side public"),
    ("CPL-1.0", r"common public licen"),
    ("CECILL-2.1", r"cecill free software"),
    ("LicenseRef-proprietary", r"proprietary|non-?commercial|commercial licen|commons clause"),
    ("Apache-2.0", r"\bapache(?:[-_ ]?2(?:[._]0)?)?\b"),
    ("AFL-2.1", r"academic free"),
    ("BSD-3-Clause", r"\bbsd\b|eclipse distribution"),
    ("MIT", r"\bmit\b"),
    ("ISC", r"\bisc\b"),
    ("WTFPL", r"\bwtfpl\b"),
    ("Unlicense", r"\bunlicense\b|public domain"),
)
"""How sentences name licences: SPDX identifier and pattern, what binds first."""
_FAMILIES = tuple((spdx, re.compile(words, re.I)) for spdx, words in FAMILIES)
BINDING = frozenset(spdx for spdx, _ in FAMILIES[:13])
"""Those that are copyleft or proprietary."""
_SENTENCE = re.compile(r"(?:[^.!?]|\.(?=\S)){1,600}")
_OFFERS = re.compile(
    r"\beither\b.{1,300}\bor\b|\bat your (?:choice|option)\b.{1,300}\bor\b"
    r"|\bdual(?:ly)?[- ]licen[cs]ed\b.{1,300}\b(?:and|or)\b"
    r"|\b(?:use|redistribute|licen[cs]ed|available)\b.{0,80}\bunder (?:an? |the )?\S.{0,60}\bor under\b"
    r"|\bor\b.{1,200}\bat your (?:choice|option)\b",
    re.I | re.S,
)
_EACH = re.compile(
    r"\b(?:each|every|per[- ]file|respective\w*|depend\w*|individual\w*|some|headers?|not|except\w*|unless|only|if)\b",
    re.I,
)
"""Words of a sentence by which some files are under one licence, and others under the other."""
_ONE_OF = re.compile(r"\bchoose (?:from |between )?(?:one|either|any) of (?:the )?(?:two|three|following)\b", re.I)
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
    """The permissive licences whose texts stand in a text (AND); empty where none does, or where more is said."""
    for said in (text, without_owners(text)):
        found = find(said)
        around = _around(said, found)
        names = sorted({one.spdx for one in found} - {""})
        beside = without_owners(around) if names else ""
        words = words_of(beside)
        is_short = len(words) <= MAX_AROUND + len(found) * AROUND_EACH
        owned = around if said is text else text
        if names and is_short and owners_are_plain(owned) and _is_plain(words) and is_plain(beside):
            return " AND ".join(names)
    return ""


def beside(text: str) -> str:
    """A text without the permissive licences that stand in it word for word: what they say of others binds nobody."""
    return _around(text, find(text))


def _around(text: str, found: list[Found]) -> str:
    """What is left of a text without the licences."""
    ends = [0, *(one.end for one in found)]
    starts = [*(one.start for one in found), len(text)]
    return "\n".join(text[end:start] for end, start in zip(ends, starts, strict=True))


def _is_plain(words: str) -> bool:
    words = _REMARKS.sub("", _COMPATIBLE.sub("", words))
    return not _CONDITIONS.search(words) and not _MEASURED.search(words) and BINDING.isdisjoint(families(words))


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
        conditions = not spoken and len(text) <= FEW_CHARS and _CONDITIONS.search(text.lower())
        is_free = len(text) > FEW_CHARS or sentence != match.group() or _is_free(text, sentence)
        if not spoken <= set(offered) or conditions or not is_free:
            return ""
        return " OR ".join(offered) if BINDING & set(offered) or _is_plain_beside(text, sentence) else ""
    return ""


def _is_free(text: str, sentence: str) -> bool:
    """Whether the paragraph that offers a choice says no more than that one may be chosen."""
    if _EACH.search(_LATER.sub("", sentence)):
        return False
    for paragraph in re.split(r"\n[ \t]*\n", re.sub(r"[*_`]", "", text[:HEAD_CHARS])):
        said = " ".join(paragraph.split())
        if sentence.strip() in said:
            rest = without_links(said.replace(sentence.strip(), "\n"))
            return not _CONDITIONS.search(rest.lower()) and is_plain(rest)
    return True


def _is_plain_beside(text: str, sentence: str) -> bool:
    """Whether a choice between permissive licences, and what else stands around their texts, sets no condition."""
    offer, around = words_of(sentence), words_of(without_owners(_around(text, find(text))))
    lead = words_of(sentence.split(":")[0])
    if lead not in around:
        return False
    rest = around.replace(offer, " ").replace(lead, " ")
    said = lead if _ONE_OF.search(sentence) else offer  # a list of what may be chosen is followed by the texts
    return not _CONDITIONS.search(_COMPATIBLE.sub("", said)) and _is_plain(rest)
