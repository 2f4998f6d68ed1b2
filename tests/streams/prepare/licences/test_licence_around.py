"""What stands around a permissive text: words of other languages, owners that say more, and names of other licences."""

from __future__ import annotations

from importlib.metadata import files

import pytest

from streams.prepare.licences import classify
from streams.prepare.licences.parts import blocks
from streams.prepare.licences.texts import recognise
from tests.support.licences.examples import ISC
from tests.support.licences.licences import licence

MIT = licence("MIT")

FOREIGN = [
    "禁止商业用途，商用请联系作者。", "商用利用は禁止します。", "상업적 이용은 금지됩니다.",
    "Коммерческое использование запрещено.",
    "Только для личного использования.",
    "ห้ามใช้เพื่อการค้า", "व्यावसायिक उपयोग वर्जित है।",
    "يمنع الاستخدام التجاري", "אסור לשימוש מסחרי",
    "Kommerzielle Nutzung verboten.",
    "Nur für private Zwecke.", "Uso comercial prohibido.",
    "Solo para uso personal.",
    "Usage commercial interdit.", "Réservé aux étudiants.",
    "Uso commerciale vietato.", "Solo per uso personale.",
    "Użytek komercyjny zabroniony.",
    "Tylko do użytku prywatnego.", "Ticari kullanım yasaktır.",
    "Uso comercial proibido.",
    "Apenas para fins educacionais.",
    "Alleen voor privégebruik.", "Endast för privat bruk.",
    "Chỉ dùng cho mục đích cá nhân.",
    "不 可 商 用", "Με άδεια μόνο για φοιτητές.",
]  # fmt: skip


@pytest.mark.parametrize("line", FOREIGN)
def test_a_condition_in_another_language_is_not_passed_over(line: str) -> None:
    for said in (f"{line}\n\n{ISC}", f"{MIT}\n{line}\n", f"Copyright (c) 2020 Acme. {line}\n\n{MIT}"):
        assert classify(recognise(said)) != "permissive"
    assert classify(recognise(MIT.replace("any person", f"any person {line}", 1))) != "permissive"


@pytest.mark.parametrize(
    "line",
    [
        "Copyright 2020 Acme. No commercial use.", "Copyright 2020 Acme, companies pay",
        "(c) 2021 Acme. Hobbyists only.",
        "Copyright 2020 Acme, call us first",
        "© Acme; schools are free, all else is not",
        "Copyright (c) 2020 FSF, GPLv3",
        "Copyright 2020 Acme under the Elastic License 2.0", "Copyright 2020 Acme. Not for resale",
        "(c) 2020 Acme, pay what you owe",
    ],
)  # fmt: skip
def test_a_line_of_copyright_with_more_than_a_name_sets_a_condition(line: str) -> None:
    assert classify(recognise(f"{line}\n\n{MIT}")) != "permissive"
    assert classify(recognise(f"MIT License\n\n{line}\n\n{ISC}")) != "permissive"


@pytest.mark.parametrize(
    "owner",
    [
        "Copyright (c) 2020 Björn Åström <b@example.org>",
        "Copyright 2014-present, Acme, Inc. and its affiliates.",
        "(c) 2013 substack", "Copyright (c) 2019 王小明",
        "Copyright (c) 2020 Иван Петров", "Copyright (c) 2020 田中 太郎",
        "Copyright (C) 2015 by the contributors. All rights reserved.",
        "Copyright © 2012, Linden Research, Inc.",
        "Copyright (c) 2014, Jörg and other contributors (https://example.org)", "Copyright Zoë O'Neill, Łukasz Żółć",
    ],
)  # fmt: skip
def test_names_of_owners_are_no_conditions(owner: str) -> None:
    assert recognise(f"MIT License\n\n{owner}\n\n{MIT}") == recognise(f"{owner}\n\n{MIT}") == "MIT"


ANOTHER = [
    "OSL-3.0", "CPAL", "the RPL", "the QPL", "the Sleepycat License", "APSL", "the NPL", "BSL 1.1", "BUSL-1.1",
    "the Elastic License",
    "PolyForm Shield", "FSL-1.1", "RSALv2", "SSPL", "the Prosperity Public License", "the Parity License",
    "the Hippocratic License",
    "the Llama 2 Community License", "the Gemma terms", "OpenRAIL", "the GFDL", "the ODbL", "CC BY-NC 4.0",
    "CC-BY-NC-SA-4.0",
    "CC BY-ND 4.0", "CC BY-SA 4.0", "EUPL", "CeCILL", "copyleft", "closed source", "GPLv3",
    "the GNU Affero General Public License",
]  # fmt: skip


@pytest.mark.parametrize("name", ANOTHER)
def test_another_licence_that_is_named_holds_too(name: str) -> None:
    for line in (f"Parts are under {name}.", f"The files in src are {name}", f"dataset: {name}", f"{name}"):
        assert not blocks(f"{MIT}\n\n{line}\n") and not blocks(f"{line}\n\n{ISC}\n"), line
    assert classify(recognise(f"{MIT}\n\nParts are under {name}.\n")) != "permissive"


@pytest.mark.parametrize(
    "title", ["MIT (for hobbyists)", "MIT License (not for companies)", "The MIT License, students only",
    "MIT for schools",
              "MIT, unless you are Acme", "MIT License -- academic", "The Internal MIT License"],
)  # fmt: skip
def test_a_title_that_limits_sets_a_condition(title: str) -> None:
    assert classify(recognise(f"{title}\n\n{MIT}")) != "permissive"
    assert classify(recognise(title)) != "permissive"


@pytest.mark.parametrize(
    "remark",
    [
        "my-project", "# react-widgets", "Acme Widgets", "This is free software.",
        "This license applies to all files.",
        "Except where otherwise noted, all files are under the MIT License:",
        "This software is released under the MIT license:",
        "Some parts are by Jane Doe.", "Based on Underscore.js 1.8.3, copyright Jeremy Ashkenas",
        "https://example.org/license",
        "The complete list of contributors can be found at https://example.org", "-----------", "Files: *",
    ],
)  # fmt: skip
def test_a_plain_remark_around_a_text_changes_nothing(remark: str) -> None:
    for text in (f"{remark}\n\nMIT License\n\n{MIT}", f"{MIT}\n\n{remark}\n"):
        assert recognise(text) == "MIT"


@pytest.mark.parametrize(
    "offer",
    [
        "Files here are either MIT or GPL, see each file.",
        "either MIT or GPL at your option. GPL applies to companies.",
        "Each file is either MIT or GPL licensed, depending on its header.",
        "Either MIT or GPL at your option. Companies take the GPL.",
        "Either MIT or GPL at your option, except parser.c.",
    ],
)  # fmt: skip
def test_a_choice_that_is_none(offer: str) -> None:
    assert classify(recognise(offer)) != "permissive"


def test_a_choice_that_is_one() -> None:
    for offer in (
        "Licensed under either the MIT license or the GPL at your option.",
        "Dual licensed under MIT and GPL-2.0.",
    ):
        assert classify(recognise(offer)) == "permissive"


PYTHON = next(path for path in files("typing_extensions") or () if path.name == "LICENSE").read_text()
INCLUDED = "Some of this comes with Python, whose permissive text follows for compliance:\n\n"


def test_what_a_known_text_says_of_another_licence_binds_nobody() -> None:
    """Python's tells which of its releases go with the GPL, and CNRI's part speaks of it. Own words before it make the
    whole unknown, and no more."""
    assert "0BSD" in recognise(PYTHON) and "GPL" in PYTHON
    assert recognise(INCLUDED + PYTHON) == ""
    assert recognise(INCLUDED + "The rest is given under the GPL.\n\n" + PYTHON) == "GPL-2.0-or-later"
