"""The nearest licence counts: of a file, of its folder, of REUSE, of the repository; in folders, git and archives."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from pathlib import Path

import pytest

from streams.event import ChangedFile, Commit, Files, Notebook, Repository, SourceFile, encode
from streams.prepare.expand import expand
from streams.prepare.licences import POLICIES, classify
from streams.prepare.licences.headers import header
from streams.prepare.prepare import weigh
from streams.prepare.rules.rule import Verdict
from streams.sources.folders import archives, files, folder
from streams.sources.git.cursors import Cursor, Cursors
from streams.sources.git.history import History
from streams.sources.licences.nearest import Licences
from streams.sources.licences.readme import stated
from streams.sources.licences.reuse import MAX_CHARS, MAX_PATTERNS, identifiers, read_annotations
from tests.support.documents.recipes import default
from tests.support.licences.licences import licence

GPL = "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007\n"
MPL = '{"license": "MPL-2.0"}'


def licences(contents: dict[str, str]) -> Licences:
    found = Licences(contents.get)
    for path in contents:
        found.put(path, path)
    return found


@pytest.mark.parametrize(
    ("contents", "path", "spdx"),
    [
        ({"LICENSE": GPL, "sub/LICENSE": licence("MIT")}, "sub/deep/a.py", "MIT"),
        ({"LICENSE": licence("MIT"), "sub/COPYING": GPL}, "sub/a.py", "GPL-2.0-or-later"),
        ({"LICENSE": licence("MIT"), "sub/COPYING": GPL}, "subs/a.py", ""),
        ({"packages/a/package.json": MPL, "packages/b/package.json": "{}"}, "packages/a/src/a.js", "MPL-2.0"),
        ({"packages/a/package.json": MPL, "packages/b/package.json": "{}"}, "packages/b/src/b.js", ""),
        ({"a/package.json": MPL, "a/b/LICENSE": licence("MIT")}, "a/b/c.js", "MIT"),
        ({"a/package.json": '{"license": "MIT"}', "a/COPYING": GPL}, "a/b.js", "(MIT) AND (GPL-2.0-or-later)"),
        ({"a/LICENSE-MIT": licence("MIT"), "a/LICENSE-APACHE": licence("Apache-2.0")}, "a/b", "Apache-2.0 OR MIT"),
        ({"a/LICENSE": "Own words about nothing."}, "a/b.py", "LicenseRef-unknown"),
        ({"a/copyright.md": "Somebody wrote this."}, "a/b.py", ""),
        ({"a/license.py": GPL}, "a/b.py", ""),
        ({"a/b.py.license": "SPDX-License-Identifier: MIT\n", "a/COPYING": GPL}, "a/b.py", "MIT"),
        ({"a/b.py.license": "SPDX-License-Identifier: MIT\n", "a/COPYING": GPL}, "a/c.py", "GPL-2.0-or-later"),
        ({"a/LICENSES/GPL-3.0.txt": GPL}, "a/b.py", "GPL-2.0-or-later"),
        ({"a/LICENSES/GPL-3.0.txt": GPL, "a/LICENSE": licence("MIT")}, "a/b.py", "MIT"),
        ({"LICENSE": licence("MIT")}, "a/b.py", ""),
        ({}, "a/b.py", ""),
    ],
)  # fmt: skip
def test_the_nearest_place_decides(contents: dict[str, str], path: str, spdx: str) -> None:
    assert licences(contents).of(path) == spdx


REUSE = """
version = 1
[[annotations]]
path = "**"
SPDX-License-Identifier = "MIT"
[[annotations]]
path = ["lib/*.c", "tools/**/gen.py", 'odd\\*.py']
SPDX-License-Identifier = ["GPL-3.0-only", "MIT"]
"""
DEP5 = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: MIT

Files: data/*
 src/?.h
Copyright: A
License: LGPL-2.1-only
 The text of it.
"""


@pytest.mark.parametrize(
    ("name", "path", "spdx"),
    [
        ("REUSE.toml", "a/b.py", "MIT"), ("REUSE.toml", "lib/a.c", "GPL-3.0-only AND MIT"),
        ("REUSE.toml", "lib/deep/a.c", "MIT"), ("REUSE.toml", "tools/x/y/gen.py", "GPL-3.0-only AND MIT"),
        ("REUSE.toml", "odd*.py", "GPL-3.0-only AND MIT"), ("REUSE.toml", "odd1.py", "MIT"),
        (".reuse/dep5", "a/b.py", "MIT"), (".reuse/dep5", "data/x/y", "LGPL-2.1-only"),
        (".reuse/dep5", "src/a.h", "LGPL-2.1-only"), (".reuse/dep5", "src/ab.h", "MIT"),
    ],
)  # fmt: skip
def test_reuse_says_it_by_patterns_of_which_the_last_one_counts(name: str, path: str, spdx: str) -> None:
    text = DEP5 if name.endswith("dep5") else REUSE
    assert licences({name: text}).of(path) == spdx
    assert licences({f"sub/{name}": text}).of(f"sub/{path}") == spdx
    assert licences({f"sub/{name}": text}).of(path) == ""


def test_a_folder_comes_before_reuse() -> None:
    assert licences({"REUSE.toml": REUSE, "vendor/x/COPYING": GPL}).of("vendor/x/a.c") == "GPL-2.0-or-later"


def test_what_is_no_reuse_says_nothing_and_a_pattern_costs_no_time() -> None:
    for text in ("[", "annotations = 1", "[[annotations]]\npath = 1", "\0" * 1000):
        assert not read_annotations("REUSE.toml", text).patterns
    pattern = "**a*" * (MAX_CHARS // 4)
    rows = f'[[annotations]]\npath = "{pattern}"\nSPDX-License-Identifier = "MIT"\n'
    found = read_annotations("REUSE.toml", rows)
    assert found.of("a" * (MAX_CHARS - 2) + "/a") == "MIT" and found.of("b" * MAX_CHARS) == ""
    assert found.of("a" * (MAX_CHARS + 1)) == ""
    assert len(read_annotations("REUSE.toml", rows * (MAX_PATTERNS + 9)).patterns) == MAX_PATTERNS
    assert identifiers("# SPDX-License-Identifier: MIT OR ISC\n# SPDX-License-Identifier: GPL-2.0-only */\n") == (
        "GPL-2.0-only AND (MIT OR ISC)"
    )


def test_one_state_after_the_other() -> None:
    contents = {"1": GPL, "2": licence("MIT")}
    found = Licences(contents.get)
    for id_, spdx in (("1", "GPL-2.0-or-later"), ("2", "MIT"), ("", ""), ("9", "LicenseRef-unknown")):
        found.put("a/LICENSE", id_)
        assert found.of("a/b/c.py") == spdx


def test_links_are_followed_within_the_repository() -> None:
    contents = {"1": licence("MIT"), "2": "../COPYING", "3": "../../etc/COPYING", "4": "LICENSE"}
    found = Licences(contents.get)
    found.put("COPYING", "1")
    for path, id_ in (("a/LICENSE", "2"), ("b/LICENSE", "3"), ("c/LICENSE", "4")):
        found.put(path, id_, is_link=True)
    assert [found.of(f"{folder}/x.py") for folder in "abc"] == ["MIT", "LicenseRef-unknown", "LicenseRef-unknown"]


TREE = {
    "LICENSE": licence("MIT"), "a.py": "a = 1\n", "sub/COPYING": GPL, "sub/b.py": "b = 1\n", "sub/x/c.py": "c = 1\n",
    "sub/n.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": "1"}]}),
    "packages/p/package.json": MPL, "packages/p/d.js": "d\n",
}  # fmt: skip
SAID = {
    "LICENSE": "", "a.py": "", "sub/COPYING": "GPL-2.0-or-later", "sub/b.py": "GPL-2.0-or-later",
    "sub/x/c.py": "GPL-2.0-or-later", "sub/n.ipynb": "GPL-2.0-or-later", "packages/p/package.json": "MPL-2.0",
    "packages/p/d.js": "MPL-2.0",
}  # fmt: skip


def write(folder: Path, contents: dict[str, str]) -> Path:
    for name, text in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def said(events) -> dict[str, str]:
    found: dict[str, str] = {}
    for event in events:
        several = [event] if isinstance(event, Notebook) else event.files
        found |= {one.path: one.licence for one in several}
    return found


def test_a_folder_says_it(tmp_path: Path) -> None:
    root = write(tmp_path / "x", TREE)
    assert said(files.events(root, Counter())) == SAID


def test_an_archive_says_it(tmp_path: Path) -> None:
    root = write(tmp_path / "x-1.0", TREE)
    with tarfile.open(tmp_path / "x-1.0.tar.gz", "w:gz") as tar:
        tar.add(root, "x-1.0")
    assert said(archives.events(tmp_path / "x-1.0.tar.gz", Counter())) == SAID


def test_a_link_out_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"out/LICENSE": licence("MIT"), "x/a.py": "a", "x/sub/b.py": "b", "x/docs/COPYING": GPL})
    (tmp_path / "x/LICENSE").symlink_to("../out/LICENSE")
    (tmp_path / "x/sub/LICENSE").symlink_to("../docs/COPYING")
    found = list(files.events(tmp_path / "x", Counter()))
    assert found[0].repository.licence == ""
    assert said(found)["sub/b.py"] == "GPL-2.0-or-later"


def test_git_says_it_of_the_tree_and_of_each_commit(git_folder) -> None:
    git_folder.commit("one", {"LICENSE": licence("MIT"), "sub/b.py": "b = 1\n"})
    git_folder.commit("two", {"sub/COPYING": GPL, "sub/b.py": "b = 2\n"})
    git_folder.commit("three", {"sub/COPYING": licence("BSD-2-Clause"), "sub/b.py": "b = 3\n"})
    git_folder.git("rm", "-q", "sub/COPYING")
    git_folder.commit("four", {"sub/b.py": "b = 4\n"})
    history = History.open(git_folder.path)
    by_commit = {"one": "", "two": "GPL-2.0-or-later", "three": "BSD-2-Clause", "four": ""}
    live = [event for step in history.live(Cursor(), Counter()) for event in step.events]
    assert of_commits(live) == by_commit
    cursors, _ = history.begin(Cursors())
    assert of_commits(e for step in history.past(cursors.past, Counter()) for e in step.events) == by_commit
    versions = [file for e in live if isinstance(e, Files) for file in e.files if file.path == "sub/b.py"]
    assert [file.licence for file in versions] == list(by_commit.values())[:3]  # three whole copies


def of_commits(events) -> dict[str, str]:
    return {
        event.message: file.licence
        for event in events if isinstance(event, Commit) for file in event.files if file.path == "sub/b.py"
    }  # fmt: skip


def test_git_says_it_of_a_pass_that_begins_within_a_history(git_folder) -> None:
    git_folder.commit("one", {"LICENSE": licence("MIT"), "sub/COPYING": GPL, "sub/b.py": "b = 1\n"})
    history = History.open(git_folder.path)
    cursors, _ = history.begin(Cursors())
    tree = [event for step in history.present(cursors.present, Counter()) for event in step.events]
    assert said(tree) == {"LICENSE": "", "sub/COPYING": "GPL-2.0-or-later", "sub/b.py": "GPL-2.0-or-later"}
    git_folder.commit("two", {"sub/b.py": "b = 2\n"})
    steps = history.live(cursors.live, Counter(), cursors.present.commit)
    assert of_commits(event for step in steps for event in step.events) == {"two": "GPL-2.0-or-later"}


def test_git_follows_links_within_the_tree(git_folder) -> None:
    git_folder.commit("one", {"docs/COPYING": GPL, "sub/b.py": "b = 1\n"})
    (git_folder.path / "sub/LICENSE").symlink_to("../docs/COPYING")
    (git_folder.path / "LICENSE").symlink_to("docs/COPYING")
    git_folder.commit("two", {"sub/b.py": "b = 2\n"})
    history = History.open(git_folder.path)
    assert history.describe().licence == "GPL-2.0-or-later"
    events = [event for step in history.live(Cursor(), Counter()) for event in step.events]
    assert of_commits(events) == {"one": "", "two": "GPL-2.0-or-later"}


def test_a_files_licence_comes_before_the_repositorys() -> None:
    repository = Repository(name="r", licence="MIT")
    source = SourceFile(path="sub/a.py", text="a = 1\n" * 20, licence="GPL-3.0-only")
    changed = ChangedFile(path="sub/a.py", before="a = 1\n", after="a = 2\n", licence="GPL-3.0-only")
    spdx = SourceFile(path="sub/b.py", text="# SPDX-License-Identifier: ISC\n" + "b = 1\n" * 20, licence="GPL-3.0-only")
    for event in (Files(repository=repository, files=[source]), Commit(
        repository=repository, sha="1", message="Change the first", files=[changed],
    )):  # fmt: skip
        (document,) = expand(encode(event), 0).documents
        assert document.licence == "GPL-3.0-only"
        verdict = weigh(document, default())
        assert isinstance(verdict, Verdict) and verdict.rule == "licence"
    (document,) = expand(encode(Files(repository=repository, files=[spdx])), 0).documents
    weigh(document, default())
    assert document.licence == "ISC"


def test_the_policies() -> None:
    kept = {name: {spdx for spdx in ("MIT", "LicenseRef-x", "GPL-3.0-only", "BUSL-1.1") if classify(spdx) in classes}
            for name, classes in POLICIES.items()}  # fmt: skip
    assert kept["permissive"] == {"MIT"}
    assert kept["no-copyleft"] == {"MIT", "LicenseRef-x"}
    assert len(kept["any"]) == 4
    assert default().settings()["licence.policy"] == "no-copyleft"


@pytest.mark.parametrize(
    ("text", "spdx"),
    [
        ("# x\n\nx is licensed under the GPL.\n", "GPL-2.0-or-later"),
        ("Released under the terms of the\nGNU Lesser General Public License, version 2.1.", "LGPL-2.1-only"),
        ("Distributed under version 2.0 of the Mozilla Public License.", "MPL-2.0"),
        ("## License\n\nMIT © A. Author\n", "MIT"), ("License\n-------\n\nApache 2.0\n", "Apache-2.0"),
        ("x is dual-licensed under the MIT license and the GPLv3.", "MIT OR GPL-3.0-only"),
        ("It reads GPL headers. The MIT made it.", ""), ("Available under `/usr/share`.", ""),
    ],
)  # fmt: skip
def test_a_readme_states_a_licence(text: str, spdx: str) -> None:
    assert stated(text) == spdx


def test_a_readme_counts_where_nothing_else_is_said() -> None:
    text = "x is licensed under the GPL."
    assert licences({"README.md": text}).repository()[0] == "GPL-2.0-or-later"
    assert licences({"README.md": text, "LICENSE": licence("MIT")}).repository()[0] == "MIT"
    assert licences({"README.md": text, "LICENSE": "Own words."}).repository() == ("GPL-2.0-or-later", "")
    assert licences({"README.md": text, "setup.py": 'setup(name="x", license="MIT")'}).repository()[0] == "MIT"
    both = 'setup(classifiers=["License :: OSI Approved :: GNU General Public License v3 (GPLv3)"])'
    assert licences({"setup.py": both}).repository()[0] == "GPL-3.0-only"


GPL_WORDS = (
    "This program is free software under the terms of the GNU General Public License, either version 2 or later."
)
MIT_WORDS = "Permission is hereby granted, free of charge, to any person obtaining a copy."


@pytest.mark.parametrize(
    "text",
    [
        f"/*\n   {GPL_WORDS}\n*/\nint x;\n", f'"""\n{GPL_WORDS}\n"""\nx = 1\n', f"(*\n {GPL_WORDS}\n*)\nlet x = 1\n",
        f"<!--\n{GPL_WORDS}\n-->\n<a/>\n", f"--[[\n{GPL_WORDS}\n]]\nx = 1\n", f"{{-\n{GPL_WORDS}\n-}}\nx = 1\n",
        f"/*\n {GPL_WORDS}\n\n {MIT_WORDS}\n*/\nint x;\n", "/*\n SPDX-License-Identifier: GPL-3.0-only\n*/\nint x;\n",
        "// SPDX-License-Identifier: MIT\n// SPDX-License-Identifier: GPL-2.0-only\nint x;\n",
        f"// SPDX-License-Identifier: MIT\n// {GPL_WORDS}\nint x;\n",
    ],
)  # fmt: skip
def test_a_notice_in_a_block_or_beside_another_is_read(text: str) -> None:
    assert classify(header(text)) == "copyleft"


def test_strings_and_code_are_no_head() -> None:
    assert header(f'LICENCES = [\n    "{GPL_WORDS}",\n]\n') == ""
    assert header('int main() {\n  puts("/*");\n}\n') == ""
    assert header("/* SPDX-License-Identifier: MIT */\nint x;\n") == "MIT"
    assert header('"""Like it.\n\n# SPDX-License-Identifier: Apache-2.0\n"""\nx = 1\n') == "Apache-2.0"


def test_an_unknown_exception_leaves_a_licence_unknown() -> None:
    assert classify("MIT WITH Commons-Clause") == "unknown"
    assert classify("Apache-2.0 WITH LLVM-exception") == "permissive"
    assert classify("GPL-2.0-only WITH Classpath-exception-2.0") == "copyleft"


def test_hostile_files_of_a_folder_are_read_in_time(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").symlink_to("COPYING")
    (tmp_path / "COPYING").symlink_to("LICENSE")
    (tmp_path / "pyproject.toml").write_text("a=" + "[" * 5_000)
    (tmp_path / "x.gemspec").write_text("s.license =" + " " * 100_000)
    (tmp_path / "LICENCE.txt").write_text("PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2 BEOPEN\n" * 1_900)
    assert folder.describe(tmp_path).licence in ("", "LicenseRef-unknown")


def test_a_page_that_shows_the_repositorys_licence_is_no_licence_of_its_folder(tmp_path: Path) -> None:
    texts = {"LICENSE": licence("MIT"), "docs/license.rst": "License\n=======\n\n.. literalinclude:: ../LICENSE\n"}
    for path, text in {**texts, "docs/a.py": "x = 1\n", "b/LICENSE.rst": "Ask us.\n", "b/a.py": "y = 1\n"}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    sent = [file for event in files.events(tmp_path, Counter()) for file in getattr(event, "files", ())]
    said = {file.path: file.licence for file in sent}
    assert (said["docs/a.py"], said["b/a.py"]) == ("", "LicenseRef-unknown")
