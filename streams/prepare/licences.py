"""Which licences may be trained on: SPDX identifiers sorted into permissive, copyleft and unknown."""

from __future__ import annotations

import re
from typing import Literal

Class = Literal["permissive", "copyleft", "unknown"]

PERMISSIVE = frozenset(
    [
        "0bsd",
        "afl-3.0",
        "apache-1.1",
        "apache-2.0",
        "artistic-2.0",
        "blueoak-1.0.0",
        "bsd-1-clause",
        "bsd-2-clause",
        "bsd-3-clause",
        "bsd-4-clause",
        "bsd",
        "bsl-1.0",
        "cc0-1.0",
        "cc-by-3.0",
        "cc-by-4.0",
        "curl",
        "hpnd",
        "isc",
        "mit",
        "mit-0",
        "mit-cmu",
        "ms-pl",
        "ncsa",
        "ofl-1.1",
        "openssl",
        "postgresql",
        "psf-2.0",
        "python-2.0",
        "tcl",
        "unicode-3.0",
        "unicode-dfs-2016",
        "unlicense",
        "upl-1.0",
        "w3c",
        "wtfpl",
        "x11",
        "zlib",
        "zpl-2.1",
    ]
)
_COPYLEFT = re.compile(r"^(a?gpl|lgpl|mpl|epl|eupl|cddl|cc-by-(nc|sa)|osl|sspl|busl|cpl|gfdl|ecos|sleepycat)")
_SPDX = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() \t-]{1,120})")
_WITH = re.compile(r" WITH \S+", re.I)
MAX_CHARS = 1_000
"""Of an expression: the longest in use have a few dozen names."""
_SUFFIX = re.compile(r"(\+|-only|-or-later)$")


def spdx_line(text: str) -> str:
    """The expression of an `SPDX-License-Identifier:` line among the first 4,096 characters, or ""."""
    match = _SPDX.search(text[:4096])
    return match.group(1).strip(" \t-*/") if match else ""


def classify(expression: str) -> Class:
    """The class of an SPDX expression.

    Of `A OR B` the reader may choose, so one permissive side is enough; of `A AND B` the stricter
    side counts. What is not recognised is unknown, and so is what has more than MAX_CHARS.
    """
    if len(expression) > MAX_CHARS:
        return "unknown"
    expression = " ".join(expression.replace("(", " ").replace(")", " ").split())
    expression = _WITH.sub("", expression)
    if not expression:
        return "unknown"
    sides = [_all_of(side) for side in re.split(r" OR |/", expression, flags=re.I)]
    for category in ("permissive", "unknown"):
        if category in sides:
            return category
    return "copyleft"


def _all_of(expression: str) -> Class:
    classes = [_one(e) for e in re.split(r" AND |,", expression, flags=re.I)]
    for worst in ("copyleft", "unknown"):
        if worst in classes:
            return worst
    return "permissive"


def _one(identifier: str) -> Class:
    identifier = identifier.strip().lower()
    if identifier in PERMISSIVE or _SUFFIX.sub("", identifier) in PERMISSIVE:
        return "permissive"
    return "copyleft" if _COPYLEFT.match(identifier) else "unknown"
