"""The expression that a line of SPDX begins with: behind it a comment may end, or words follow."""

from __future__ import annotations

import re
from collections.abc import Iterable

from streams.prepare.licences.classes import classify, parse
from streams.prepare.licences.naming import UNKNOWN, points, whole
from streams.prepare.licences.parts import BINDING, families

_TAIL = re.compile(r"[\s.,;]*(?:\*+/|-->|\*\)|-\}|\"\"\"|'''|#\}|%>)?[\s.,;*#]*$")
_TOKEN = re.compile(
    r"\s*(?:(?P<mark>[()])|(?P<joint>(?:AND|OR|WITH|and|or|with)\b|[/,])|(?P<name>[A-Za-z0-9][A-Za-z0-9.+:_-]*))"
)
_LATER = re.compile(r"\s+or (?:later|newer)\b", re.I)
_GOES_ON = re.compile(r"\s*(?:(?:AND|OR|WITH)\b|[/,]?\s*\(\s*\))")
MOST_TOKENS = 100


def leading(line: str) -> str:
    """The SPDX expression at the beginning of what stands behind the mark.

    A copyleft or proprietary licence that the words behind it name holds, too. What begins like one and is not
    understood is LicenseRef-unknown; empty where nothing begins.
    """
    line = _TAIL.sub("", line)
    if parse(line) is not None and not _LATER.search(line):
        return line
    end = _end(line)
    expression = line[:end].strip()
    if not expression or parse(expression) is None:
        return whole(line) or (UNKNOWN if line[:1].isalnum() or line[:1] == "(" else "")
    rest = line[end:]
    if _LATER.match(rest) and expression.startswith(("GPL", "LGPL", "AGPL")) and " " not in expression:
        return re.sub(r"(\+|-only|-or-later)$", "", expression) + "-or-later"
    bound = [spdx for spdx in families(rest) if spdx in BINDING]
    if not bound and classify(expression) == "permissive" and (_GOES_ON.match(rest) or not points(rest.lower())):
        bound = [UNKNOWN]
    if bound and classify(expression) in ("permissive", "unknown"):
        sides = [f"({expression})" if " " in expression else expression, *bound]
        return " AND ".join(sides)
    return expression


def _end(line: str) -> int:
    """Where the longest beginning ends that is an expression of known names."""
    end = at = depth = 0
    wants_name = True
    for _ in range(MOST_TOKENS):
        token = _TOKEN.match(line, at)
        if (
            token is None
            or (token["mark"] == ")" and (wants_name or not depth))
            or ((token["mark"] == "(") != (wants_name and not token["name"]) and token["mark"] == "(")
        ):
            break
        if token["name"]:
            if not wants_name or not _is_known(token["name"], line[:at]):
                break
            wants_name = False
        elif token["joint"]:
            if wants_name:
                break
            wants_name = True
        else:
            depth += 1 if token["mark"] == "(" else -1
        at = token.end()
        if not wants_name and not depth:
            end = at
    return end


def _is_known(name: str, before: str) -> bool:
    is_exception = re.search(r"(?i)\bwith\s*$", before)
    return bool(is_exception) or name.startswith(("LicenseRef-", "DocumentRef-")) or classify(name) != "unknown"


def sides(expressions: list[str]) -> list[str]:
    """As they stand beside others, with parentheses."""
    return [f"({each})" if " " in each else each for each in expressions] if len(expressions) > 1 else expressions


def either(expressions: Iterable[str]) -> str:
    """One of them may be chosen."""
    flat = [one for each in expressions for one in ([each] if " AND " in each else each.split(" OR "))]
    return " OR ".join(sides(list(dict.fromkeys(flat))))


def together(expressions: Iterable[str], repeated: bool = False) -> str:
    """All of them (AND), each once: a name without a version says no more than the same with one. `repeated`: what one
    of them offers to choose, others that say it again do not take back."""
    several = [each for each in dict.fromkeys(expressions) if each]
    offered = [families_of(each) for each in several if " OR " in each and " AND " not in each]
    if offered and repeated:
        several = [
            each for each in several if " OR " in each or not any(families_of(each) <= offer for offer in offered)
        ]
    exact = {_family(each) for each in several if " " not in each and each not in _VAGUE}
    kept = [each for each in several if each not in _VAGUE or _family(each) not in exact]
    if "CC0-1.0" in kept and "Unlicense" in kept:
        kept.remove("Unlicense")  # of the public domain speaks CC0, too
    return " AND ".join(sides(sorted(kept)) if len(kept) > 1 else kept)


_VAGUE = {
    "AGPL-3.0-or-later", "LGPL-2.1-or-later", "GPL-2.0-or-later", "GFDL-1.3-or-later", "MPL-2.0", "EPL-2.0",
    "BSD-3-Clause", "Apache-2.0",
}  # fmt: skip
"""What a name is taken for that has no version."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+_-]*")


def _family(name: str) -> str:
    return re.sub(r"-?\d.*$", "", name) if not name.startswith("0") else name


def families_of(expression: str) -> frozenset[str]:
    """Its licences without their versions."""
    return frozenset(_family(name) for name in _NAME.findall(expression) if name not in ("AND", "OR", "WITH"))
