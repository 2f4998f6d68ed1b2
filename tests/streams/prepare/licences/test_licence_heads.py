"""Heads of source files: what states a licence, what takes it back, and what only speaks of one."""

from __future__ import annotations

import time

import pytest

from streams.prepare.licences import classify
from streams.prepare.licences.headers import header

ISC = (
    "Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby "
    "granted, provided that the above copyright notice and this permission notice appear in all copies."
)
MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated "
    'documentation files (the "Software"), to deal in the Software without restriction, including without limitation '
    "the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and "
    "to permit persons to whom the Software is furnished to do so, subject to the following conditions:\n\nThe above "
    "copyright notice and this permission notice shall be included in all copies or substantial portions of the "
    'Software.\n\nTHE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND.'
)
BSD = (
    "Redistribution and use in source and binary forms, with or without modification, are permitted provided that the "
    "following conditions are met:\n1. Redistributions of source code must retain the above copyright notice, this "
    "list of conditions and the following disclaimer.\n2. Redistributions in binary form must reproduce the above "
    "copyright notice, this list of conditions and the following disclaimer in the documentation and/or other "
    "materials provided with the distribution."
)
ZLIB = (
    "Permission is granted to anyone to use this software for any purpose, including commercial applications, and to "
    "alter it and redistribute it freely, subject to the following restrictions:"
)
GPL = (
    "This program is free software; you can redistribute it and/or modify\nit under the terms of the GNU General "
    "Public "
    "License as published by\nthe Free Software Foundation; either version 2 of the License, or\n(at your option) any "
    "later version."
)


def block(text: str) -> str:
    return "/*\n" + "".join(f" * {line}\n" for line in text.split("\n")) + " */\nint x;\n"


def hashes(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.split("\n")) + "x = 1\n"


def classes(text: str) -> set[str]:
    """Of the same words in two kinds of comments; none where they state nothing."""
    said = {header(block(text)), header(hashes(text))}
    return {classify(spdx) if spdx else "none" for spdx in said}


@pytest.mark.parametrize(
    ("notice", "spdx"),
    [(ISC, "ISC"), (MIT, "MIT"), (BSD, "BSD-2-Clause"), (ZLIB, "Zlib"), (GPL, "GPL-2.0-or-later"),
     (BSD + "\n3. Neither the name of X nor the names of its contributors may be used to endorse or promote products.",
      "BSD-3-Clause"),
     ("This is free and unencumbered software released into the public domain.", "Unlicense"),
     (f"{'A word of mine. ' * 9}\n" * 22 + MIT, "MIT")],
)  # fmt: skip
def test_a_whole_notice_counts(notice: str, spdx: str) -> None:
    assert header(block(notice)) == header(hashes(notice)) == spdx


@pytest.mark.parametrize(
    "notice",
    [
        ISC.replace("any purpose", "any NON-COMMERCIAL purpose"), ISC.replace("any purpose", "any personal purpose"),
        BSD + "\n3. For academic use only.", BSD.replace("are permitted", "are not permitted"),
        BSD.replace("are permitted", "are permitted for non-profit use"), f"{BSD}\n3. This software may not be sold.",
        f"{BSD}\n3. It must not be used for commercial purposes.", f"{BSD}\nUse is limited to internal evaluation use.",
        MIT.replace("to any person", "to any STUDENT"), MIT.replace("hereby granted", "hereby NOT granted"),
        MIT.replace(", sublicense, and/or sell", ""), f"{MIT}\nNot for commercial use.",
        f'{MIT}\n"Commons Clause" License Condition v1.0.', f"{MIT}\nThe Software may be used for evaluation only.",
        f"{MIT}\nCommercial use requires a license.", ZLIB.replace("including commercial", "excluding commercial"),
        "Permission is granted to use this software for non-profit purposes.",
        "Permission is hereby granted to members of the club.", MIT.replace("to use, copy,", "to view, copy,"),
        ISC.replace("is hereby granted", "is not granted"), ISC.replace("any purpose", "research purposes"),
        BSD.replace("or without modification", "no modification"), f"{BSD}\nCommercial redistribution is forbidden.",
        'Licensed under the Acme Community License, Version 1.0 (the "License")',
        "Licensed under the MIT License for evaluation only.", "MIT licensed for non-commercial use.",
        "Licensed under the MIT License with the Commons Clause.", "License: MIT (non-commercial)",
        "Licensed under the Apache License, Version 2.0. Free for academic use.",
        "SPDX-License-Identifier: MIT\nFor non-commercial use only.", "SPDX-License-Identifier: MIT WITH "
        "Commons-Clause",
    ],
)  # fmt: skip
def test_a_notice_that_takes_a_right_back_is_not_permissive(notice: str) -> None:
    assert classes(notice) <= {"unknown", "proprietary"}


@pytest.mark.parametrize(
    "text",
    [
        "License: GPLv2 or later", "Plugin Name: X\nLicense: GPL-2.0+\nLicense URI: "
        "https://www.gnu.org/licenses/gpl-2.0.html",
        "@license GPL-3.0", "@license   GNU GPL v3", "@license LGPL", "@license GNU/GPL "
        "http://www.gnu.org/copyleft/gpl.html",
        "@license http://opensource.org/licenses/osl-3.0.php Open Software License (OSL 3.0)", "License:\n  GPL-3.0",
        "Licence: GPL v3", "License    : GNU GPL, version 2 or above", "This file is licensed under GPL version 3",
        "Licensed under the LGPL", "under the terms of the LGPL v2.1", "Licensed under the EUPL, Version 1.2 or later",
        "is published under the European Union Public Licence", "Licensed under CC BY-SA 4.0", "AGPLv3 licensed",
        "This work is licensed under a Creative Commons Attribution-ShareAlike 3.0 Unported License",
        "This software is governed by the CeCILL license under French law", "governed by the CeCILL-C license",
        "This source file is subject to the Open Software License (OSL 3.0)\nthat is bundled with this package",
        "made available under the terms of the Common Public License v1.0", "! foo v1 | GPLv3 License", "GPL v3",
        "Licensed under the Microsoft Reciprocal License (MS-RL)", "Licensed under the Server Side Public License, v 1",
        "You should have received a copy of the GNU General Public License along with this program.",
        "The contents of this file are subject to the Mozilla Public License Version 1.1",
        "Copyright 2020 X. GPL licensed",
        "This file is part of X, which is licensed under the GPLv3.", "X is distributed under the GNU GPL",
        "License LGPL-3.0 or later (http://www.gnu.org/licenses/lgpl).", "License: MIT and GPL", "Released under GPL",
        "Licensed under the MIT License. Includes code under the LGPL.", "@SPDX-License-Identifier: GPL-3.0",
        "Original code by A. Author, Mozilla Public License http://example.org/parser.js",
        "Based on the cookies of jQuery (dual licensed under the MIT and GPL licenses)\n@license GPLv2 or later",
        "Licensed under the MIT license. Parts are licensed under the GPL.", "Licensed under MIT and GPL.",
        f"{GPL}\nSee alternatively the docs.\nPermission is hereby granted, free of charge, to X.", f"{MIT}\n{GPL}",
        "License GPLv3+: GNU GPL version 3 or later <https://gnu.org/licenses/gpl.html>",
    ],
)  # fmt: skip
def test_a_copyleft_statement_is_read(text: str) -> None:
    assert classes(text) == {"copyleft"}


@pytest.mark.parametrize(
    "text",
    [
        "https://creativecommons.org/licenses/by-nc-sa/4.0/ \n License: "
        "https://creativecommons.org/licenses/by-nc/4.0/",
        "This work is licensed under a Creative Commons Attribution-NonCommercial 4.0 International License.",
        "Licensed under the Elastic License 2.0", "Licensed under the Business Source License 1.1",
        "Licensed under the Elastic License; you may not use this file except in compliance with the Elastic License.",
        "Use of this software is governed by the Business Source License included in the LICENSE file",
        "NVIDIA CORPORATION and its licensors retain all intellectual property\nand proprietary rights in and to this",
        "Licensed under the PolyForm Noncommercial License 1.0.0", "License: Proprietary", "License: Commercial",
        "Use of this sample source code is subject to the terms of the Microsoft license agreement under which you "
        "got it",
        "@license Acme Proprietary License", "Free for non-commercial use.", "For personal use only.",
        "For academic use only", "SPDX-License-Identifier: BUSL-1.1",
    ],
)  # fmt: skip
def test_what_keeps_rights_back_is_read(text: str) -> None:
    assert classes(text) == {"proprietary"}


@pytest.mark.parametrize(
    "text",
    [
        "@license MIT", "@licence MIT", "@license BSD-3-Clause", "@license    New BSD License",
        "* License: MIT License",
        "Licensed under the MIT License", "MIT licensed", "MIT Licensed.", "Released under the BSD license",
        "Licensed under the Apache License, Version 2.0", "Apache License, Version 2.0", "Released under CC0",
        "This code is released under the zlib license", "This file is in the public domain.", "The MIT License (MIT)",
        "Distributed under the Boost Software License, Version 1.0.\n(See accompanying file LICENSE_1_0.txt)",
        "jQuery JavaScript Library v3\nReleased under the MIT license\nhttps://jquery.org/license",
        "foo v1 | (c) X | MIT License", ":license: BSD, see LICENSE for more details.",
        "Use of this source code is governed by a BSD-style\nlicense that can be found in the LICENSE file.",
        "Dual licensed under the MIT and GPL licenses.", "Licensed under either the MIT or the GPL at your option.",
        f"{GPL}\nAlternatively, this may be used under the MIT license.", "governed by the CeCILL-B license",
        'Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in '
        'compliance '
        "with the License.",
    ],
)  # fmt: skip
def test_a_permissive_statement_is_read(text: str) -> None:
    assert classes(text) == {"permissive"}


@pytest.mark.parametrize(
    "text",
    [
        "this checks whether the GPL applies", "incompatible with the GPL", "unlike GPL code", "not under the GPL",
        "It is incompatible with code under the GPL.", "This file is not licensed under the GPL.", "Parses GPL headers",
        "Finds code licensed under the GPL.", "Returns files under the GPL license", "This is no longer under the GPL.",
        "Check if a package is licensed under the AGPL.", "It is not MIT licensed.", "GPL compatible license",
        "depends on foo, which is MIT licensed", "Was MIT licensed until 2.0", "was licensed under MIT before 2.0",
        "Software that is licensed under MIT is fine", "license: str | None", "License: see LICENSE",
        "License: the SPDX expression of the repository", "This example is for educational purposes.",
        "must not be distributed under the GPL", "projects released under the GPL are skipped", "We hate the GPL.",
        "Some packages are licensed under the GPL.", "This code isn't under the GPL", "Never released under the GPL.",
        "assumes that code is licensed under the GPL", "If the project is released under the GPL, return 1",
        "lazy evaluation of expressions", "For internal use only.", "It runs under Apache and under X11.",
        "Asks for permission to use the camera; when permission is granted to it, it goes on.",
    ],
)  # fmt: skip
def test_prose_that_speaks_of_a_licence_states_none(text: str) -> None:
    assert classes(text) == {"none"}


@pytest.mark.parametrize(
    ("line", "spdx"),
    [
        ("GPL-2.0-only (see COPYING)", "GPL-2.0-only"), ("GPL-2.0 /* comment", "GPL-2.0"), ("MIT -- see LICENSE",
         "MIT"),
        ("MIT,", "MIT"), ("MIT.", "MIT"), ("GPL-2.0+", "GPL-2.0+"), ("GPL-2.0 or later", "GPL-2.0-or-later"),
        ("(MIT OR GPL-2.0-only) see x", "(MIT OR GPL-2.0-only)"), ("MIT, parts GPL-2.0", "MIT AND GPL-2.0-or-later"),
        ("MIT see LICENSE.GPL", "MIT AND GPL-2.0-or-later"), ("Foo see x", "LicenseRef-unknown"), ("GPLv2", "GPLv2"),
        ("BSD 3-Clause", "BSD"), ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception"),
        ("<your licence>", ""), ("LicenseRef-Own", "LicenseRef-Own"),
    ],
)  # fmt: skip
def test_a_line_of_spdx_with_words_behind(line: str, spdx: str) -> None:
    assert header(f"// SPDX-License-Identifier: {line}\nint x;\n") == spdx


@pytest.mark.parametrize(
    ("value", "expected"),
    [("GPLv3", "GPL-3.0-only"), ("MIT", "MIT"), ("GNU GPL v2", "GPL-2.0-only"), ("Acme License", "LicenseRef-unknown"),
     ("Proprietary", "LicenseRef-proprietary"), ("see LICENSE", ""), ("Apache 2.0", "Apache-2.0")],
)  # fmt: skip
def test_a_module_says_it_in_a_variable(value: str, expected: str) -> None:
    assert header(f'import x\n__license__ = "{value}"\n') == expected
    assert header(f'def f():\n    __license__ = "{value}"\n') == ""


UNITS = (
    "(", "licensed under ", "license: ", "permission is hereby ", "under the terms of the ", "mit or ", "gpl, ",
    "either ",
    "alternatively ", "@license ", "a licensed ", "non-commercial, ", "research and ", "use strictly ",
    "| mit license ",
    "redistribution and use in source and binary forms ", "permission to use, ", "gpl v2 or later ", "dual ",
    "SPDX-License-Identifier: (", "not copied without ", "copyright notice ",
)  # fmt: skip


@pytest.mark.parametrize("unit", UNITS)
def test_hostile_heads_are_read_in_time(unit: str) -> None:
    heads = (f"# {unit * (6_000 // len(unit))}", f"# {unit * (90 // len(unit) + 1)}\n" * 60)
    began = time.perf_counter()
    for head in heads:
        header(head)
    assert time.perf_counter() - began < 1  # some milliseconds each; a quadratic pattern takes seconds
