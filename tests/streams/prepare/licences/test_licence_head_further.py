"""Heads in which more stands than a permissive notice, and notices of copyleft and of owners in other words."""

from __future__ import annotations

import pytest

from streams.prepare.licences import classify
from streams.prepare.licences.headers import header
from tests.support.licences.licences import licence

BSD = licence("BSD-3-Clause")
MIT = licence("MIT")


def block(text: str) -> str:
    return "/*\n" + "".join(f" * {line}\n" for line in text.split("\n")) + " */\nint x;\n"


@pytest.mark.parametrize(
    "text",
    [
        *(
            f"{MIT}\n\n{more}"
            for more in (
                "Redistribution is prohibited.", "You may not sell the Software.",
                "You must publish the source code of derivative works.",
                "This software may only be used with ACME hardware.",
            )
        ),
        *(
            BSD.replace("THIS SOFTWARE IS", f"4. {more}\n\nTHIS SOFTWARE IS", 1)
            for more in (
                "Modified versions may be distributed only with their complete source, under this same licence.",
                "Companies with more than ten employees must obtain a written licence.",
                "Modified versions may not be distributed.",
                "The software is not used to train machine learning models.",
            )
        ),
        "Permission to use, copy, modify, and distribute this software and its documentation for any purpose "
        "and without "
        "fee is hereby granted, provided that the source of all changes is sent to the author.",
        "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee "
        "is hereby "
        "granted, provided that the above copyright notice and this permission notice appear in all copies, and "
        "that the "
        "source of all modified versions is published.",
        'Licensed under the Apache License, Version 2.0 (the "License");\nyou may not use this file except in '
        'compliance '
        "with the License.\nAdditional restriction: not for resale.",
        "This code is released into the public domain, except for companies.",
        "This is in the public domain in the US; elsewhere all rights are reserved.",
        "Licensed under the MIT License, subject to additional terms listed below.",
        "Licensed under the MIT licence with the addition of the following condition: no data are collected.",
        "Licensed under MIT. Additional terms: no resale.",
        "This software is released under the BSD Protection License.",
    ],
)  # fmt: skip
def test_a_condition_beside_a_permissive_notice_makes_it_unknown(text: str) -> None:
    assert classify(header(block(text))) != "permissive" and header(block(text))


@pytest.mark.parametrize(
    "text",
    [MIT, BSD, f"{MIT}\n\nThe cache must be cleared when only one of the copies is distributed to other nodes.",
     "Use of this source code is governed by a BSD-style\nlicense that can be found in the LICENSE file.\n\n"
     "This is a copy of the library with the addition of some helpers."],
)  # fmt: skip
def test_other_sentences_set_no_condition(text: str) -> None:
    assert classify(header(block(text))) == "permissive"


EITHER = (
    "X is free software: you can redistribute it and/or modify it under the terms of either:\n\n  * the GNU Lesser "
    "General Public License as published by the Free\n    Software Foundation; either version 3 of the License, or (at "
    "your\n    option) any later version.\n\nor\n\n  * the GNU General Public License as published by the Free\n    "
    "Software Foundation; either version 2 of the License."
)
COPYLEFT = [
    EITHER,
    'Licensed under the terms of any of the following licenses at your\nchoice:\n\n- GNU General Public License '
    'Version 2 '
    'or later (the "GPL")\n  http://www.gnu.org/licenses/gpl.html\n\n- Mozilla Public License Version 1.1 or later',
    'Licensed under the "GPL"', "Licensed under **GPLv3**", "Licensed under the [GPL](http://x.org)",
    'Licensed under the <a href="x">GPL</a>', "Licensed under <b>GPL</b>",
    "Licensed under the ``GNU General Public License''", "Copyright (C) 2010 X - GPLv2 or later", "Licence GNU/GPL",
    "Author: X, license GPL", "Unless otherwise specified, all files are licensed under GPLv2+.",
    "Dieses Programm ist freie Software. Sie können es unter den Bedingungen der GNU General Public License, "
    "wie von der "
    "Free Software Foundation veröffentlicht, weitergeben.",
    "Ce programme est un logiciel libre; vous pouvez le redistribuer suivant les termes de la GNU General "
    "Public License.",
    "This work is licensed under the Creative Commons Attribution-Share Alike 3.0 Unported License.",
]  # fmt: skip
OTHERS = [
    "This program is free software; you can redistribute it and/or modify it under the same terms as Perl itself.",
    "Este programa es software libre: puede redistribuirlo bajo los términos de la Licencia Pública General GNU.",
    "本程序是自由软件：你可以遵照自由软件基金会出版的 GNU 通用公共许可证条款来修改和重新发布。",
    "The contents of this file are subject to the Zimbra Public License Version 1.2.",
    "Licensed as a CockroachDB Enterprise file under the Cockroach Community License.",
    "Llama 2 is licensed under the LLAMA 2 Community License, Copyright (c) Meta Platforms, Inc.",
    "ORACLE PROPRIETARY/CONFIDENTIAL. Use is subject to license terms.",
    "Licensed Materials - Property of IBM. Restricted Rights",
    "INTEL CONFIDENTIAL",
    "THIS IS UNPUBLISHED PROPRIETARY SOURCE CODE OF AT&T",
    "版权所有，禁止商用",
    "This work is licensed under a Creative Commons Attribution-No Derivative Works 3.0 License.",
]


@pytest.mark.parametrize("text", COPYLEFT)
def test_copyleft_in_other_words_is_seen(text: str) -> None:
    assert classify(header(block(text))) == "copyleft"


@pytest.mark.parametrize("text", OTHERS)
def test_what_binds_in_other_words_is_no_silence(text: str) -> None:
    assert classify(header(block(text))) in ("unknown", "proprietary") and header(block(text))


@pytest.mark.parametrize(
    "text",
    ["Finds code under the GNU General Public License.", "Checks whether a text is the GNU General Public License."],
)
def test_code_that_tells_of_licences_has_none(text: str) -> None:
    assert header(block(text)) == ""
