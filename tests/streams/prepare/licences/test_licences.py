"""Licences: expressions, texts, heads of files, and what packages say of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
from askalono import identify  # pyright: ignore[reportAttributeAccessIssue]

from streams.document import Document, Part
from streams.prepare.licences import classify
from streams.prepare.licences.bodies import known
from streams.prepare.licences.headers import header
from streams.prepare.licences.texts import BAR, recognise
from streams.prepare.prepare import weigh
from streams.prepare.rules.rule import Verdict
from streams.sources.licences.declared import from_metadata
from streams.sources.licences.place import licence_of
from tests.support.documents.recipes import default
from tests.support.licences.licence_bodies import texts
from tests.support.licences.licences import licence


@pytest.mark.parametrize(
    ("expression", "category"),
    [
        ("MIT", "permissive"), ("mit", "permissive"), ("(MIT)", "permissive"), ("MIT/Apache-2.0", "permissive"),
        ("GPL-2.0-only AND (MIT OR Apache-2.0)", "copyleft"), ("(MIT OR GPL-2.0-only) AND GPL-3.0-only", "copyleft"),
        ("MIT OR GPL-2.0-only", "permissive"), ("MIT AND GPL-2.0-only", "copyleft"), ("MIT, GPL-2.0", "copyleft"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "copyleft"), ("Apache-2.0 WITH LLVM-exception", "permissive"),
        ("MIT (see LICENSE)", "unknown"), ("GPL (see COPYING)", "copyleft"), ("LicenseRef-own", "unknown"),
        ("MIT AND LicenseRef-own", "unknown"), ("UNLICENSED", "proprietary"), ("CC-BY-ND-4.0", "proprietary"),
        ("Elastic-2.0", "proprietary"), ("PolyForm-Small-Business-1.0.0", "proprietary"), ("BUSL-1.1", "proprietary"),
        ("MS-RL", "copyleft"), ("CECILL-2.1", "copyleft"), ("CECILL-B", "permissive"), ("Sleepycat", "copyleft"),
        ("SSPL-1.0", "copyleft"), ("", "unknown"), ("((MIT", "unknown"), ("OR AND", "unknown"),
    ],
)  # fmt: skip
def test_an_expression_has_a_class(expression: str, category: str) -> None:
    assert classify(expression) == category


NAMES = ("MIT", "Apache-2.0", "BSD-3-Clause", "BSD-2-Clause", "MPL-2.0")
FREE = NAMES[:-1]
COMMONS = (
    '"Commons Clause" License Condition v1.0. The Software is provided to you under the License, as defined below, '
    "subject to the following condition: the grant of rights does not include the right to Sell it."
)
GPL_NOTICE = "This program is free software under the terms of the GNU General Public License, version 3."


@pytest.mark.parametrize("spdx", NAMES)
def test_a_text_is_known_however_it_is_set(spdx: str) -> None:
    text = licence(spdx)
    wrapped = " ".join(text.split())
    commented = "/*\n" + "".join(f" * {line}\n" for line in text.splitlines()) + " */\n"
    for variant in (text, wrapped, commented, f"Copyright (c) 2026 A. Author and others\n\n{text}"):
        assert recognise(variant) == spdx


@pytest.mark.parametrize("spdx", FREE)
@pytest.mark.parametrize(
    "trap",
    [
        lambda text: f"{text}\n\n{COMMONS}", lambda text: f"{COMMONS}\n\n{text}",
        lambda text: f"{text}\nThis software may only be used for non-commercial purposes.\n",
        lambda text: f"{text}\n{GPL_NOTICE}\n", lambda text: f"{GPL_NOTICE}\n\n{text}",
         lambda text: text[: len(text) // 2],
        lambda text: f"{text}\n\n---------------------------\n\n{licence('MPL-2.0')}",
        lambda text: f"{licence('MPL-2.0')}\n\n{text}",
    ],
)  # fmt: skip
def test_what_takes_rights_back_is_not_permissive(spdx: str, trap) -> None:
    assert classify(recognise(trap(licence(spdx)))) != "permissive"


@pytest.mark.parametrize("spdx", FREE)
def test_the_commons_clause_keeps_rights_back(spdx: str) -> None:
    assert classify(recognise(f"{licence(spdx)}\n\n{COMMONS}")) == "proprietary"


def test_several_texts_in_a_file_all_hold() -> None:
    both = f"{licence('MIT')}\n\n------------------------------\n\n{licence('BSD-3-Clause')}"
    assert recognise(both) in ("BSD-3-Clause AND MIT", "")
    assert recognise("Copyright A. All rights reserved. No part of this may be copied.") == "LicenseRef-proprietary"
    assert recognise("Do what you like.") == ""


GPL_HEAD = (
    "/* This file is free software; you can redistribute it under the\n * terms of the GNU General Public License. */\n"
)


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("// SPDX-License-Identifier: GPL-2.0-only OR MIT\n", "GPL-2.0-only OR MIT"),
        ("/* SPDX-License-Identifier: MIT */\nint x;\n", "MIT"), (GPL_HEAD + "int x;\n", "GPL-2.0-or-later"),
        ("Write SPDX-License-Identifier: MIT into the head.\n", ""),
        ("# write SPDX-License-Identifier: MIT there\n", ""),
        ("# SPDX-License-Identifier: MIT (see LICENSE)\n", "MIT"),
        ('"""Finds the GNU General Public License."""\n', ""),
        ('# Licensed under the Apache License, Version 2.0 (the "License");\n', "Apache-2.0"),
        ("# CONFIDENTIAL AND PROPRIETARY. Unauthorized copying is forbidden.\n", "LicenseRef-proprietary"),
        ("# Copies the proprietary format into ours.\n", ""),
        ("x = 1\n" * 80 + "# SPDX-License-Identifier: GPL-3.0-only\n", ""),
    ],
)  # fmt: skip
def test_the_head_of_a_file(text: str, spdx: str) -> None:
    assert header(text) == spdx


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        (GPL_HEAD + "int a;\n", GPL_HEAD + "int b;\n", False),
        ("// SPDX-License-Identifier: MIT\nint a;\n", GPL_HEAD + "int a;\n", False),
        (GPL_HEAD + "int a;\n", "// SPDX-License-Identifier: MIT\nint a;\n", True),
        (GPL_HEAD + "int a;\n", "", False),
    ],
)  # fmt: skip
def test_a_commit_is_judged_by_what_stands_in_the_file_after_it(before: str, after: str, kept: bool) -> None:
    parts = [Part("message", "Rename the counter"), Part("before", before), Part("after", after)]
    commit = Document(offset=0, index=0, kind="commit", parts=parts, path="a.c", repository="r", licence="MIT")
    verdict = weigh(commit, default())
    assert isinstance(verdict, Document) if kept else isinstance(verdict, Verdict) and verdict.rule == "licence"


@pytest.mark.parametrize(
    ("files", "spdx"),
    [
        ({"COPYING": "GPL", "LICENSE-jquery.txt": "MIT"}, "copyleft"),
        ({"LICENSE-MIT": "MIT", "LICENSE-APACHE": "Apache-2.0"}, "permissive"),
        ({"LICENSE-MIT": "MIT", "COPYING3": "GPL"}, "copyleft"), ({"MIT-LICENSE": "MIT"}, "permissive"),
    ],
)  # fmt: skip
def test_texts_side_by_side_all_hold_unless_their_names_offer_a_choice(files: dict[str, str], spdx: str) -> None:
    contents = {name: GPL_NOTICE if kind == "GPL" else licence(kind) for name, kind in files.items()}
    assert classify(licence_of(contents, contents.get)[0]) == spdx


@pytest.mark.parametrize(
    ("name", "text", "spdx"),
    [
        ("Cargo.toml", '[package]\nlicense = "MIT/Apache-2.0"\n', "MIT OR Apache-2.0"),
        ("setup.cfg", "[metadata]\nlicense = GPLv3\n", "GPL-3.0-only"),
        ("composer.json", '{"license": ["MIT", "GPL-3.0-only"]}', "MIT OR GPL-3.0-only"),
        ("setup.cfg", "[metadata]\nclassifiers =\n    License :: OSI Approved :: MIT License\n", "MIT"),
        ("pom.xml", "<licenses><license><name>Apache License, Version 2.0</name></license></licenses>", "Apache-2.0"),
        ("a.gemspec", "  s.license = 'MIT'\n", "MIT"),
        ("a.gemspec", '  spec.licenses = ["MIT", "Ruby"]\n', "MIT OR Ruby"),
        ("package.json", '{"license": "UNLICENSED"}', "LicenseRef-proprietary"),
        ("package.json", '{"license": "SEE LICENSE IN LICENSE.md"}', ""),
        ("package.json", '{"license": "SEE LICENSE IN x"}', "LicenseRef-unknown"),
        ("pyproject.toml", '[project]\nlicense = {text = "Proprietary"}\n', "LicenseRef-proprietary"),
        ("setup.cfg", "[metadata\n", ""), ("setup.cfg", "[metadata\nlicense = MIT", "LicenseRef-unknown"),
        ("composer.json", "[]", ""), ("pom.xml", "<license>", ""),
    ],
)  # fmt: skip
def test_what_a_package_declares(name: str, text: str, spdx: str) -> None:
    assert licence_of([name], {name: text}.get)[0] == spdx


def test_several_classifiers_all_hold() -> None:
    names = ("MIT License", "GNU General Public License v3 (GPLv3)")
    head = "".join(f"Classifier: License :: OSI Approved :: {name}\n" for name in names)
    assert classify(from_metadata(head)) == "copyleft"


def test_a_declaration_and_another_text_both_hold() -> None:
    contents = {"package.json": '{"license": "MIT"}', "COPYING": GPL_NOTICE}
    assert classify(licence_of(contents, contents.get)[0]) == "copyleft"
    contents = {"package.json": '{"license": "MIT OR Apache-2.0"}', "LICENSE": licence("MIT")}
    assert licence_of(contents, contents.get)[0] == "MIT OR Apache-2.0"


def test_permission_that_an_endorsement_needs_takes_no_right_back() -> None:
    text = (
        "The name may not be used to endorse products without prior written permission from the holders. 4. The right "
        "to distribute this software or to use it for any purpose does not give you the right to use its marks."
    )
    assert recognise(text) == ""
    assert recognise(
        f"{text} Written consent of the holders to use it is prior written permission of us to copy it."
    ) == ("LicenseRef-proprietary")


SITE = Path(pytest.__file__).parent.parent
"""Where the packages of this environment are, with their licences."""


def test_a_known_body_is_what_the_detector_says() -> None:
    for spdx in ("MIT", "BSD-3-Clause", "Apache-2.0"):
        text = licence(spdx)
        assert known(text) == spdx
        assert not known(f"{text}\nNot for commercial use.\n")
    found = [(text, known(text)) for text in texts([SITE])]
    answered = {name: text for text, name in found if name}
    assert len(answered) >= 5 and sum(bool(name) for _, name in found) > len(found) / 2
    for name, text in answered.items():
        nearest = identify(text)
        assert nearest is not None and nearest.name.replace("Pixar", "Apache-2.0") == name and nearest.score >= BAR


@pytest.mark.parametrize(
    "line", ["Copyright A, not for commercial use", "Copyright A. GNU General Public Licence too."]
)
def test_a_line_of_copyright_that_takes_rights_back_is_read(line: str) -> None:
    text = licence("MIT").split("Permission", 1)[1]
    assert known(f"{line}\n\nPermission{text}") == "MIT"
    assert classify(recognise(f"{line}\n\nPermission{text}")) != "permissive"
