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
from streams.sources.licences.declared import declaration
from streams.sources.licences.readme import README, stated
from streams.sources.licences.texts import (
    LOST,
    MAX_POINTER,
    STRICT,
    binds_by_name,
    is_binding,
    is_text,
    own_words,
)

MAX_LICENCE_TEXT = 4000
"""Characters: what a licence is recognised by stands there."""
_CHOICE = re.compile(
    r"(?i)^licen[cs]e[-_.](mit|apache(?:-?2(?:\.0)?)?|bsd|isc|zlib|cc0|unlicense|boost|bsl)(\.txt|\.md)?$"
)
"""Names by which a repository offers several licences to choose from: LICENSE-MIT beside LICENSE-APACHE."""
_KINDS = {**dict.fromkeys(("apache2", "apache-2", "apache2.0", "apache-2.0"), "Apache"), "boost": "BSL"}
"""What names call a licence that is not so called by SPDX."""
Read = Callable[[str], str | None]
"""The text of a path, or None when it is no text."""


def licence_of(names: Iterable[str], read: Read) -> tuple[str, str]:
    """(SPDX expression, beginning of the licence file where there is no expression), each empty when not found.

    The rules read the expression alone: a text beside it would be a fifth of all bytes of the events. `names` are the
    paths to look among: those of one place. What all metadata declare and what all texts are holds together (AND),
    unless the declaration names what the texts are: then it says how they go together. A text that is not known makes
    the whole unknown, beside whatever stands, and so does a file that cannot be read. A README counts where there is
    neither; where a text is not known, if it says that a right is kept back.
    """
    paths = sorted(names)
    texts = {n: text for n in paths if is_text(n) and (text := _read(n, read))}
    declared = _declared(paths, read)
    recognised, is_whole = _together(texts, declared)
    if expression := _both(declared, recognised) if declared and recognised else declared or recognised:
        is_unknown = UNKNOWN in expression and " OR " not in expression
        return expression if is_whole or is_unknown else " AND ".join(sides([expression, UNKNOWN])), ""
    if texts and (spdx := _stated(paths, read)) and classify(spdx) in ("copyleft", "proprietary"):
        return spdx, ""
    shown = {name: text for name, text in texts.items() if text != LOST}
    first = next((text for name, text in shown.items() if not is_whole or STRICT.match(_name(name))), "")
    first = first or next(iter(shown.values()), "")
    if not first and is_whole:
        return _stated(paths, read), ""
    return "", first[:MAX_LICENCE_TEXT]


def _read(path: str, read: Read) -> str:
    text = read(path)
    return LOST if text is None else text


def _declared(paths: Iterable[str], read: Read) -> str:
    """By all metadata; what of them cannot be read is unknown."""
    said: list[str] = []
    for path in paths:
        if declare := declaration(path):
            text = read(path)
            said.append(UNKNOWN if text is None else declare(text))
    return together([spdx for spdx in said if spdx])


def _stated(paths: Iterable[str], read: Read) -> str:
    """By the README."""
    return next((spdx for n in paths if README.search(n) and (v := read(n)) and (spdx := stated(v))), "")


def _together(texts: Mapping[str, str], declared: str) -> tuple[str, bool]:
    """The texts' licences, and whether all are known: one of them may be chosen where the files' names say so; else all
    hold. One that is nearly what is declared is known where that is not permissive: there each word counts."""
    spdx = {name: _of_text(name, text) for name, text in texts.items()}
    found = {name: each for name, each in spdx.items() if each}
    lost = [name for name, each in spdx.items() if not each and is_binding(name, texts[name])]
    lost = [name for name in lost if not (declared and _is_nearly(texts[name], declared))]
    if not found:
        return "", not lost
    is_choice = len(found) > 1 and all(_is_as_called(name, each) for name, each in found.items())
    several = sorted(set(sides(list(found.values()))))
    return (" OR " if is_choice else " AND ").join(several), not lost


def _is_as_called(name: str, spdx: str) -> bool:
    """Whether the file's name offers a choice, and the text is what the name says."""
    called = _CHOICE.match(_name(name))
    kind = _KINDS.get(called[1].lower(), called[1]) if called else ""
    return bool(kind) and all(family.lower() in (kind.lower(), f"0{kind}".lower()) for family in families_of(spdx))


def _of_text(name: str, text: str) -> str:
    """What a text is, or names alone; of REUSE's texts the name counts where it binds."""
    if text != LOST:
        if spdx := recognise(text):
            return spdx
        if len(text) <= MAX_POINTER and (spdx := whole(own_words(text))):
            return spdx
    return binds_by_name(name)


@lru_cache(maxsize=64)  # the detector takes up to a second
def _is_nearly(text: str, declared: str) -> bool:
    if classify(declared) == "permissive":
        return False
    nearest = identify(text)
    if nearest is None or nearest.score < NEAR:
        return False
    return families_of(str(nearest.name)) <= families_of(declared)


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
