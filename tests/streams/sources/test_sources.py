"""Folders, notebooks and GitHub's events as events; licences; the split into records."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from streams.event import MAX_RECORD_BYTES, ChangedFile, Commit, Files, Issue, Repository, SourceFile, decode, encode
from streams.prepare.licences.texts import recognise
from streams.sources.folders import files
from streams.sources.licences.declared import from_metadata
from streams.sources.licences.place import licence_of
from streams.sources.record import records
from streams.sources.repository import host_and_name
from streams.sources.texts import notebooks
from tests.support.licences.licences import licence


def write(folder: Path, contents: dict[str, str | bytes]) -> Path:
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def test_a_folder_is_read_in_the_order_of_its_paths(tmp_path):
    root = write(tmp_path / "project", {"b.py": "b", "a/z.py": "z", "a.py": "a", ".git/config": "no"})
    (event,) = files.events(root, Counter())
    assert [file.path for file in event.files] == ["a.py", "a/z.py", "b.py"]
    assert event.repository.key == "local/project"


def test_a_folder_is_read_the_same_way_twice(tmp_path):
    root = write(tmp_path, {f"{i}.py": "x" * i * 1000 for i in range(60)})
    first, second = list(files.events(root, Counter())), list(files.events(root, Counter()))
    assert first == second
    assert all(len(event.files) <= 16 for event in first)
    assert all(sum(len(f.text) for f in event.files) <= 256 * 1024 for event in first)
    assert sum(len(event.files) for event in first) == 60


def test_what_is_no_text_in_a_folder_is_counted(tmp_path):
    kinds = {"a.py": "\ufeffa", "b": b"\0", "l": b"\xff", "huge": "x" * (1 << 20) + "y"}
    left_out: Counter[str] = Counter()
    (event,) = files.events(write(tmp_path, kinds), left_out, "named")
    assert event.files == [SourceFile(path="a.py", text="a")]
    assert event.repository.name == "named"
    assert left_out == {"binary": 1, "unknown encoding": 1, "larger than 1 MiB": 1}


def test_names_of_bytes_and_licences_of_half_characters_can_be_encoded(tmp_path):
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd-\xff"))
    write(odd, {"a.py": "a", "package.json": '{"license": "MIT\\ud800"}', "n.ipynb": json.dumps(V4)})
    (odd / os.fsdecode(b"\xed\xa0\x80.py")).write_text("b")
    for event in [*files.events(odd, Counter()), *notebooks.events(odd, Counter(), "name-\udcff")]:
        assert b"?" in encode(event)


def test_events_of_files_are_weighed_as_json(tmp_path):
    root = write(tmp_path, {f"{i}": "\x01" * 100_000 for i in range(4)})
    assert [len(event.files) for event in files.events(root, Counter())] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("contents", "spdx"),
    [
        ({"LICENSE": licence("Apache-2.0")}, "Apache-2.0"),
        ({"COPYING": "GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007"}, "GPL-2.0-or-later"),
        ({"LICENSE-MIT": "", "package.json": '{"license": "ISC"}'}, "ISC"),
        ({"pyproject.toml": '[project]\nlicense = "MIT OR Apache-2.0"'}, "MIT OR Apache-2.0"),
        ({"pyproject.toml": '[project]\nclassifiers = ["License :: OSI Approved :: MIT License"]'}, "MIT"),
        ({"x-1.dist-info/METADATA": "Name: x\nLicense-Expression: BSD-2-Clause\n\nMIT"}, "BSD-2-Clause"),
        ({"LICENSE": "All rights reserved."}, ""),
        ({"license_check.py": "MIT"}, ""),
        ({}, ""),
    ],
)
def test_licences_are_found(tmp_path, contents, spdx):
    assert files.describe(write(tmp_path, contents)).licence == spdx


def test_well_known_texts_are_told_apart():
    for spdx in ("BSD-2-Clause", "BSD-3-Clause", "MPL-2.0"):
        assert recognise(licence(spdx)) == spdx
    assert recognise("GNU LESSER GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007") == "LGPL-2.1-or-later"
    assert recognise("Mozilla Public License Version 2.0") == "MPL-2.0"
    assert (
        from_metadata("License: BSD License\nClassifier: License :: OSI Approved :: MIT License")
        == "BSD-3-Clause AND MIT"
    )
    assert licence_of(["LICENSE"], lambda name: None) == ("", "")


def test_a_remotes_address_gives_host_and_name_without_credentials():
    assert host_and_name("git@example.org:owner/name.git") == ("example.org", "owner/name")
    assert host_and_name("ssh://git@example.org:22/owner/name") == ("example.org", "owner/name")
    assert host_and_name("https://user:token@example.org/owner/name.git") == ("example.org", "owner/name")
    assert host_and_name("/srv/git/name.git") is None


V4 = {
    "nbformat": 4,
    "metadata": {"kernelspec": {"language": "Julia"}},
    "cells": [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        {
            "cell_type": "code",
            "source": "1 + 1",
            "outputs": [
                {"output_type": "display_data", "data": {"image/png": "AAAA"}},
                {"output_type": "execute_result", "data": {"text/plain": ["2", "x" * 2000]}},
                {"output_type": "stream", "text": "later"},
            ],
        },
        {"cell_type": "code", "source": "  ", "outputs": []},
        {"cell_type": "raw", "source": "raw"},
    ],
}
V3 = {
    "nbformat": 3,
    "worksheets": [
        {
            "cells": [
                {"cell_type": "heading", "level": 2, "source": "Old"},
                {"cell_type": "code", "language": "python", "input": ["print(1)"], "outputs": [{"text": ["1\n"]}]},
            ]
        }
    ],
}


def test_notebooks_of_both_formats(tmp_path):
    write(tmp_path, {"new.ipynb": json.dumps(V4), "old.ipynb": json.dumps(V3)})
    new, old = notebooks.events(tmp_path, Counter())
    assert [(c.type, c.source, c.output) for c in new.cells] == [
        ("markdown", "# Title\ntext", ""),
        ("code", "1 + 1", "2" + "x" * 999),
        ("raw", "raw", ""),
    ]
    assert new.language == "julia"
    assert [(c.type, c.source, c.output) for c in old.cells] == [
        ("markdown", "## Old", ""),
        ("code", "print(1)", "1\n"),
    ]
    assert old.language == "python"


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"cells": 1}', '{"worksheets": 1}', '{"a": "\\ud800"}', "[" * 100_000, '{"x": 1}']
)
def test_a_malformed_notebook_is_counted_and_named_and_the_rest_goes_on(tmp_path, content):
    write(tmp_path, {"bad.ipynb": content, "good.ipynb": json.dumps(V4)})
    left_out: Counter[str] = Counter()
    named: list[Path] = []
    (event,) = notebooks.events(tmp_path, left_out, malformed=named.append)
    assert event.path == "good.ipynb"
    assert left_out == {"notebook malformed": 1}
    assert named == [tmp_path / "bad.ipynb"]


REPOSITORY = Repository(name="r")


def test_an_event_within_the_limit_is_one_record():
    event = Files(repository=REPOSITORY, files=[SourceFile(path="a", text="a")])
    assert [decode(value) for value in records(event, Counter())] == [event]


def test_a_commit_that_json_makes_too_large_is_split_within_the_limit():
    text = "\x01" * (1 << 20)  # six bytes each in JSON
    changed = [ChangedFile(path=f"{i}", after=text) for i in range(3)]
    commit = Commit(repository=REPOSITORY, sha="s", message="m", files=changed)
    parts = [decode(value) for value in records(commit, Counter())]
    assert [file for part in parts for file in part.files] == changed
    assert [(part.part, part.parts) for part in parts] == [(0, 3), (1, 3), (2, 3)]
    assert all(len(value) + len("local/r") <= MAX_RECORD_BYTES for value in records(commit, Counter()))


def test_what_cannot_be_split_is_refused_with_a_count():
    left_out: Counter[str] = Counter()
    huge = Issue(repository=REPOSITORY, number=1, title="x" * MAX_RECORD_BYTES, comments=[])
    assert list(records(huge, left_out)) == []
    file = ChangedFile(path="a", before="\x01" * (1 << 20), after="\x01" * (1 << 20))
    assert list(records(Commit(repository=REPOSITORY, sha="s", message="", files=[file]), left_out)) == []
    assert left_out == {"issue too large for a record": 1, "file too large for a record": 1}
