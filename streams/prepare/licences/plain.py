"""The words that may stand around a permissive licence's text: those of real texts, and names.

A word more may set a condition, in any language, and then the text is not known. The words were counted in the licence
files of some 700 packages; those of conditions are looked for as well (`parts`), since these words can make one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

PLAIN = frozenset(Path(__file__).with_name("plain.txt").read_text("utf-8").split())
_FOREIGN = re.compile(
    r"(?:non-?)?com+erci(?!al\b)\w*|k\w?om+er[sczt]\w*|ticari|gewerb\w*|gesch[aä]ft\w*|verbot\w*|untersag\w*"
    r"|erlaub\w*|gestatt\w*"
    r"|prohib[ieé](?!t)\w*|proib\w*|prohíb\w*|interdit\w*|vietat\w*|zabron\w*|zakaz\w*|niedozw\w*|yasak\w*"
    r"|f[oö]rbju\w*|verboden"
    r"|nur|nicht|kein\w*|ohne|sofern|außer|aus+er|aus+chlie\w*|priva[td]\w*|unternehm\w*|firm\w*|empresa\w*"
    r"|entrepris(?:e|es)|imprese|azienda"
    r"|aziende|zahl\w*|kosten\w*|geb[uü]hr\w*|pag(?:o|ar|an|are|amento)|pay(?:er|ez|ant|ante)|seul\w*|uniquement"
    r"|seulement|sauf|sans|usage"
    r"|uso|utilis\w+|utiliz\w+|verwend\w*|nutzung\w*|gebrauch|kullan\w*|u[zż]y(?:t|w)\w*|solo|s[oó]lo|soltanto"
    r"|solamente|somente|apenas|tylko"
    r"|wy[lł][aą]cz\w*|sadece|yaln[ıi]z\w*|i[cç]in|bez|dla|f[uü]r|para|sin|senza|sem|pour|permis[eo]?|permit(?:e"
    r"|id[oa])|permess\w*"
    r"|licencia|licencja|lisans|lizenz\w*|gratuit\w*|libre|kostenlos\w*|gratis|alleen|niet|ikke|inte|endast|kun"
    r"|vain|csak|jen|pouze|doar|numai|hanya|untuk|penggunaan|pribadi|komersi\w*|tidak|dilarang|kaupalli\w*|k[aä]ytt\w*|ei"
    r"|kereskedelm\w*|kh[oô]ng|th[uư][oơ]ng|lamang|bawal|pansarili|yaln[ıi]zca|kommers\w*|ainult|tikai|tik|samo|svega|isključivo"
)
"""Of other languages: words of whoever sets a condition, and those that stand beside them."""
_LIMITS = re.compile(
    r"companies|pays?|paid|hobby\w*|students?|members?|customers?|subscribers?|sponsors?|business(?:es)?"
    r"|corporations|enterprises?"
    r"|academics?|academia|schools?|employers?|subscriptions?|military|weapons?|police|nonprofits?|non-?profits?"
    r"|individuals"
    r"|governments?|competitors?|donat\w*|negotiat\w*|forbid\w*|prohibit\w*|banned|unless|except\w*|only|never"
    r"|nobody|everyone|anyone|without"
    r"|cannot|can't|don't|mustn't|won't|may|must|shall|invoice\w*|fees?|royalt\w*|evil|ethical\w*|closed"
    r"|restrict\w*|internal|personal|evaluation"
    r"|redistribution|redistribut(?:e|ing|ed)|derivatives?|resale|reselling|trial|research(?! (?:cent|inst|found|"
    r"counc|init))|commercial\w*|non-?commercial\w*|proprietary"
    r"|confidential|buy|bought|purchas\w*|ask|until"
)
"""Words that stand in no line of a title, and are nobody's name."""
_LINKS = re.compile(
    r"(?:https?://|ftp://|www\.)[^\s<>()\"']+|[\w.+-]{1,64}(?:@| at | \[at\] )[\w.-]+\.\w+|<[^<>\n]{1,80}>"
)
_WORD = re.compile(r"[^\W_](?:[\w'’./@:+#-]*\w)?\+*")
_OWNED = re.compile(
    r"and|und|et|y|e|&|of|the|by|to|for|others?|contributors?|authors?|its|their|his|her|all|any|rights?|reserved"
    r"|inc|ltd|llc|gmbh|corp|co"
    r"|affiliates|present|now|today|date|team|project|projects|community|developers|maintainers|members|de|da|di"
    r"|do|dos|van|von|der|den|del|la|le"
    r"|bin|al|ter|ten|zu|in|at|as|on|portions|parts|copyrights?|copyrighted|c|year|years|see|file|list|authors"
    r"|contributor|holders?|original"
    r"|organization|organisations?|foundation|university|company|licen[cs]ed|under|under|a|an|is|are|this|work"
    r"|software|code|program|package"
    r"|modifications?|additions|from|with|works?|github|http|https|com|org|net|io|me|dev|email|mailto|aka|alias"
    r"|based|licen[cs]e|listed|individual"
)
"""Words of lines of copyright in small letters that are no names."""
RUN, TITLE_WORDS = 2, 2
"""Small words in a row that an owner may be called by; and those of a line that names a project."""
SHORT = 8
"""Words of a line that may be a title: in it no word limits."""
_REMARKS = re.compile(
    r"This software consists of voluntary contributions made by many\s+individuals"
    r"|-*\s*LLVM Exceptions to the Apache 2\.0 License\b.{0,900}?with respect to the Combined\s+Software"
    r"|that are not externally\s+maintained|additional copyrights may follow|Tennessee Research Foundation"
    r"|\bThis is free software\b|\bexcept where otherwise noted\b|LLVM Exceptions|^[ \t\d.x+]+(?:and above|thru"
    r" [\d.]+)?[ \t\d.+-]+(?:now[ \t]+)?[A-Za-z.]{3,11}[ \t]+(?:yes"
    r"|no)\b",
    re.I | re.S | re.M,
)
"""Of real texts, with words that would limit elsewhere."""
_COPYRIGHT = re.compile(r"\bcopyright \(c\).*|^\s*(?:19|20)\d\d(?:[-, ]{1,3}\d{2,4})*,? [^.;:]*$", re.I)
_LISTED = re.compile(
    r"^\s*[-*] [\w.-]{1,40}(?=[,;:(]|$)|\(\w{1,20}\)|[\"'`]\w{1,20}[\"'`]|^\s*\.?\w{1,30}(?:\(\))? (?=- |is based on\b)"
)
"""Names in small letters: in a list, in parentheses or quotes, before an explanation."""
_RESEARCH = re.compile(
    r"(?<!for )(?<!only )(?<!to )\bResearch(?=,? (?:Inc|LLC|Ltd|Cent|Inst|Found|Council|Lab|Init|Group)|[,.]?\s*$)"
)
_ANOTHER = re.compile(
    r"\b(?:(?:llama|gemma|parity|rail|timescale|confluent)(?: \S{1,20}){0,3} (?:licen[cs]e|terms)|[al]?gpl\w*|gnu"
    r" (?:\w+ ){0,3}licen[cs]e|gfdl|[a-z]+ general public licen[cs]e|general public"
    r" licen[cs]e|mpl|mozilla public"
    r"|epl|eclipse public|cddl|common development and distribution|eupl|european union public|osl|open software"
    r" licen[cs]e|cpal|common public"
    r"|ipl|ibm public|apsl|apple public source|npl|netscape public|qpl|q public|spl|sun public|rpl|reciprocal"
    r" public|odbl|open database"
    r"|ms-?rl|ms-?lpl|microsoft (?:reciprocal|limited public)|cecill(?!-b)|sspl|server side public|sleepycat(?!"
    r" software)|elastic licen[cs]e"
    r"|elastic(?:search)?-\d|busl|bsl(?= ?-?1\.1)|business source|poly ?form|fsl|functional source|fair source"
    r"|fcl|fair core|commons clause"
    r"|aladdin|prosperity|hippocratic|open ?rail\w*|rsal\w*|redis source|source[-"
    r" ]available"
    r"|copyleft|copyfree|closed[- ]source|cc[- ]by[- ](?:nc|nd|sa)\w*|(?:non-?commercial|share-?alike"
    r"|no-?deriv\w*)|by-(?:nc|nd|sa)\w*|cern-ohl-[sw]"
    r"|artistic licen[cs]e 1|anti-?996|json licen[cs]e|ethical source|do no harm|community licen[cs]e|enterprise"
    r" licen[cs]e|research licen[cs]e"
    r"|freeware|shareware|trialware|eula|end[- ]user licen[cs]e|nposl|sissl|simpl|lgpllr|watcom|ngpl|cal-1|cpol"
    r"|nasa open source|wtfnmfpl)\b",
    re.I,
)
"""Names of licences that are not known to be permissive, as titles and sentences write them."""
_COMPATIBLE = re.compile(
    r"\bcommercial,? (?:or|and) non-?commercial|non-?commercial,? (?:or|and) commercial|"
    r"\bgpl\W{1,3}(?:compatible|friendly)\b|\bBSL-1\.0|\bgplv2 \(\"combined software|GPL-\s*$|conditions of the GPLv2",
    re.I,
)


_SIGNS = re.compile("[禁不可商業业营營用費费需須须仅僅限得勿非许許금지]|запр|комм|тольк|некомм", re.I)
"""In no name."""
NAME_LETTERS = 6
"""Of a name in a script that has no capital letters."""


_BINDS = (
    "gpl",
    "public licen",
    "gnu ",
    "noncommercial",
    "non-commercial",
    "confidential",
    "proprietary",
    "cc-by",
    "cc by",
    "sharealike",
)


def names_binding(lower: str) -> bool:
    """Whether there are words, in small letters, of those that bind; it costs next to nothing."""
    for key in _BINDS:  # noqa: SIM110 (a generator takes twice the time)
        if key in lower:
            return True
    return False


@lru_cache(maxsize=1 << 13)  # sentences of heads repeat
def names_another(words: str) -> bool:
    """Whether a licence is named that is not known to be permissive."""
    return bool(_ANOTHER.search(words) and _ANOTHER.search(_COMPATIBLE.sub(" ", words)))


def is_plain(around: str) -> bool:
    """Whether words around a licence are plain ones, or names: in capital letters, with digits, or alone in a line."""
    return all(_is_plain_line(line) for line in _REMARKS.sub(" ", around).split("\n"))


def _is_plain_line(line: str) -> bool:
    if names_another(line):
        return False
    if owned := _COPYRIGHT.search(line):
        return is_owner(owned.group()) and _is_plain_line(line[: owned.start()])
    line = _RESEARCH.sub("", _LISTED.sub("", _LINKS.sub(" ", line)))
    found = _WORD.findall(line)
    if len(found) <= SHORT and any(_LIMITS.fullmatch(word.lower()) for word in found):
        return False
    return all(_is_plain_word(word, len(found) <= TITLE_WORDS) for word in found)


@lru_cache(maxsize=1 << 14)
def _is_plain_word(word: str, is_title: bool) -> bool:
    lower = word.lower()
    if lower in PLAIN:
        return True
    if not _is_latin(word) or any(_FOREIGN.fullmatch(part) for part in re.split(r"[^\w]", lower)):
        return False
    return (
        (is_title and word.isascii()) or word[:1].isupper() or len(word) == 1 or bool(re.search(r"[\d./@:+#_-]", word))
    )


@lru_cache(maxsize=1 << 14)
def is_owner(line: str) -> bool:
    """Whether a line of copyright is no more than that: years, names and addresses."""
    found = _WORD.findall(_RESEARCH.sub(" ", _LINKS.sub(" , ", line)))
    if names_another(line):
        return False
    strange = [word for word in found if not _is_latin(word)]
    if strange and not _is_strange_name(strange):
        return False
    lower = [word.lower() for word in found]
    if any(
        _FOREIGN.fullmatch(part) or _LIMITS.fullmatch(part) for word in lower for part in (word, *re.split(r"\W", word))
    ):
        return False
    run = 0
    for word, small in zip(found, lower, strict=True):
        is_small = word[:1].islower() and not _OWNED.fullmatch(small) and not re.search(r"[\d./@:+#-]", word)
        run = run + (1 if word.isascii() else 2) if is_small else 0
        if run > RUN:
            return False
    return True


def _is_strange_name(words: list[str]) -> bool:
    """A name in letters that are not Latin: capital ones, or a few."""
    if any(map(_SIGNS.search, words)):
        return False
    cased = [word for word in words if word.lower() != word.upper()]
    if cased:
        return len(words) <= 4 and all(word[:1].isupper() and not word.isupper() for word in words)
    return sum(map(len, words)) <= NAME_LETTERS


@lru_cache(maxsize=1 << 14)
def _is_latin(word: str) -> bool:
    return word.isascii() or all(
        not letter.isalpha() or unicodedata.name(letter, "").startswith(("LATIN", "FEMININE", "MASCULINE"))
        for letter in word
    )


def is_latin(text: str) -> bool:
    """Whether no letter of another script stands in it."""
    return text.isascii() or _is_latin(text)


def without_links(text: str) -> str:
    return _LINKS.sub(" ", text)


def is_foreign(word: str) -> bool:
    """Whether it is a word of another language that speaks of conditions."""
    return bool(_FOREIGN.fullmatch(word))
