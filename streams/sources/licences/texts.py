"""The files that are licences' texts, by their names, and whether one that is not known may set terms of its own."""

from __future__ import annotations

import re
from posixpath import dirname, join, normpath

from streams.prepare.licences.bodies import owners_are_plain
from streams.prepare.licences.classes import classify
from streams.prepare.licences.naming import whole
from streams.prepare.names import extension

LICENCE_FILE = re.compile(
    r"(?i)^((un)?licen[cs]es?|copying|copyright|eula)\d?([-_. ][\w. ()-]*)?$|^[\w.]+-licen[cs]e(\.(txt|md|pdf))?$"
    r"|^(?:gnu[-_ ])?(a|l)?gpl[-_ ]?v?[\d.]*(\.txt|\.md)?$|^(?:mpl|epl|eupl|cddl|sspl|busl)[-_ ]?v?[\d.]*\.(?:txt|md)$"
    r"|^(?:lizenz|licencia|licenza|licen[çc]a|licencja|licentie)(?:\.(?:txt|md))?$|^(?:licen[cs]e|copying)[a-z]{2,8}\.(?:txt|md)$"
)
TEXTS = "LICENSES"
"""REUSE's folder of the texts of all licences that a repository has."""
TEXT_FOLDERS = (TEXTS, "LICENSE", "LICENCE", "LICENCES", "License", "Licenses", "license", "licenses", "licence",
                "licences", "COPYING")  # fmt: skip
"""Folders of texts that speak of the folder around them."""
NO_TEXTS = frozenset(
    [
        *("py", "pyi", "js", "mjs", "cjs", "ts", "tsx", "jsx", "vue", "go", "rs", "c", "h", "cc", "cpp", "hpp", "java"),
        *("kt", "rb", "php", "cs", "swift", "scala", "sh", "ps1", "pl", "lua", "json", "yaml", "yml", "toml", "xml"),
        *("css", "scss", "svg", "png", "jpg", "ico", "gz", "zip", "license"),
    ]
)
"""Ends of the names of programs, data and pictures."""
STRICT = re.compile(
    r"(?i)^(?:(?:un)?licen[cs]e|copying|eula)(?!s)|^[\w.]+-licen[cs]e(\.(txt|md|pdf))?$|^(a|l)?gpl[-v]?[\d.]*(\.txt|\.md)?$"
)
"""Of the names of texts those that hold nothing but a licence."""
_OTHERS = re.compile(r"(?i)third|3rd|part(?:y|ies)|notice|bundled|vendor|depend")
"""In the names of texts that tell of parts which others wrote."""
_NONE = re.compile(r"(?i)^(?:readme|authors?|contribut\w+|maintainers|changelog|index|\.)")
"""Names of files in a folder of texts that are none."""
_ENDS = frozenset(["", "txt", "md", "rst", "html", "pdf"])
"""Of the names of texts."""
MAX_POINTER = 400
"""Characters of a text that may only name a licence, or point to one."""
LOST = "-" * (MAX_POINTER + 1)
"""For a text that cannot be read: it may say anything."""
_OWNERS = re.compile(r"(?im)^[^\n]{0,12}(?:copyright\b|\(c\)|©|all rights reserved|year:|organization:)[^\n]*$")
_RESERVED = re.compile(r"(?i)all rights (?:are )?reserved")
_POINTER = re.compile(
    r"(?i)[\w./-]{0,80}(?:licen[cs]e|copying)[\w./-]{0,40}|(?:please )?(?:see|refer to|look (?:in|at)|licen[cs]e:? "
    r"see)\b.{0,250}"
    r"|licen[cs]e:?|"
)
_INCLUDE = re.compile(r"^\.\. (?:literal)?include::[ \t]*(\S*)[^\n]*\n?(?:[ \t]+:[^\n]*\n?)*", re.M)
_HEADINGS = re.compile(r"(?:[\w -]{1,40}\n[-=~*^#]{3,}\s*|[-=~*^#\s])*")


def is_text(path: str) -> bool:
    """Whether a file is a licence's text by its name: source files called `license.py` are none."""
    named = LICENCE_FILE.match(path.rpartition("/")[2]) or is_reuse_text(path)
    if path.endswith("debian/copyright"):  # fields of metadata
        return False
    return bool(named) and extension(path) not in NO_TEXTS


def is_reuse_text(path: str) -> bool:
    """Whether it is in a folder of texts, REUSE's or another: they count where a place has no other text.

    Below the root a folder called `license` may be one of programs: there only names of licences count.
    """
    *above, folder, name = ["", *path.split("/")]
    if folder == TEXTS:
        return True
    if folder not in TEXT_FOLDERS or ".dist-info" in path or _NONE.match(name):
        return False
    if extension(name) not in _ENDS and not extension(name).isdigit():
        return False
    return above == [""] or bool(LICENCE_FILE.match(name)) or bool(whole(stem(name)))


def stem(name: str) -> str:
    """A file's name without its end, if that is one of a text: `GPL-3.0` has none."""
    return name.rpartition(".")[0] if extension(name) in _ENDS - {""} else name


def own_words(text: str) -> str:
    """A text without its lines of copyright; whole where one of these says what may be done, or keeps all rights and
    nothing else stands there."""
    bare = _OWNERS.sub("", text).strip()
    is_refusal = not bare and _RESERVED.search(text)
    return text if is_refusal or not owners_are_plain(text) else bare


def is_binding(name: str, text: str) -> bool:
    """Whether a text that is not known may be the place's licence: not where it only points to one, names owners, or
    tells of others' parts."""
    base = name.rpartition("/")[2]
    within = name.partition(".dist-info/")[2] or base
    if _OTHERS.search(within):
        return False
    if not (STRICT.match(base) or is_reuse_text(name)):
        return len(text) <= MAX_POINTER and not owners_are_plain(text)
    text = _without_includes(name, text)
    return len(text) > MAX_POINTER or not _POINTER.fullmatch(" ".join(own_words(text).split()))


def _without_includes(name: str, text: str) -> str:
    """A page of documentation that shows the repository's licence says nothing of its own; what it shows from outside
    cannot be read."""
    shown = _INCLUDE.findall(text)
    if not shown:
        return text
    paths = [normpath(join(dirname(name), each)) for each in shown]
    if not all(is_text(path) and not path.startswith((".", "/")) for path in paths):
        return LOST
    rest = _INCLUDE.sub("", text)
    return "" if _HEADINGS.fullmatch(rest[:MAX_POINTER]) else rest


def binds_by_name(path: str) -> str:
    """What a text of REUSE's is called, where that binds; else empty."""
    named = stem(path.rpartition("/")[2])
    return named if is_reuse_text(path) and classify(named) in ("copyleft", "proprietary") else ""
