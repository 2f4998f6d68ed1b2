"""Well-known licence texts and their SPDX ids, for repositories that declare none."""

from __future__ import annotations

PHRASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("AGPL-3.0-only", ("gnu affero general public license", "version 3")),
    ("LGPL-3.0-only", ("gnu lesser general public license", "version 3, 29 june")),
    ("LGPL-2.1-only", ("gnu lesser general public license", "version 2.1")),
    ("LGPL-2.0-only", ("gnu library general public license", "version 2")),
    ("GPL-3.0-only", ("gnu general public license", "version 3, 29 june")),
    ("GPL-2.0-only", ("gnu general public license", "version 2, june")),
    ("MPL-2.0", ("mozilla public license", "2.0")),
    ("EPL-2.0", ("eclipse public license", "2.0")),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("BSL-1.0", ("boost software license", "version 1.0")),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",)),
    ("CC0-1.0", ("cc0 1.0 universal",)),
    ("MIT", ("permission is hereby granted, free of charge", "the above copyright notice and this permission notice")),
    ("MIT-0", ("permission is hereby granted, free of charge", "without warranty of any kind")),
    ("ISC", ("permission to use, copy, modify, and/or distribute this software for any purpose", "notice appear")),
    ("ISC", ("permission to use, copy, modify, and distribute this software for any purpose", "notice appear")),
    ("0BSD", ("permission to use, copy, modify, and/or distribute this software for any purpose",)),
    ("BSD-3-Clause", ("redistribution and use in source and binary forms", "endorse or promote")),
    ("BSD-2-Clause", ("redistribution and use in source and binary forms", "in binary form must reproduce")),
    ("Zlib", ("this software is provided 'as-is'", "altered source versions must be plainly marked")),
    ("PSF-2.0", ("python software foundation license version 2",)),
)
"""SPDX id and what its text says, all of it within the first 4,000 letters; the first row that fits counts."""


def recognise(text: str) -> str:
    """The SPDX id of a well-known licence text, or nothing."""
    if not text:
        return ""
    start = " ".join(text[:16_000].lower().split())[:4_000]
    return next((spdx for spdx, phrases in PHRASES if all(phrase in start for phrase in phrases)), "")
