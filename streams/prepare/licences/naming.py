"""How prose and metadata name licences: SPDX form, the version where none is said, and the words.

A name is read where it stands, with the version behind it ("GNU GPL, version 2 or later"), and so are several in a row
("MIT or GPLv2"). All words are in lower case, with one space between two.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from streams.prepare.licences.classes import classify
from streams.prepare.licences.plain import is_latin, is_owner

OWN, UNKNOWN = "LicenseRef-proprietary", "LicenseRef-unknown"
ROWS: tuple[tuple[str, str, str], ...] = (
    ("AGPL-{}", "3.0", r"(?:gnu )?affero (?:gnu )?(?:general public licen[cs]e|gpl)|(?:gnu )?agpl"),
    ("LGPL-{}", "2.1", r"(?:gnu )?(?:lesser|library)(?: gnu)?(?: or lesser)?(?: general)? (?:public licen[cs]e|gpl)"
     r"|(?:gnu )?lgpl"),
    ("GFDL-{}", "1.3", r"(?:gnu )?free documentation licen[cs]e|(?:gnu )?gfdl|gnu fdl"),
    ("GPL-{}", "2.0", r"(?:gnu )?general public licen[cs]e|gnu public licen[cs]e|(?:gnu[ /])?gpl|gnu licen[cs]e"),
    ("MPL-{}", "2.0", r"mozilla public licen[cs]e|mozilla(?= licen)|mpl"),
    ("EPL-{}", "2.0", r"eclipse public licen[cs]e|epl"),
    ("CDDL-{}", "1.0", r"common development and distribution licen[cs]e|cddl"),
    ("EUPL-{}", "1.2", r"european union public licen[cs]e|eupl"),
    ("OSL-{}", "3.0", r"open software licen[cs]e|osl(?=\W*v?\d|\W*$| licen)"),
    ("CPL-{}", "1.0", r"common public licen[cs]e|cpl(?=\W*v?\d|\W*$| licen)"),
    ("IPL-{}", "1.0", r"ibm public licen[cs]e"),
    ("APSL-{}", "2.0", r"apple public source licen[cs]e|apsl"),
    ("NPL-{}", "1.1", r"netscape public licen[cs]e"),
    ("QPL-{}", "1.0", r"q public licen[cs]e|qpl"),
    ("SPL-{}", "1.0", r"sun public licen[cs]e"),
    ("RPL-{}", "1.5", r"reciprocal public licen[cs]e"),
    ("ODbL-{}", "1.0", r"open (?:data commons open )?database licen[cs]e|odbl"),
    ("MS-RL", "", r"microsoft reciprocal licen[cs]e|ms-rl"),
    ("MS-LPL", "", r"microsoft limited public licen[cs]e|ms-lpl"),
    ("MS-PL", "", r"microsoft public licen[cs]e|ms-pl"),
    ("CECILL-B", "", r"cecill-b"),
    ("CECILL-C", "", r"cecill-c"),
    ("CECILL-{}", "2.1", r"cecill(?: free software licen[cs]e)?"),
    ("SSPL-{}", "1.0", r"server side public licen[cs]e|sspl"),
    ("Sleepycat", "", r"sleepycat(?=\W*$| licen)"),
    ("Elastic-{}", "2.0", r"elastic(?:search)? licen[cs]e|elastic(?=-2)"),
    ("BUSL-{}", "1.1", r"business source licen[cs]e|busl|bsl(?= ?-?1\.1)"),
    ("PolyForm-Noncommercial-1.0.0", "", r"polyform(?:[- ](?:[a-z]+)){0,3}"),
    ("FSL-{}", "1.1", r"functional source licen[cs]e|fsl(?=-1)"),
    ("LicenseRef-Commons-Clause", "", r"\"?commons clause\"?"),
    ("Aladdin", "", r"aladdin free public licen[cs]e"),
    ("Prosperity-{}", "3.0.0", r"prosperity public licen[cs]e"),
    (OWN, "", r"proprietary(?=\W*$| licen| software|[.,;])|(?:a )?commercial(?=\W*$| licen| or\b)|unlicensed(?=\W*$)"),
    ("Apache-{}", "2.0", r"apache[- ]?(?:software )?licen[cs]e|apache(?=[ ,v-]{0,2}(?:version )?[12])|apache(?=\W*$| "
     r"licen)|asl(?= ?v?2)|al2\.0"),
    ("AFL-{}", "3.0", r"academic free licen[cs]e|afl(?=\W*v?\d)"),
    ("Artistic-{}", "1.0", r"artistic(?=\W*$| licen|[ -]?[12])"),
    ("LPPL-{}", "1.3c", r"latex project public licen[cs]e|lppl"),
    ("OFL-{}", "1.1", r"sil open font licen[cs]e|open font licen[cs]e|ofl(?=\W*1|\W*$)"),
    ("ZPL-{}", "2.1", r"zope public licen[cs]e|zpl(?=\W*\d|\W*$)"),
    ("ECL-{}", "2.0", r"educational community licen[cs]e"),
    ("UPL-1.0", "", r"universal permissive licen[cs]e"),
    ("PHP-3.01", "", r"php licen[cs]e"),
    ("0BSD", "", r"0[- ]?bsd|(?:zero|0)[- ]clause bsd|bsd[- ]zero[- ]clause|bsd 0[- ]clause"),
    ("BSD-Protection", "", r"bsd protection"),
    ("BSD-2-Clause", "", r"bsd[- ](?:2|two)[- ]clause|(?:\(?(?:2|two)[- ]clause\)?|simplified|freebsd) bsd"
     r"|freebsd(?= licen)"),
    ("BSD-4-Clause", "", r"bsd[- ](?:4|four)[- ]clause|(?:4|four)[- ]clause bsd|original bsd|old bsd"),
    ("BSD-3-Clause", "", r"(?:(?:new|modified|revised) "
     ")?bsd[- ](?:3|three)[- ]clause|(?:(?:3|three)[- ]clause|new|modified|revised|permissive"
     r"|standard) bsd|bsd|eclipse distribution licen[cs]e"),
    ("MIT-0", "", r"mit-0|mit no attribution"),
    ("MIT", "", r"mit(?:[/ -]?\(?x11\)?|/expat| \(expat\))?|expat(?=\W*$| licen)|x11(?=\W*$| licen)"),
    ("ISC", "", r"isc|internet (?:systems|software) consortium"),
    ("Zlib", "", r"zlib(?:/libpng|-acknowledgement)?(?=\W*$| licen)"),
    ("BSL-1.0", "", r"boost(?: software)? licen[cs]e|boost(?=\W*$)|bsl-1\.0"),
    ("CC0-1.0", "", r"(?:creative commons )?cc[- ]?0|creative commons zero"),
    ("Unlicense", "", r"unlicense\b|public[- ]domain"),
    ("WTFPL", "", r"wtfpl|do what the fuck you want to public licen[cs]e"),
    ("PSF-2.0", "", r"python(?: software foundation)? licen[cs]e|psfl?(?=\W*$| licen|[- ]?2)"),
    ("NCSA", "", r"university of illinois(?:/ncsa)?(?: open source)? licen[cs]e|ncsa"),
    ("BlueOak-1.0.0", "", r"blue ?oak(?: model)?(?=\W*$| licen|-1)"),
    ("MulanPSL-{}", "2.0", r"mulan(?:psl| permissive software licen[cs]e)"),
    ("PostgreSQL", "", r"postgresql(?=\W*$| licen)"),
    ("W3C", "", r"w3c(?:®|\(r\))?(?=\W*$| (?:software|licen))"),
    ("Ruby", "", r"ruby(?:'s)?(?=\W*$| licen)"),
    ("NTP", "", r"ntp(?= licen)"),
)  # fmt: skip
"""The stricter of two that begin alike stands first. `{}`: the version."""
_GNU = ("AGPL-{}", "LGPL-{}", "GFDL-{}", "GPL-{}")
"""Of these an identifier says whether later versions may be taken."""
_END = r"(?!(?!v\d)[a-z]|[- ](?:compatible|friendly)|-(?!style|like|type|licen|derived|only|or-|[a-z]\d)[a-z])"
"""Behind a name no word goes on: "GPL-compatible" names no licence of its own, and neither does "MIT-ish"."""
_NAME = re.compile("|".join(f"(?P<n{i}>(?:{words}){_END})" for i, (_, _, words) in enumerate(ROWS)))
_COMMONS = re.compile(
    r"(?:https?://)?(?:www\.)?creativecommons\.org/licen[cs]es/(?P<url>by[a-z-]*)(?:/(?P<v>\d\.\d))?[a-z/]*"
    r"|(?:creative commons|cc)[- ]?(?:attribution|by)(?P<kinds>(?:[- ](?:non-?commercial|nc|share[- ]?alike|sa"
    r"|no[- ]?deriv\w*(?: works)?|nd)){0,3})(?![a-z])"
)
_ZERO = re.compile(r"(?:https?://)?(?:www\.)?creativecommons\.org/publicdomain/zero[a-z0-9/.]*")
_ADDRESSES = ("http", "www.", "c", "opensource.org", "spdx.org", "gnu.org", "apache.org", "mozilla.org")
_URL = re.compile(
    r"(?:https?://)?(?:www\.)?(?:opensource\.org/licen[cs]es?/|spdx\.org/licenses/|choosealicense\.com/licenses/"
    r"|gnu\.org/(?:licenses|copyleft)/(?:old-licenses/)?|mozilla\.org/(?:en-us/)?(?=mpl)"
    r"|(?P<apache>apache\.org/licenses/license-2\.0))"
)
_STYLE = re.compile(
    r"(?:[- ]?(?:style|like|type|derived))?(?: \"(?:new|simplified)\"(?: or \"(?:revised|freebsd)\")?)?(?: "
    r"?\((?:(?:\d|two|three|four|new|simplified|revised|modified|original|the)[ -]?(?:clause)?(?: bsd)?(?:"
    r" licen[cs]e)?|mit|x11|expat"
    r"|isc|bsd(?:[ -]\d)?(?:[ -]clause)?|apache[ -]?v?[\d.]*|apl|asl|al|[al]?gpl[ v\d.+-]*|mpl[ v\d.+-]*"
    r"|[a-z]{2,9}-\d[a-z0-9.-]*"
    r"|cddl|epl|ofl|osl ?[\d.]*|eupl|zpl|psfl?|ms-[rp]l|cecill|v?\d[\d. ]*)\))?"
    r"(?: (?:public|open source|free|software|international))?(?:[ -]licen[cs](?:ed|ing|es?))?(?: agreement| only)?"
)
_VERSION = re.compile(r"[ ,(_-]{0,3}(?:v(?:er(?:sion)?)?s?[. ]{0,2})?(\d{1,2}(?:\.\d{1,2}){0,2}[a-c]?)(?![\w%])\)?")
_LATER = re.compile(
    r"\+|-or-(?:later|newer)|(?: of the licen[cs]e)?,? ?[(/]?(?:or|and),? \(?(?:\(?at your (?:option|choice)\)?,? )?"
    r"(?:any |a )?(?:later|newer|above|greater|higher)(?: versions?)?\)?"
)
_NOTICE_LATER = re.compile(
    r"(?:licen[cs]e)?(?: \([^()]{1,40}\))?,?(?: as published by the free software foundation)?[;:,]? "
    r"(?P<either>either )?v(?:ersion)? ?(?P<v>\d(?:\.\d)?)"
)
_SEPARATOR = re.compile(
    r" ?(?:\(?(?:(?:and/or|or|and)\b|&)|[/,|+])(?: (?:and/or|or|and)\b)?(?: licen[cs]ed)?(?: (?:under|by)\b)?"
    r"(?: the terms of)?(?: (?:the|an?|dual)\b)? ?"
)
WINDOW = 240
"""Characters of a name with its version, at most."""
MOST = 6
"""Names in a row."""


class Named(NamedTuple):
    spdx: str
    """One identifier, or several with AND or OR."""
    end: int
    plain: bool
    """Whether the word licence stands in it: BSD, MIT and Apache are not only licences."""


def one(words: str, at: int = 0) -> Named | None:
    """The licence that is named at this place."""
    named = _first(words[at : at + WINDOW])
    return Named(named.spdx, at + named.end, named.plain) if named else None


@lru_cache(maxsize=1 << 13)  # heads of one repository repeat
def _first(words: str) -> Named | None:
    at = 0
    if words.startswith(_ADDRESSES, at):
        if zero := _ZERO.match(words, at):
            return Named("CC0-1.0", zero.end(), True)
        if commons := _COMMONS.match(words, at):
            return _commons(words, commons)
        if address := _URL.match(words, at):
            at = address.end()
            if address["apache"]:
                return Named("Apache-2.0", at, True)
    match = _NAME.match(words, at)
    if not match:
        return None
    form, version, _ = ROWS[int(str(match.lastgroup)[1:])]
    end = match.end()
    style = _STYLE.match(words, end)
    said = _VERSION.match(words, end)
    if said is None and style is not None:
        end = style.end()
        said = _VERSION.match(words, end)
    if said is None and form in _GNU:
        said = _NOTICE_LATER.match(words, match.end())
    later = None
    if said:
        end, version = said.end(), said["v"] if "v" in said.re.groupindex else said[1]
        later = _LATER.match(words, end)
        end = later.end() if later else end
        if words.startswith("-only", end):
            end += 5
        if (more := _STYLE.match(words, end)) is not None:
            end = more.end()
    plain = "licen" in words[match.start() : end]
    return Named(_identifier(form, version, said is None or later is not None or _either(said)), end, plain)


def _either(said: re.Match[str]) -> bool:
    return bool(said.re is _NOTICE_LATER and said["either"])


def _identifier(form: str, version: str, later: bool) -> str:
    if "{}" not in form:
        return form
    version = version if "." in version else f"{version}.0"
    return form.format(version) + (("-or-later" if later else "-only") if form in _GNU else "")


def _commons(words: str, match: re.Match[str]) -> Named:
    kinds = f"{match['url'] or ''} {match['kinds'] or ''}"
    parts = [part for part, pattern in (("NC", r"nc|non-?com"), ("ND", r"\bnd|-nd|no[- ]?deriv"), ("SA", r"sa\b|share"))
             if re.search(pattern, kinds)]  # fmt: skip
    end, version = match.end(), match["v"] or ""
    if style := _STYLE.match(words, end):
        end = style.end()
    if not version and (said := _VERSION.match(words, end)):
        version, end = said[1], said.end()
    version = version or "4.0"
    return Named("-".join(["CC-BY", *parts, version if "." in version else f"{version}.0"]), end, True)


def several(words: str, at: int = 0, choice: bool = False) -> Named | None:
    """All licences named in a row. With OR where a choice is offered by the words between, or by those before."""
    first = one(words, at)
    if first is None:
        return None
    names, seps, end, plain = [first.spdx], [], first.end, first.plain
    while len(names) < MOST and (sep := _SEPARATOR.match(words, end)) and (further := one(words, sep.end())):
        names.append(further.spdx)
        seps.append(sep.group())
        end, plain = further.end, plain or further.plain
    names = list(dict.fromkeys(names))
    chosen = choice or (bool(seps) and not any(re.search(r"\band\b(?!/or)|[&+]", sep) for sep in seps))
    if seps and all("," in sep and not re.search(r"\bor\b", sep) for sep in seps):
        chosen = choice
    return Named((" OR " if chosen else " AND ").join(names), end, plain)


_AROUND = re.compile(
    r"^[\s\"'(<\[{*_`]*(?:(?:released|licen[cs]ed|distributed) under )?(?:either )?(?:the |an? )?(?:terms of the "
    r")?(dual(?:[- ]licen[cs]ed)?[ :,]*(?:under )?(?:the )?)?"
)
_POINTED = re.compile(
    r"[\s.,;:\"'()<>\[\]{}*_`/-]*(?:$|[(\[<{;|,.–—*/-]|-- |(?:see|http|https|copyright|as|at|found|please|by|in)\b"
    r"|with (?:the )?llvm)"
)  # fmt: skip
"""What stands behind a permissive licence's name that says no more than where its text is."""
_NOT = re.compile(
    r"\b(?:not|non|except|unless|until|if|whether|before|only"
    r"|for (?!details|more|full|the (?:full|licen|details|complete)|further|licen|copyright|terms|complete|info))\b"
)


_POINTS = frozenset(
    re.findall(
        r"\w+",
        (
            "see the a an file files license licence licenses licences copying notice details for full text terms more "
            "info information in at as of on this that and found below above c root directory project repository top "
            "level included include please here also it its by com distributed bundled attached accompanying copy all "
            "rights reserved spdx osi approved copyright link open source free software url you can be is are "
            "available obtain or later version comment complete refer to llvm with exceptions exception clause "
            "mit isc expat "
        ),
    )
)
_REST = re.compile(r"(?:https?://|www\.)[^\s)>]+|[^\W_][\w./:#-]*")
_ELSEWHERE = re.compile(r"\bsee licen[cs]es? in \S+")


def points(rest: str) -> bool:
    """Whether words behind a name, in lower case, say no more than where its text is and whose it is."""
    said, _, owned = re.sub(r"\(c\)|©|\bby\b", "copyright", rest[:200], count=1).partition("copyright")
    said = _ELSEWHERE.sub(" ", said)
    words = [word for word in _REST.findall(said) if len(word) > 1 and not re.search(r"[\d./:#]", word)]
    return all(word.strip("-.") in _POINTS for word in words) and is_latin(said) and is_owner(owned.title())


def begins(value: str) -> bool:
    """Whether a field's value begins with the name of a licence."""
    words = " ".join(value[:400].lower().split())
    around = _AROUND.match(words)
    named = several(words, around.end() if around else 0)
    return named is not None and not re.match(r"[- ]?(?:compatible|friendly|headers?)", words[named.end :])


def whole(value: str) -> str:
    """The licences that a field's value names; empty: it names none.

    Behind a permissive one only words may stand that point to its text; a copyleft one counts whatever stands behind.
    """
    words = " ".join(value[:400].lower().split())
    around = _AROUND.match(words)
    begin = around.end() if around else 0
    named = several(words, begin, bool(around and around[1]))
    if named is None:
        return ""
    rest = words[named.end :]
    is_plain = bool(_POINTED.match(rest)) and not _NOT.search(rest[:80]) and points(rest)
    return named.spdx if is_plain or classify(named.spdx) in ("copyleft", "proprietary") else ""
