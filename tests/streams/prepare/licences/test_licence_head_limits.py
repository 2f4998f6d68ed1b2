"""Heads of source files: words that limit a licence, comments of many languages, and prose that limits nothing."""

from __future__ import annotations

import pytest

from streams.prepare.licences import classify
from streams.prepare.licences.headers import header


def hashes(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.split("\n")) + "x = 1\n"


LIMITED = [
    "The MIT License (MIT), not for companies",
    "License: MIT & GPL", "Licensed under the MIT license; the GPL applies to parser.c",
    "Everything but this file is licensed under the MIT license.",
    "The rest of the repo is licensed under the MIT license. This file is Acme property.",
    "TODO: should be licensed under the MIT license",
    "Will be available under the MIT license in 2030", "We refuse to be licensed under the MIT license",
    "License: MIT, research only",
    "License: MIT for hobbyists", "License: MIT if you are a student", "License: MIT (not for companies)",
    "License: MIT internal", "License: BSD (academic)",
    "Licensed under the MIT license with restrictions",
    "Licensed under the MIT license plus the ethical source clause",
    "SPDX-License-Identifier: MIT WITH No-Commercial-exception",
    "SPDX-License-Identifier: MIT WITH Commons-Clause-exception",
    "SPDX-License-Identifier: MIT for hobbyists", "SPDX-License-Identifier: MIT (not for companies)",
    "SPDX-License-Identifier: MIT AND ( )",
    "Copyright Acme. All rights reserved.\nIncludes Sizzle.js, Released under the MIT license",
    "SPDX-License-Identifier: MIT\nBased on GPLv3 code from foo",
    "SPDX-License-Identifier: MIT\n(c) FSF, GPLv3", "SPDX-License-Identifier: MIT\nThe parser remains GPL.",
    "Licensed under the MIT license.\nThe data are under CC-BY-NC-4.0.",
    "Licensed under the MIT license. Parts are under the Elastic License.",
    "License: MIT\nThe rest is closed source.", "Licensed under the MIT license.\nThe tables are CC BY-SA 4.0.",
]  # fmt: skip


@pytest.mark.parametrize("head", LIMITED)
def test_words_that_limit_are_not_passed_over(head: str) -> None:
    assert classify(header(hashes(head))) != "permissive"


@pytest.mark.parametrize(
    "remark",
    [
        "This function is for internal use only.", "This example is for educational purposes only.",
        "It is 24 hours, not military time.",
        "Items that can not be sold are skipped.", "Use of eval is strictly forbidden in this module.",
        "Detects CC non-commercial licenses",
        "Values are for evaluation of the expression.",
    ],
)  # fmt: skip
def test_prose_about_the_code_takes_no_right_back(remark: str) -> None:
    for head in (f"Licensed under the MIT License.\n\n{remark}", f"SPDX-License-Identifier: MIT\n\n{remark}"):
        assert classify(header(hashes(head))) == "permissive"
    assert header(hashes(remark)) == ""


@pytest.mark.parametrize("value", ['"MIT"\n__license__ = "GPL"', '("GPL")', '( "GPL" )', '"GPL"'])
def test_all_variables_of_a_module_count(value: str) -> None:
    assert classify(header(f"import x\n__license__ = {value}\n")) == "copyleft"


NOTICE = (
    "This program is free software; you can redistribute it and/or modify it\n"
    "under the terms of the GNU General Public License, version 2."
)
MARKS = [
    ('"', ""), ("!", ""), ("C", ""), ("::", ""), ("@rem", ""), ("rem", ""), ("..", ""), ("@c", ""), ("@", ""),
    ("|", ""), ("-#", ""), ("//-", ""),
    ("\\", ""), ("#", ""), ("//", ""), ("--", ""), ("%", ""), (";;", ""),
]  # fmt: skip
BLOCKS = [
    ("#|", "|#"), ("<#", "#>"), ("#=", "=#"), ("#[", "]#"), ("###", "###"), ("/-", "-/"), ("%{", "%}"), ("=pod",
    "=cut"), ("--[==[", "]==]"), ("/+", "+/"),
    ("{#", "#}"), ("{{!--", "--}}"), ("<%--", "--%>"), ("@*", "*@"), ("<#--", "-->"), ("#*", "*#"), ("{", "}"),
    ('<?xml version="1.0"?><!--', "-->"),
]  # fmt: skip


@pytest.mark.parametrize(("mark", "end"), MARKS)
def test_what_binds_is_read_behind_any_mark(mark: str, end: str) -> None:
    spdx = f"{mark} SPDX-License-Identifier: GPL-3.0-only{end}\ncode\n"
    notice = "".join(f"{mark} {line}\n" for line in NOTICE.split("\n")) + "code\n"
    assert classify(header(spdx)) == classify(header(notice)) == classify(header("\ufeff" + spdx)) == "copyleft"


@pytest.mark.parametrize(("begin", "end"), BLOCKS)
def test_what_binds_is_read_in_any_block(begin: str, end: str) -> None:
    for said in ("SPDX-License-Identifier: GPL-3.0-only", NOTICE):
        for text in (
            f"{begin}\n{said}\n{end}\ncode\n",
            f"{begin} {said} {end}\ncode\n",
            f"\ufeff{begin}\n  {said}\n{end}\n",
        ):
            assert classify(header(text)) == "copyleft", text


def test_code_that_only_speaks_of_it_is_passed_over() -> None:
    assert header('NAMES = [\n    "SPDX-License-Identifier: MIT",\n]\n') == ""
    assert header('def f():\n    print("licensed under the GPL")\n') == ""
    assert header('LICENCES = {"gpl": "GNU General Public License", "mit": "MIT"}\n') == ""
