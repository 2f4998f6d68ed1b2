"""What REUSE says of files by their paths: `REUSE.toml` and the older `.reuse/dep5` (REUSE 3.3).

Of the patterns that match a path the last one decides. What overrides holds whatever else is said, that of the
uppermost folder first; what is aggregated holds beside it; else what is said nearest to the file comes first.
A pattern is matched in time linear in the path, whatever it is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from streams.prepare.licences.expressions import leading, sides
from streams.prepare.licences.naming import UNKNOWN

MAX_PATTERNS = 1_000
"""Of one file; further ones are not read."""
MAX_CHARS = 500
"""Of a pattern, and of a path that is compared with patterns."""
OVERRIDE, AGGREGATE, CLOSEST = "override", "aggregate", "closest"
_IDENTIFIER = re.compile(r"SPDX-License-Identifier:[ \t]*([^\r\n]{1,200})")


def identifiers(text: str) -> str:
    """What all lines of SPDX in a text say together, as in `FILE.license`; empty: there is none."""
    return _all(sorted({spdx for line in _IDENTIFIER.findall(text) if (spdx := leading(line))}))


class Annotation(NamedTuple):
    pattern: str
    spdx: str
    precedence: str = CLOSEST


def read_annotations(name: str, text: str | None) -> Annotations:
    """Those of a file of this name; where it cannot be read and speaks of licences, unknown holds beside others."""
    read = _from_toml if name.endswith(".toml") else _from_dep5
    found = Annotations()
    for pattern, spdx, precedence in [_UNREAD] if text is None else read(text):
        if len(found.patterns) < MAX_PATTERNS and len(pattern) <= MAX_CHARS:
            found.patterns.append((_matcher(pattern, name.endswith(".toml")), spdx, precedence))
    return found


_UNREAD = Annotation("**", UNKNOWN, AGGREGATE)


@dataclass(frozen=True)
class Annotations:
    """Patterns of paths with an SPDX expression and a precedence each."""

    patterns: list[tuple[Callable[[str], bool], str, str]] = field(default_factory=list)

    def of(self, path: str, precedence: str = "") -> str:
        """Of a path in the folder that they speak of; empty: nothing, or nothing of this precedence."""
        if len(path) > MAX_CHARS:
            return ""
        found = next(((spdx, known) for matches, spdx, known in reversed(self.patterns) if matches(path)), None)
        return found[0] if found and precedence in ("", found[1]) else ""


def _from_toml(text: str) -> Iterator[Annotation]:
    try:
        tables = tomllib.loads(text.lstrip("\ufeff")).get("annotations", [])
    except (tomllib.TOMLDecodeError, RecursionError):
        tables = None
    if not isinstance(tables, list):  # what is not understood may set terms
        if re.search(r"(?i)licen[cs]", text):
            yield _UNREAD
        return
    for table in tables:
        if not isinstance(table, dict):
            yield _UNREAD
        elif (said := table.get("SPDX-License-Identifier")) is not None:
            spdx = _all([leading(one) or UNKNOWN for one in _texts(said)]) or UNKNOWN
            precedence = table.get("precedence")
            known = precedence if precedence in (OVERRIDE, AGGREGATE) else CLOSEST
            yield from (Annotation(pattern, spdx, known) for pattern in _texts(table.get("path")))


def _texts(value: Any) -> list[str]:
    several = value if isinstance(value, list) else [value]
    return [one for one in several if isinstance(one, str)]


def _from_dep5(text: str) -> Iterator[Annotation]:
    """Debian's copyright file for programs: paragraphs of fields, `Files` with patterns and `License` with a name."""
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields = {key.lower(): value for key, value in re.findall(r"(?m)^(\w+):((?:.*)(?:\n[ \t].*)*)", paragraph)}
        if spdx := leading(fields.get("license", "").strip().split("\n")[0].strip()):
            yield from (Annotation(pattern, spdx) for pattern in fields.get("files", "").split())


def _all(expressions: list[str]) -> str:
    return " AND ".join(sides([spdx for spdx in expressions if spdx]))


def _matcher(pattern: str, is_toml: bool) -> Callable[[str], bool]:
    """`*` stands for anything within a folder and `**` for anything; in dep5 `*` for anything and `?` for one sign.

    The pattern is an automaton whose states are the bits of a number: bit n is set when the first n tokens match.
    """
    tokens = re.findall(r"\\.|\*+|.", pattern, re.S)
    masks: dict[str, int] = {}
    within = across = one = 0
    for bit, token in enumerate(tokens):
        if token[0] == "*":
            across |= (len(token) > 1 or not is_toml) << bit
            within |= (len(token) == 1 and is_toml) << bit
        elif token == "?" and not is_toml:
            one |= 1 << bit
        else:
            masks[token[-1]] = masks.get(token[-1], 0) | 1 << bit
    end, wild = 1 << len(tokens), within | across

    def matches(path: str) -> bool:
        states = 1 | (1 & wild) << 1
        for sign in path:
            stays = states & (across if sign == "/" else wild)
            states = (states & (masks.get(sign, 0) | one)) << 1 | stays
            states |= (states & wild) << 1
        return bool(states & end)

    return matches
