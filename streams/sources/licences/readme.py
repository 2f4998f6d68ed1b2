"""The licence that a README states, in a sentence or under a heading: for repositories that say it nowhere else."""

from __future__ import annotations

import re

README = re.compile(r"(?i)^readme(\.(md|rst|txt|markdown|adoc))?$")
MAX_CHARS = 200_000
_SENTENCE = re.compile(
    r"\b(?:licen[cs]ed|released|distributed|available|published|covered)[ \n]+(?:by|under)\b"
    r"((?:[^.!?]|\.(?=\d)){1,200})",
    re.I,
)
_HEADING = re.compile(
    r"^(?:#+[ \t]*)?licen[cs](?:e|ing):?[ \t#]*\n(?:[-=~^]+[ \t]*\n)?\s{0,9}([^\n]{1,200})", re.M | re.I
)
_NAMES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (spdx, re.compile(words, re.I))
    for spdx, words in (
        ("LicenseRef-proprietary", r"proprietary|non-?commercial|all rights reserved|commons clause"),
        ("AGPL-3.0-or-later", r"\bagpl|affero"),
        ("LGPL-2.1-or-later", r"\blgpl|(?:lesser|library) (?:gnu )?(?:general )?public"),
        ("GPL-2.0-or-later", r"\bgpl|(?<!affero )(?<!lesser )(?<!library )general public licen|\bgnu public licen"),
        ("MPL-2.0", r"\bmpl|mozilla public"),
        ("EPL-2.0", r"\bepl\b|eclipse public"),
        ("CC-BY-SA-4.0", r"\bcc[- ]by[- ]sa|share-?alike"),
        ("Apache-2.0", r"\bapache\b"),
        ("BSD-3-Clause", r"\bbsd\b"),
        ("MIT", r"\bmit\b"),
        ("ISC", r"\bisc\b"),
    )
)


def stated(text: str) -> str:
    """The SPDX expression of all licences that the statements name; empty: none does."""
    text = text[:MAX_CHARS]
    statements = [*_SENTENCE.findall(text), *_HEADING.findall(text)]
    found = {spdx for words in statements for spdx, name in _NAMES if name.search(" ".join(words.split()))}
    return " AND ".join(sorted(found))
