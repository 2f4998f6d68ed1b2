"""The licence that a source file says at its head: an SPDX line, or the notice that its licence asks for. Prose that
only speaks of one is none."""

from __future__ import annotations

import re
from collections.abc import Iterator

from streams.prepare.licences.classes import classify, parse

HEAD_LINES, HEAD_CHARS = 60, 6_000
_COMMENT = re.compile(r"^\s*(?:#+|//+!?|/\*+!?|\*+|--+|;+|%+|<!--|\(\*|\{-|'|rem\b|dnl\b|\.\\.)\s*(.*)$", re.I)
_CLOSINGS = {
    "/*": "*/", "<!--": "-->", "(*": "*)", "{-": "-}", "--[[": "]]", '"""': '"""', "'''": "'''", "{": "}",
    "=begin": "=end",
}  # fmt: skip
_BLOCK = re.compile(r"^\s*(/\*|<!--|\(\*|\{-|--\[\[|[rRuUbB]{0,2}(?:\"\"\"|''')|\{(?=[\s*]*$)|=begin)")
"""What opens a comment of several lines."""
_SPDX = re.compile(r"^SPDX-License-Identifier:\s*(.{1,200}?)\s*(?:\*/|-->|\*\)|-\})?\s*$", re.I)
_NOTICES: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (spdx, words, re.compile(notice))
    for spdx, words, notice in (
        ("AGPL-3.0-or-later", "affero",
         r"(?:terms of|under) (?:version \d of )?the (?:gnu )?affero general public licen"),
        ("LGPL-2.1-or-later", "public licen",
         r"(?:terms of|under) (?:version [\d.]{1,3} of )?the (?:gnu )?(?:lesser|library) (?:general )?public licen"),
        ("GPL-2.0-or-later", "the g",
         r"(?:terms of|under) (?:version \d of )?the (?:gnu )?(?:general public licen|gpl\b)"),
        ("GPL-2.0-or-later", "gnu general public", r"\bgnu general public licen[cs]e v(?:ersion )?\d"),
        ("GPL-2.0-or-later", "gpl", r"\blicen[cs]ed (?:under )?(?:the )?gpl ?-?v?\d"),
        ("MPL-2.0", "mozilla public", r"subject to the (?:terms of the )?mozilla public licen"),
        ("EPL-2.0", "eclipse public", r"(?:terms of|under) the eclipse public licen"),
        ("CDDL-1.0", "common development", r"(?:terms of|under) the common development and distribution licen"),
        ("Apache-2.0", "the apache licen",
         r"licensed (?:to .{1,80} )?under (?:one or more .{1,200}|the terms of )?the apache licen[cs]e, version 2\.0"),
        ("MIT", "permission is hereby", r"permission is hereby granted, free of charge, to any person"),
        ("BSD-3-Clause", "endorse or promote",
         r"redistribution and use in source and binary forms.{0,1500}(?:endorse or promote)"),
        ("BSD-2-Clause", "redistribution", r"redistribution and use in source and binary forms"),
        ("ISC", "permission to use", r"permission to use, copy, modify, and(?:/or)? distribute this software for any"),
    )
)  # fmt: skip
"""Words that a notice has, which cost next to nothing to look for, and what it says; all in lower case, the stricter
first: a file with two is under both."""
_OWNED = re.compile(
    r"all rights reserved\.? (?:\* )?subject to the terms at\b"
    r"|unauthori[sz]ed (?:copying|use|distribution|reproduction)"
    r"|(?:confidential and|proprietary and) (?:proprietary|confidential)"
    r"|(?:is|are) (?:the )?(?:confidential|proprietary) (?:and|property|information)"
    r"|(?:do|may|must|shall) not (?:be )?(?:copied|copy|distributed?|disclosed?) .{0,60}without .{0,40}(?:permis|cons)"
)
"""What nobody writes over code that others may use."""
_CHOICE = re.compile(
    r"\b(?:dual[- ]licen[cs]ed|alternatively|either (?!version).{1,120}\bor\b|at your option,? (?:either|any of))"
)


def header(text: str) -> str:
    """The SPDX expression of a file's head, or nothing. What is no expression behind the SPDX mark is ignored."""
    lines = list(_comments(text[:HEAD_CHARS].split("\n", HEAD_LINES)[:HEAD_LINES]))
    marked = [match.group(1) for line in lines if (match := _SPDX.match(line)) and parse(match.group(1)) is not None]
    said = _said(lines)
    if not marked:
        return said
    several = sorted(set(marked))
    if said and classify(said) in ("copyleft", "proprietary") and classify(" AND ".join(several)) == "permissive":
        several.append(said)  # a notice of another licence holds, too
    return several[0] if len(several) == 1 else " AND ".join(f"({each})" if " " in each else each for each in several)


def _comments(lines: list[str]) -> Iterator[str]:
    """What comments say, without their marks: of lines, and of blocks whose lines have none."""
    closing = ""
    for line in lines:
        line = line[:400]
        if closing:
            inside, found, _ = line.partition(closing)
            marked = _COMMENT.match(inside)
            yield (marked.group(1) if marked else inside).strip()
            closing = "" if found else closing
            continue
        begun = _BLOCK.match(line)
        if begun:
            mark = begun.group(1)
            closing = _CLOSINGS[mark.lstrip("rRuUbB")]
            inside, found, _ = line[begun.end() :].partition(closing)
            yield inside.strip().lstrip("*!").strip()
            closing = "" if found else closing
        elif match := _COMMENT.match(line):
            yield match.group(1)


def _said(lines: list[str]) -> str:
    """By the notices."""
    words = " ".join(" ".join(lines).lower().split())
    if _OWNED.search(words):
        return "LicenseRef-proprietary"
    names = [spdx for spdx, own, notice in _NOTICES if own in words and notice.search(words)]
    if "BSD-3-Clause" in names:
        names.remove("BSD-2-Clause")
    if len(names) < 2:
        return names[0] if names else ""
    return (" OR " if _CHOICE.search(words) else " AND ").join(sorted(set(names)))
