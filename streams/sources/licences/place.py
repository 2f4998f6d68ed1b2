"""The licence of one place: a folder, a package's own metadata, a repository's root."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from askalono import identify  # pyright: ignore[reportAttributeAccessIssue]

from streams.prepare.licences.classes import classify
from streams.prepare.licences.expressions import families_of, sides, together
from streams.prepare.licences.naming import UNKNOWN, whole
from streams.prepare.licences.texts import NEAR, recognise
from streams.prepare.names import extension
from streams.sources.licences.declared import declaration
from streams.sources.licences.readme import README, stated

MAX_LICENCE_TEXT = 4000
"""Characters: what a licence is recognised by stands there."""
LICENCE_FILE = re.compile(
    r"(?i)^((un)?licen[cs]es?|copying|copyright)\d?([-_.][\w.-]*)?$|^[\w.]+-licen[cs]e(\.txt|\.md)?$"
    r"|^(a|l)?gpl[-v]?[\d.]*(\.txt|\.md)?$"
)
_CHOICE = re.compile(r"(?i)^licen[cs]e[-_.](mit|apache(-?2(\.0)?)?|bsd|isc|zlib|cc0|unlicense|boost|bsl)(\.txt|\.md)?$")
"""Names by which a repository offers several licences to choose from: LICENSE-MIT beside LICENSE-APACHE."""
TEXTS = "LICENSES"
"""REUSE's folder of the texts of all licences that a repository has."""
NO_TEXTS = frozenset(
    [
        *("py", "pyi", "js", "mjs", "cjs", "ts", "tsx", "jsx", "vue", "go", "rs", "c", "h", "cc", "cpp", "hpp", "java"),
        *("kt", "rb", "php", "cs", "swift", "scala", "sh", "ps1", "pl", "lua", "json", "yaml", "yml", "toml", "xml"),
        *("css", "scss", "svg", "png", "jpg", "ico", "pdf", "gz", "zip", "license"),
    ]
)
"""Ends of the names of programs, data and pictures."""

STRICT = re.compile(
    r"(?i)^(?:(?:un)?licen[cs]e|copying)(?!s)|^[\w.]+-licen[cs]e(\.txt|\.md)?$|^(a|l)?gpl[-v]?[\d.]*(\.txt|\.md)?$"
)
"""Of the names of texts those that hold nothing but a licence."""
_OTHERS = re.compile(r"(?i)third|3rd|part(?:y|ies)|notice|bundled|vendor|depend")
"""In the names of texts that tell of parts which others wrote."""
MAX_POINTER = 400
"""Characters of a text that may only name a licence, or point to one."""
_OWNERS = re.compile(r"(?im)^[^\n]{0,12}(?:copyright\b|\(c\)|©|all rights reserved|year:|organization:)[^\n]*$")
_POINTER = re.compile(
    r"(?i)[\w./-]{0,80}(?:licen[cs]e|copying)[\w./-]{0,40}|(?:please )?(?:see|refer to|look (?:in|at)|licen[cs]e:? "
    r"see)\b.{0,250}"
    r"|licen[cs]e:?|"
)
_INCLUDED = re.compile(r"^\.\. (?:literal)?include::", re.M)
"""A page of documentation that shows the repository's licence says nothing of its own."""

Read = Callable[[str], str | None]
"""The text of a path, or None when it is no text."""


def licence_of(names: Iterable[str], read: Read) -> tuple[str, str]:
    """(SPDX expression, beginning of the licence file where there is no expression), each empty when not found.

    The rules read the expression alone: a text beside it would be a fifth of all bytes of the events. `names` are the
    paths to look among: those of one place. What all metadata declare and what all texts are holds together (AND),
    unless the declaration names what the texts are: then it says how they go together. A text that is not known makes
    the whole unknown, beside whatever stands. A README counts where there is neither; where a text is not known, if it
    says that a right is kept back.
    """
    paths = sorted(names)
    texts = {n: text for n in paths if is_text(n) and (text := read(n))}
    said = (declare(text) for n in paths if (declare := declaration(n)) and (text := read(n)))
    declared = together([spdx for spdx in said if spdx])
    recognised, is_whole = _together(texts, declared)
    if expression := _both(declared, recognised) if declared and recognised else declared or recognised:
        return expression if is_whole else " AND ".join(sides([expression, UNKNOWN])), ""
    if texts and (spdx := _stated(paths, read)) and classify(spdx) in ("copyleft", "proprietary"):
        return spdx, ""
    first = next((text for name, text in texts.items() if not is_whole or STRICT.match(_name(name))), "")
    first = first or next(iter(texts.values()), "")
    if not first:
        return _stated(paths, read), ""
    return "", first[:MAX_LICENCE_TEXT]


def _stated(paths: Iterable[str], read: Read) -> str:
    """By the README."""
    return next((spdx for n in paths if README.search(n) and (v := read(n)) and (spdx := stated(v))), "")


def is_text(path: str) -> bool:
    """Whether a file is a licence's text by its name: source files called `license.py` are none."""
    named = LICENCE_FILE.match(path.rpartition("/")[2]) or is_reuse_text(path)
    return bool(named) and extension(path) not in NO_TEXTS


def is_reuse_text(path: str) -> bool:
    """Whether it is among REUSE's texts: they count where a place has no other text."""
    return path.split("/")[-2:-1] == [TEXTS]


def _together(texts: Mapping[str, str], declared: str) -> tuple[str, bool]:
    """The texts' licences, and whether all are known: one of them may be chosen where the files' names say so; else all
    hold. One that is nearly what is declared is known where that is not permissive: there each word counts."""
    spdx = {name: _of_text(name, text) for name, text in texts.items()}
    found = {name: each for name, each in spdx.items() if each}
    lost = [name for name, each in spdx.items() if not each and is_binding(name, texts[name])]
    lost = [name for name in lost if not (declared and _is_nearly(texts[name], declared))]
    if not found:
        return "", not lost
    is_choice = len(found) > 1 and all(_CHOICE.match(_name(name)) for name in found)
    several = sorted(set(sides(list(found.values()))))
    return (" OR " if is_choice else " AND ").join(several), not lost


def _of_text(name: str, text: str) -> str:
    """What a text is, or names alone; of REUSE's texts the name counts where it binds."""
    if spdx := recognise(text):
        return spdx
    if len(text) <= MAX_POINTER and (spdx := whole(_OWNERS.sub("", text).strip())):
        return spdx
    named = _name(name).rpartition(".")[0]
    return named if is_reuse_text(name) and classify(named) in ("copyleft", "proprietary") else ""


@lru_cache(maxsize=64)  # the detector takes up to a second
def _is_nearly(text: str, declared: str) -> bool:
    if classify(declared) == "permissive":
        return False
    nearest = identify(text)
    if nearest is None or nearest.score < NEAR:
        return False
    return families_of(str(nearest.name)) <= families_of(declared)


def is_binding(name: str, text: str) -> bool:
    """Whether a text that is not known may be the place's licence: not where it only points to one, names owners, or
    tells of others' parts."""
    base = _name(name)
    within = name.partition(".dist-info/")[2] or base
    if not (STRICT.match(base) or is_reuse_text(name)) or _OTHERS.search(within) or _INCLUDED.search(text):
        return False
    return len(text) > MAX_POINTER or not _POINTER.fullmatch(" ".join(_OWNERS.sub("", text).split()))


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _both(declared: str, recognised: str) -> str:
    """A GPL's text does not say whether a later one may be taken; the declaration does."""
    stated = {_base(name) for name in _NAMES.findall(declared)}
    own = {_base(name) for name in _NAMES.findall(recognised)}
    return declared if own <= stated else f"({declared}) AND ({recognised})"


_NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")


def _base(name: str) -> str:
    return "" if name in ("AND", "OR", "WITH") else re.sub(r"(\+|-only|-or-later)$", "", name.lower())
