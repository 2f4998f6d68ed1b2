"""What a place says when several things speak: metadata, texts, REUSE's folder, a README."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from streams.prepare.licences import classify
from streams.sources.folders import files
from streams.sources.folders.folder import describe
from streams.sources.git.cursors import Cursor
from streams.sources.git.history import History
from streams.sources.licences.place import licence_of
from streams.sources.licences.readme import stated
from streams.sources.licences.reuse import identifiers, read_annotations
from tests.support.licences.licences import licence

MIT = licence("MIT")
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n"
OWN = "You may look at this. Anything else you agree with us upon, on paper, in our office.\n" * 8
NPM = '{"license": "MIT"}'


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({"Cargo.toml": '[package]\nlicense = "MIT"\n', "package.json": '{"license": "GPL-3.0-only"}'}, "copyleft"),
        ({"Cargo.toml": '[package]\nlicense = "MIT OR GPL-3.0-only"\n', "package.json": '{"license": "GPL-3.0-only"}'},
         "copyleft"),
        ({"Cargo.toml": '[package]\nlicense = "MIT"\n', "package.json": NPM}, "permissive"),
        ({"Cargo.toml": '[package]\nlicense = "MIT"\n', "package.json": '{"license": "Acme"}'}, "unknown"),
        ({"LICENSE": MIT, "LICENSE-ENTERPRISE": OWN}, "unknown"),
        ({"LICENSE": MIT, "LICENSE.commercial": OWN}, "unknown"),
        ({"LICENSE": MIT, "LICENSE-ENTERPRISE": "Commercial License. No part of it may be copied."}, "proprietary"),
        ({"LICENSE": MIT, "LICENSE-THIRD-PARTY.txt": OWN}, "permissive"),
        ({"LICENSE": MIT, "AUTHORS": OWN}, "permissive"),
        ({"LICENSE": MIT, "COPYRIGHT": OWN}, "permissive"),
        ({"package.json": NPM, "LICENSE": OWN}, "unknown"), ({"package.json": NPM, "LICENSE": "MIT\n"}, "permissive"),
        ({"package.json": NPM, "LICENSE": "Copyright 2020 A. Author\n\nMIT License\n"}, "permissive"),
        ({"package.json": NPM, "LICENSE": "See ../../LICENSE\n"}, "permissive"),
        ({"package.json": NPM, "LICENSE": "Copyright (c) 2020 A. Author\n"}, "permissive"),
        ({"package.json": NPM, "LICENSE": "GPLv3\n"}, "copyleft"),
        ({"package.json": NPM, "LICENSE": f"{MIT}\nYou must pay the author.\n"}, "unknown"),
        ({"package.json": NPM, "LICENSE": MIT[: len(MIT) // 2]}, "unknown"),
        ({"package.json": '{"license": "SEE LICENSE IN LICENSE"}', "LICENSE": MIT}, "permissive"),
        ({"package.json": '{"license": "SEE LICENSE IN LICENSE"}', "LICENSE": OWN}, "unknown"),
        ({"package.json": '{"license": "SEE LICENSE IN LICENSE"}', "setup.cfg": "[metadata]\nlicense = MIT\n"},
         "permissive"),
        ({"package.json": '{"license": "SEE LICENSE IN EULA.txt"}', "setup.cfg": "[metadata]\nlicense = MIT\n"},
         "proprietary"),
        ({"DESCRIPTION": "Package: x\nLicense: MIT + file LICENSE\n", "LICENSE": "YEAR: 2020\nCOPYRIGHT HOLDER: A\n"},
         "permissive"),
        ({"README.md": "This project is licensed under the MIT License.", "LICENSE": GPL}, "copyleft"),
        ({"README.md": "This project is licensed under the MIT License.", "LICENSE": OWN}, "unknown"),
        ({"README.md": "This project is licensed under the MIT License.", "package.json": '{"license": "MPL-2.0"}'},
         "copyleft"),
        ({"LICENSES/MIT.txt": MIT, "LICENSES/GPL-3.0-only.txt": GPL}, "copyleft"),
        ({"LICENSES/MIT.txt": MIT}, "permissive"),
        ({"LICENSES/MIT.txt": MIT, "LICENSES/LicenseRef-Own.txt": OWN}, "unknown"),
        ({"LICENSES/MIT.txt": OWN}, "unknown"), ({"LICENSES/CC-BY-NC-4.0.txt": OWN}, "proprietary"),
    ],
)  # fmt: skip
def test_all_that_a_place_says_holds(contents: dict[str, str], expected: str, tmp_path: Path) -> None:
    assert classify(licence_of(contents, contents.get)[0]) == expected
    for path, text in contents.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    assert classify(describe(tmp_path).licence) == expected


def test_a_folder_and_git_say_the_same_of_reuse(git_folder, tmp_path: Path) -> None:
    texts = {"LICENSES/MIT.txt": MIT, "LICENSES/GPL-3.0-only.txt": GPL, "src/a.py": "a = 1\n"}
    git_folder.commit("one", texts)
    for path, text in texts.items():
        (tmp_path / "f" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / path).write_text(text)
    history = History.open(git_folder.path)
    in_git = {f.path: f.licence for step in history.live(Cursor(), Counter()) for e in step.events
              for f in getattr(e, "files", ())}  # fmt: skip
    in_folder = {f.path: f.licence for e in files.events(tmp_path / "f", Counter()) for f in getattr(e, "files", ())}
    assert in_git["src/a.py"] == in_folder["src/a.py"] == ""
    assert history.describe().licence == describe(tmp_path / "f").licence == "GPL-2.0-or-later AND MIT"


def test_a_name_in_reuse_that_is_not_understood_is_unknown() -> None:
    dep5 = "Files: *\nLicense: Acme own words\n\nFiles: a/*\nLicense: GPL-2+ (see COPYING)\n"
    found = read_annotations(".reuse/dep5", dep5)
    assert (classify(found.of("x.c")), classify(found.of("a/x.c"))) == ("unknown", "copyleft")
    assert found.of("x.c") == "LicenseRef-unknown"
    assert identifiers("SPDX-License-Identifier: GPL-2.0-only (see COPYING)\n") == "GPL-2.0-only"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("This project is licensed under the MIT License - see the [LICENSE](LICENSE) file.", "permissive"),
        ("## License\n\n[MIT](LICENSE)\n", "permissive"), ("License\n=======\n\nBSD-3-Clause\n", "permissive"),
        ("## License\n\nCopyright 2020 A\n\nLicensed under the Apache License, Version 2.0\n", "permissive"),
        ("## 📄 License\n\nGPLv3\n", "copyleft"), ("## License\n\nMIT for the code, GPL for the docs.\n", "copyleft"),
        ("## License\n\nProprietary. All rights reserved.\n", "proprietary"),
        ("This project is licensed under the MIT License for non-commercial use.", "proprietary"),
        ("This project is licensed under the terms of the MIT license, except for `vendor`.", "unknown"),
    ],
)  # fmt: skip
def test_a_readme_says_it_plainly(text: str, expected: str) -> None:
    assert classify(stated(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "x is not MIT licensed.", "x is no longer under MIT.", "It is no longer licensed under the MIT License.",
        "x was licensed under MIT before 2.0.", "Formerly licensed under the MIT License.",
        "It depends on y, which is MIT licensed.", "It uses y, which is licensed under the GPL.",
        "Checks that your dependencies are licensed under the MIT License.",
        "## License\n\nThis is not MIT licensed.\n",
        "A tool to find code released under the MIT license.", "If it is licensed under the GPL, it fails.",
        "## License\n\nSee LICENSE.\n", "Are you looking for MIT licensed code?",
        "It was made at MIT.", "## License checker\n\nMIT\n",
    ],
)  # fmt: skip
def test_a_readme_that_speaks_of_a_licence_states_none(text: str) -> None:
    assert stated(text) == ""


@pytest.mark.parametrize("unit", ["licensed under ", "## License\n", "[", "license\n\n", "*", "a. "])
def test_hostile_readmes_are_read_in_time(unit: str) -> None:
    assert classify(stated(unit * (200_000 // len(unit)))) == "unknown"
