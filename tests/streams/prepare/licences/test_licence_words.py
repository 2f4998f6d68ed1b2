"""Each word of a permissive text counts: conditions put in, words left out and replaced, and what changes nothing."""

from __future__ import annotations

import re
import time

import pytest

from streams.prepare.licences import classify
from streams.prepare.licences.parts import blocks
from streams.prepare.licences.references import find
from streams.prepare.licences.texts import MAX_CHARS, recognise
from tests.support.licences.examples import BOOST, EXAMPLES, ISC, ROWS, UNLICENSE, ZLIB, example
from tests.support.licences.licences import licence

MIT, APACHE, BSD = licence("MIT"), licence("Apache-2.0"), licence("BSD-3-Clause")
NESTED = ("BSD-2-Clause-", "BSD-3-Clause-No-Nuclear-License-2014", "bzip2-1.0.5")
"""Beginnings of names of those that hold another one's text; what is said around that may be a remark."""
CONDITIONS = ("not", "only", "for a fee", "to students", "which must be given on under the same licence")


@pytest.mark.parametrize(("spdx", "text"), EXAMPLES)
def test_every_pattern_knows_its_text_and_not_one_with_a_condition_inside(spdx: str, text: str) -> None:
    assert classify(known := blocks(text)) == "permissive"
    words = text.split(" ")
    for i in range(3, len(words) - 3, len(words) // 9):
        for condition in CONDITIONS:
            changed = blocks(" ".join([*words[:i], condition, *words[i:]]))
            assert changed != known and (not changed or spdx.startswith(NESTED)), (words[i - 3 : i + 3], condition)


@pytest.mark.parametrize(
    "spdx", ["MIT", "ISC", "Zlib", "BSL-1.0", "Unlicense", "BSD-2-Clause", "Apache-2.0", "PostgreSQL"]
)
def test_no_word_can_be_left_out_or_replaced(spdx: str) -> None:
    words = next(text for name, text in EXAMPLES if name == spdx).split(" ")
    for i in range(0, len(words), 1 + len(words) // 250):
        if len(words[i]) <= 3 or words[i] in ("Author", "section"):
            continue
        for other in ([], ["students"]):
            assert blocks(" ".join([*words[:i], *other, *words[i + 1 :]])) == "", (words[i - 3 : i + 4], other)


INSIDE = [
    (MIT, "is hereby granted", "is hereby NOT granted"), (MIT, "free of charge", "for a fee"),
    (MIT, "any person", "any student"), (MIT, "any person obtaining", "any person, for non-production use, obtaining"),
    (MIT, "THE SOFTWARE IS", "Derivative works must be licensed under the same terms.\n\nTHE SOFTWARE IS"),
    (MIT, "without restriction", "without restriction within one organization"), (MIT, "granted", "gr\u0430nted n o t"),
    (MIT, "sublicense, and/or sell", "and sublicense"), (MIT, "included in all", "included in ten"),
    (APACHE, "You may reproduce and distribute", "You may not reproduce or distribute"),
    (APACHE, "no-charge, royalty-free, irrevocable", "revocable"), (APACHE, "worldwide", "national"),
    (APACHE, "2. Grant of Copyright License.", "2. Grant of Copyright License. Competitors are excluded."),
    (APACHE, "sublicense, and distribute the", "and read the"), (APACHE, "shall terminate", "and all rights terminate"),
    (BSD, "are permitted", "are not permitted"), (BSD, "are\npermitted", "are not permitted unless in writing"),
    (BSD, "THIS SOFTWARE", "4. Redistributions in any form must be accompanied by source.\n\nTHIS SOFTWARE"),
    (BSD, "with or without\nmodification", "without\nmodification"), (BSD, "source and binary", "binary"),
    (ISC, "for any purpose", "for any non profit purpose"), (ISC, "with or without fee", "with fee"),
    (ZLIB, "to anyone", "to members"), (ZLIB, "including commercial", "excluding commercial"),
    (ZLIB, "freely", "to nobody"), (BOOST, "or organization", ""), (BOOST, "free of charge", "for one year"),
    (UNLICENSE, "for any purpose", "for one purpose"), (UNLICENSE, "sell", "lend"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new"), INSIDE)
def test_a_condition_inside_of_a_text_makes_it_another(text: str, old: str, new: str) -> None:
    changed = re.sub(r"\s+".join(map(re.escape, old.split())), new, text, count=1, flags=re.I)
    if changed == text:
        pytest.skip("it is worded in another way here")
    for variant in (changed, " ".join(changed.split()), f"Licensed under either MIT or ISC.\n\n{changed}"):
        assert classify(recognise(variant)) != "permissive"


PYTHON = " ".join(
    example(pattern) for spdx, pattern in ROWS
    if spdx == "PSF-2.0" or (spdx == "Python-2.0.1" and pattern.startswith("this license agreement is between"))
)  # fmt: skip


def test_pythons_licences_one_behind_the_other_are_read_word_for_word() -> None:
    assert classify(recognise(PYTHON)) == "permissive"
    assert classify(recognise(PYTHON.replace("hereby grants", "hereby does not grant"))) != "permissive"
    assert classify(recognise(f"{PYTHON} It is granted to members alone.")) != "permissive"
    assert recognise("PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2\n\nThis.\n\nBEOPEN.COM\n\nCNRI is nice.\n") == ""


HARMLESS = [
    ("the Software", "the Program"), ("Permission is", "**Permission** is"), ("license", "licence"), ("(the", "(a"),
    ("NONINFRINGEMENT", "NON-\nINFRINGEMENT"), ("AUTHORS OR COPYRIGHT HOLDERS", "ACME CORPORATION, INC."),
    ("and/or", "and"), ("AUTHORS", "AUTHOR"), ("\n", "\n> "), ("copies", "copy"),
    ("above copyright notice", "above copyrights notices"), ("(the", "Â§ 1 â€œ (the"), ("(the", "\u00e2\x80\x9c(the"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), HARMLESS)
def test_what_changes_nothing_is_known(old: str, new: str) -> None:
    assert recognise(MIT.replace(old, new)) == "MIT"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"nor the names? of its\s+contributors", "nor the names of the A. Author project's contributors"),
        (r"copyright (owner|holder)s? (or|and) contributors be", "REGENTS OF THE UNIVERSITY OF X OR CONTRIBUTORS BE"),
        (r"endorse\s+or\s+promote", "endorse or promote"), (r"express\b", "EXPRESSED"), (r"(?m)^ *[*\d-]\.? ", "(a) "),
        (r"consequential", "COSEQUENTIAL"), (r"\A", "Copyright (c) 2026 A. Author <https://a.example>, B.\n\n"),
        (r"\A", "# The BSD License\n\nThe name of the author, and thanks to all.\n\n"),
    ],
)  # fmt: skip
def test_other_names_and_spellings_are_known(old: str, new: str) -> None:
    assert recognise(re.sub(old, new, BSD, flags=re.I)) == "BSD-3-Clause"


def test_apaches_text_without_its_appendix_and_with_it() -> None:
    bare = APACHE[: APACHE.index("END OF TERMS")]
    for text in (bare, APACHE, APACHE.replace("http:", "https:"), bare.replace("licenses/", "licenses/LICENSE-2.0")):
        assert recognise(text) == "Apache-2.0"


@pytest.mark.parametrize(
    "words",
    [
        "Companies need a contract.", "Good, not Evil.", "This grant ends in 2030.", "Free for hobby projects.",
        "Hosting it as a service is reserved to the author.", "Use is limited to Europe.", "Everything else is ours.",
        "By downloading you accept our EULA.", "With the exception of universities.", "All changes go back to us.",
    ],
)  # fmt: skip
def test_words_around_a_text_set_no_condition(words: str) -> None:
    for text in (f"{words}\n\n{MIT}", f"{MIT}\n{words}\n", f"MIT License ({words})\n\n{MIT}"):
        assert classify(recognise(text)) != "permissive"
    assert classify(recognise(f"Licensed under either MIT or ISC. {words}\n\n{MIT}")) != "permissive"


@pytest.mark.parametrize(
    "line",
    [
        "Copyright A. Use in production is forbidden.",
        "Copyright A, students excluded.",
        "(c) A, licensed to members.",
        "Copyright A. Companies need a contract.",
    ],
)
def test_a_line_of_copyright_sets_no_condition(line: str) -> None:
    assert classify(recognise(f"{line}\n\n{MIT}")) != "permissive"


def test_what_is_not_read_may_set_conditions() -> None:
    assert recognise(MIT + "\n" * MAX_CHARS + "Do not sell it.") == ""


@pytest.mark.parametrize(
    "unit",
    ["the ", "permission ", "permission is hereby granted free ", "redistribution and use in source ", "x ", ". "],
)
def test_hostile_texts_cost_no_time(unit: str) -> None:
    start = time.perf_counter()
    assert find((unit * MAX_CHARS)[:MAX_CHARS]) == []
    assert find((MIT[:-20] * MAX_CHARS)[:MAX_CHARS]) == [] and find((APACHE[:9000] * 20)[:MAX_CHARS]) == []
    assert time.perf_counter() - start < 20


def test_a_former_name_before_a_text_sets_no_condition() -> None:
    text = next(text for spdx, text in EXAMPLES if spdx == "PostgreSQL")
    assert (
        recognise(f"Rows Database Management System\n(formerly known as Row, then as Rows95)\n\n{text}") == "PostgreSQL"
    )
    assert recognise(f"Rows\n(formerly known as Row, not for sale)\n\n{text}") == ""
