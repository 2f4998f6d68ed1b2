"""Licence texts of several parts: bodies side by side, choices, what stands around them; words that only name one."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.prepare.licences import classify
from streams.prepare.licences.headers import header
from streams.prepare.licences.texts import recognise
from streams.sources.folders.folder import describe
from streams.sources.licences.declared import from_metadata
from streams.sources.licences.spellings import spdx_of
from tests.support.licences.licences import licence

MIT = licence("MIT")
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n\nPreamble\n\nThe GNU General Public License is free.\n"
BODY = MIT[MIT.index("Permission") :]
ISC = """
Permission to use, copy, modify, and distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES
WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF
MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR
ANY SPECIAL, DIRECT, INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF
OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.
"""


def test_known_bodies_with_words_around_them() -> None:
    around = (
        "This is the work of many; see the revision history.\nThe following applies to all parts of it:\n\n====\n\n"
    )
    assert recognise(f"{around}{BODY}\n\n====\n\nThanks to all.\n") == "MIT"
    assert recognise(f"{around}{BODY}\n\nParts:\n\n{ISC}") == "ISC AND MIT"
    assert recognise(f"ISC LICENSE\n\nThis license is GPL-compatible.\n\n{ISC}") == "ISC"


@pytest.mark.parametrize(
    "condition",
    [
        "You must pay the author.", "Universities only.", "It requires a licence of ours.", "Do not use it in the air.",
        "The drivers are under the GPLv2.", "A commercial licence can be bought.", "Parts are proprietary.",
    ],
)  # fmt: skip
def test_a_condition_around_a_known_body_counts(condition: str) -> None:
    for text in (f"{condition}\n\n{BODY}", f"{BODY}\n\n{condition}\n", f"{'About it. ' * 9}\n{condition}\n\n{BODY}"):
        assert classify(recognise(text)) != "permissive"


@pytest.mark.parametrize(
    ("offer", "expected"),
    [
        ("JSZip is dual licensed. At your choice you may use it under the MIT license *or* the GPLv3 license.",
         "permissive"),
        ("You may use it under the terms of either the MIT License or the GNU General Public License (GPL).",
         "permissive"),
        ("Use it under an MIT license or under the GNU GPL, version 3.0.", "permissive"),
        ("This program is dual-licensed under the MIT and GPL licenses.", "permissive"),
        ("It is under the MIT license and parts of it are under the GNU GPL.", "copyleft"),
        ("Either version 3 of the GPL, or (at your option) any later version; the docs are MIT.", "copyleft"),
        ("The examples are under either the MIT license or the ISC license.", "copyleft"),
    ],
)  # fmt: skip
def test_a_choice_is_one_between_all_that_is_spoken_of(offer: str, expected: str) -> None:
    assert classify(recognise(f"{offer}\n\n{MIT}\n\n{GPL}")) == expected


def test_llvms_exception_allows_more() -> None:
    exception = (
        "---- LLVM Exceptions to the Apache 2.0 License ----\n\nAs an exception, if portions of this are embedded, you "
        "may redistribute them. If you combine them with software that is licensed under the GPLv2 and a court finds "
        "that it conflicts with the conditions of the GPLv2, you may choose to exclude any Section, but only in their "
        "entirety and only with respect to the Combined Software.\n"
    )
    assert classify(recognise(f"{licence('Apache-2.0')}\n\n{exception}")) == "permissive"
    assert classify(recognise(f"{licence('Apache-2.0')}\n\n{exception}\nParts are GPLv2.\n")) == "copyleft"


def test_a_choice_with_a_side_that_is_sold() -> None:
    three = "You must choose one of three licenses.\n\n- Commercial License\n- non-commercial\n- GPLv3 License\n"
    assert classify(recognise(three)) == "copyleft"
    two = "You may choose either MIT for non-commercial use or a commercial license."
    assert classify(recognise(f"{two}\n\n{MIT}")) == "proprietary"


def test_a_licence_in_one_line() -> None:
    for line in ("LGPL", "This library is under the LGPL.", "GPLv3", "Licensed under the AGPL-3.0."):
        assert classify(recognise(line)) == "copyleft"
    assert recognise("It is GPL-compatible, and nothing else is said.") == ""


def test_a_choice_in_few_words_with_a_condition_is_none() -> None:
    offer = "This is made available under the terms of either of the licenses found in LICENSE.APACHE or LICENSE.BSD."
    assert classify(recognise(offer)) == "permissive"
    assert classify(recognise(f"{offer} The server may not be redistributed.")) != "permissive"


def test_what_mpl_says_of_the_gpl_is_not_given_by_it() -> None:
    offer = (
        "You can redistribute it under the terms of either the Apache License 2.0 or the Mozilla Public License 2.0."
    )
    text = f"{offer}\n\n{licence('Apache-2.0')}\n\n{licence('MPL-2.0')}"
    assert classify(recognise(text)) == "permissive"
    assert classify(recognise(f"{text}\n\n{GPL}")) == "copyleft"


def test_pythons_licences_beside_a_copyleft_one_are_not_permissive() -> None:
    python = "PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2\n\nThis.\n\nBEOPEN.COM\n\nCNRI may be GPL-compatible.\n"
    assert classify(recognise(f"{GPL}\n\n{python}")) == "copyleft"


def test_a_text_in_html_and_with_what_is_confidential() -> None:
    page = "<html><body>" + "".join(f"<p>{p}</p>\n" for p in MIT.split("\n\n")) + "</body></html>"
    assert recognise(page) == "MIT"
    assert classify(recognise(f"{page}<p>Non-commercial use only.</p>")) == "proprietary"
    assert classify(recognise(f"{MIT}\nCONFIDENTIAL AND PROPRIETARY. All rights reserved.\n")) == "proprietary"
    assert classify(recognise("Commercial License\n\nThis is commercial software.\n")) == "proprietary"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("GNU AFFERO GPL 3.0", "copyleft"), ("GNU LGPL", "copyleft"), ("Artistic License and GPL", "copyleft"),
        ("Standard license: see why we do not employ an MIT license", "unknown"),
        ("A Commercial License", "proprietary"),
    ],
)  # fmt: skip
def test_a_name_in_prose_binds_and_frees_nothing(said: str, expected: str) -> None:
    assert classify(spdx_of(said)) == expected
    assert classify(from_metadata(f"Name: x\nLicense: {said}\n\n")) == expected


@pytest.mark.parametrize(
    ("head", "spdx"),
    [
        ("/*!\n * x v3\n *\n * Licensed GPLv3 for open source use\n * or a Commercial License\n */\n",
         "GPL-3.0-only"),
        ("/*!\n * @license Copyright 2024, X. All rights reserved.\n * Subject to the terms at example.org\n */\n",
         "LicenseRef-proprietary"),
    ],
)  # fmt: skip
def test_heads_of_what_is_sold(head: str, spdx: str) -> None:
    assert header(head) == spdx


def test_texts_by_other_names_and_in_other_encodings(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    (tmp_path / "a/lgpl.txt").write_text("GNU LESSER GENERAL PUBLIC LICENSE\n")
    (tmp_path / "b/license").write_bytes("Björn \x93 GNU GENERAL PUBLIC LICENSE\n".encode("latin-1"))
    assert classify(describe(tmp_path / "a").licence) == classify(describe(tmp_path / "b").licence) == "copyleft"
