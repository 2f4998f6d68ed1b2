"""The licence of one place: a folder, a package's own metadata, a repository's root."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

from streams.prepare.licences.texts import recognise
from streams.prepare.names import extension
from streams.sources.licences.declared import declaration
from streams.sources.licences.readme import README, stated

MAX_LICENCE_TEXT = 4000
"""Characters: what a licence is recognised by stands there."""
UNKNOWN = "LicenseRef-unknown"
"""Of a place below the root whose licence's text is none that is known: the repository's does not hold there."""
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

Read = Callable[[str], str | None]
"""The text of a path, or None when it is no text."""


def licence_of(names: Iterable[str], read: Read) -> tuple[str, str]:
    """(SPDX expression, beginning of the licence file where there is no expression), each empty when not found.

    The rules read the expression alone: a text beside it would be a fifth of all bytes of the events. `names` are the
    paths to look among: those of one place. What a package declares and what its texts are both hold (AND), unless the
    declaration names what the texts are: then it says how they go together. A README counts where there is neither.
    """
    paths = sorted(names)
    texts = {n: text for n in paths if is_text(n) and (text := read(n))}
    declared = next(
        (spdx for n in paths if (declare := declaration(n)) and (v := read(n)) and (spdx := declare(v))), ""
    )
    recognised = _together(texts)
    if declared and recognised:
        return _both(declared, recognised), ""
    if expression := declared or recognised:
        return expression, ""
    first = next(iter(texts.values()), "")
    if not first:
        return next((spdx for n in paths if README.search(n) and (v := read(n)) and (spdx := stated(v))), ""), ""
    return "", first[:MAX_LICENCE_TEXT]


def is_text(path: str) -> bool:
    """Whether a file is a licence's text by its name: source files called `license.py` are none."""
    named = LICENCE_FILE.match(path.rpartition("/")[2]) or is_reuse_text(path)
    return bool(named) and extension(path) not in NO_TEXTS


def is_reuse_text(path: str) -> bool:
    """Whether it is among REUSE's texts: they count where a place has no other text."""
    return path.split("/")[-2:-1] == [TEXTS]


def _together(texts: Mapping[str, str]) -> str:
    """The texts' licences: one of them may be chosen where the files' names say so; else all hold."""
    found = {name: spdx for name, text in texts.items() if (spdx := recognise(text))}
    if not found:
        return ""
    is_choice = len(found) > 1 and all(_CHOICE.match(name.rpartition("/")[2]) for name in found)
    several = sorted({f"({spdx})" if " " in spdx and len(found) > 1 else spdx for spdx in found.values()})
    return (" OR " if is_choice else " AND ").join(several)


def _both(declared: str, recognised: str) -> str:
    """A GPL's text does not say whether a later one may be taken; the declaration does."""
    stated = {_base(name) for name in _NAMES.findall(declared)}
    own = {_base(name) for name in _NAMES.findall(recognised)}
    return declared if own <= stated else f"({declared}) AND ({recognised})"


_NAMES = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]*")


def _base(name: str) -> str:
    return "" if name in ("AND", "OR", "WITH") else re.sub(r"(\+|-only|-or-later)$", "", name.lower())
