"""What cannot be read, or refuses, beside metadata that say MIT: the place is not permissive."""

from __future__ import annotations

import tarfile
from collections import Counter
from pathlib import Path

import pytest

from streams.prepare.licences import classify
from streams.sources.folders import archives
from streams.sources.folders.folder import describe
from streams.sources.licences.nearest import Licences
from tests.support.licences.licences import licence

MIT = licence("MIT")
GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n"
NPM = '{"license": "MIT"}'
LARGE = "Own words. " * 100_000


def verdict(contents: dict[str, str | None]) -> str:
    found = Licences(contents.get)
    for path in contents:
        found.put(path, path)
    return classify(found.repository()[0])


@pytest.mark.parametrize(
    ("contents", "expected"),
    [
        ({"LICENSE": "All rights reserved."}, "unknown"), ({"LICENSE": "\0\1\2" * 99}, "unknown"),
        ({"LICENSE": LARGE}, "unknown"), ({"LICENSE.pdf": "%PDF-1.4\0"}, "unknown"),
        ({"LICENSE": "Copyright (c) 2020 Acme. All rights reserved."}, "unknown"),
        ({"LICENSE": "(c) Acme - do not copy or use"}, "unknown"),
        ({"LICENSE": "Copyright 2020 Acme. No use without a contract."}, "unknown"),
        ({"LICENSE": "Copyright 2020 Acme. No use without a contract.\nMIT\n"}, "unknown"),
        ({"LICENSE.rst": ".. include:: ../../terms.rst\n"}, "unknown"),
        ({"LICENSE.rst": ".. include:: terms.rst\n", "terms.rst": "Pay."}, "unknown"),
        ({"LICENSE.rst": ".. include:: COPYING\n\nYou must pay us.\n", "COPYING": MIT}, "unknown"),
        ({"LICENSE.rst": "License\n=======\n\n.. include:: COPYING\n", "COPYING": MIT}, "permissive"),
        ({"License Agreement.txt": "You must pay us."}, "unknown"), ({"LICENSE/GPL.txt": GPL}, "copyleft"),
        ({"licenses/GPL.txt": GPL}, "copyleft"), ({"licenses/own.txt": "You must pay us."}, "unknown"),
        ({"licenses/MIT.txt": MIT}, "permissive"), ({"licenses/README.md": "The texts."}, "permissive"),
        ({"license/check.py": "x = 1"}, "permissive"), ({"LICENSE": MIT, "licenses/GPL.txt": GPL}, "permissive"),
        ({"LICENSE": "Copyright (c) 2020 A. Author\n"}, "permissive"), ({"LICENSE": ""}, "permissive"),
        ({"LICENSE": "Copyright (c) 2020 A. Author. All rights reserved.\n\nMIT License\n"}, "permissive"),
        ({"COPYRIGHT": "(c) Acme - do not copy or use"}, "unknown"), ({"EULA.txt": "You must pay us."}, "unknown"),
        ({"COPYRIGHT": "Copyright (c) 2020 Acme. All rights reserved."}, "permissive"),
    ],
)  # fmt: skip
def test_a_text_that_is_not_read_or_refuses(contents: dict[str, str], expected: str, tmp_path: Path) -> None:
    for path, text in {**contents, "package.json": NPM}.items():
        (tmp_path / "x" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / path).write_text(text)
    assert classify(describe(tmp_path / "x").licence) == expected
    with tarfile.open(tmp_path / "x-1.tar", "w") as tar:
        tar.add(tmp_path / "x", "x")
    event = next(iter(archives.events(tmp_path / "x-1.tar", Counter())))
    assert classify(event.repository.licence) == expected


def test_what_cannot_be_read_is_unknown_beside_others() -> None:
    assert verdict({"LICENSE": None, "package.json": NPM}) == "unknown"
    assert verdict({"LICENSE": MIT, "package.json": None}) == "unknown"
    assert verdict({"LICENSE": None, "README.md": "## License\n\nMIT\n"}) == "unknown"
    assert verdict({"LICENSE": MIT, "COPYRIGHT": None}) == "permissive"


def test_a_folder_that_keeps_its_rights_has_not_the_roots_licence() -> None:
    contents = {"LICENSE": MIT, "a/LICENSE": "All rights reserved.", "b/LICENSE": "Copyright (c) 2020 A. Author",
                "c/license/GPL.txt": GPL, "d/license/notes.txt": "Our notes."}  # fmt: skip
    found = Licences(contents.get)
    for path in contents:
        found.put(path, path)
    said = [found.of(f"{folder}/x.py") for folder in "abcd"]
    assert said == ["LicenseRef-unknown", "", "GPL-2.0-or-later", ""]


@pytest.mark.parametrize(
    ("apache", "expected"),
    [(licence("Apache-2.0"), "Apache-2.0 OR MIT"), (GPL, "GPL-2.0-or-later AND MIT"), (MIT, "MIT")],
)
def test_a_choice_is_offered_only_by_texts_that_are_what_their_names_say(apache: str, expected: str) -> None:
    contents = {"LICENSE-MIT": MIT, "LICENSE-APACHE": apache}
    found = Licences(contents.get)
    for path in contents:
        found.put(path, path)
    assert found.repository()[0] == expected
