"""Which files of a folder are read: .gitignore as git has it, private files, links, archives, notebooks among files."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.event import Files, Notebook
from streams.sources.folders import files
from streams.sources.folders.folder import IGNORED, LINK, PRIVATE, SPECIAL, walk


def write(folder: Path, *names: str, **texts: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x\n")
    return folder


def names(root: Path, left_out: Counter[str] | None = None, ignored: bool = False) -> list[str]:
    return [
        p.relative_to(root).as_posix() for p in walk(root, Counter() if left_out is None else left_out, ignored=ignored)
    ]


def test_what_gitignore_names_is_passed_over_and_counted(tmp_path: Path) -> None:
    root = write(
        tmp_path / "r", "a.py", "a.log", "keep.log", "node_modules/x/y.js", "sub/b.log", "sub/c.tmp", "sub/d.tmp"
    )
    (root / ".gitignore").write_text("*.log\n!keep.log\nnode_modules/\n")
    (root / "sub" / ".gitignore").write_text("*.tmp\n!d.tmp\n!b.log\n")
    left_out: Counter[str] = Counter()
    assert names(root, left_out) == [".gitignore", "a.py", "keep.log", "sub/.gitignore", "sub/b.log", "sub/d.tmp"]
    assert left_out == {IGNORED: 3}
    assert "node_modules/x/y.js" in names(root, ignored=True)


def test_a_folder_within_a_work_tree_follows_the_files_above(tmp_path: Path) -> None:
    root = write(tmp_path / "r", "sub/a.log", "sub/deep/b.py", "sub/own/c.log", "sub/x.local")
    (root / ".git" / "info").mkdir(parents=True)
    (root / ".git" / "info" / "exclude").write_text("*.local\n")
    (root / ".gitignore").write_text("*.log\n/sub/deep\n")
    (root / "sub" / "own" / ".git").mkdir()
    assert names(root / "sub") == ["own/c.log"]


def test_of_what_is_passed_over_only_what_was_asked_for_counts(tmp_path: Path) -> None:
    root = write(tmp_path, "a.ipynb", "b.ipynb", "c.log", "d/e.ipynb")
    (root / ".gitignore").write_text("*.log\nb.*\nd\n")
    left_out: Counter[str] = Counter()
    assert [path.name for path in walk(root, left_out, ".ipynb")] == ["a.ipynb"]
    assert left_out == {IGNORED: 2}
    assert walk(root / "c.log", left_out, ".ipynb") == [root / "c.log"]


def test_private_files_are_refused(tmp_path: Path) -> None:
    root = write(tmp_path, "a.py", ".env", "server.pem", ".env.example", ".aws/credentials", "id_rsa")
    left_out: Counter[str] = Counter()
    assert names(root, left_out) == [".env.example", "a.py"]
    assert left_out == {PRIVATE: 4}
    assert walk(root / ".env", left_out) == []
    assert list(files.events(root / ".env", Counter())) == []


def test_links_and_special_files_are_counted(tmp_path: Path) -> None:
    root = write(tmp_path / "r", "a.py", "sub/b.py")
    (root / "link.py").symlink_to("a.py")
    (root / "loop").symlink_to(".")
    os.mkfifo(root / "pipe")
    left_out: Counter[str] = Counter()
    assert names(root, left_out) == ["a.py", "sub/b.py"]
    assert left_out == {LINK: 2, SPECIAL: 1}


def test_notebooks_among_files_are_notebooks(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "z.py", "x.whl", "y.tar.gz", "w.gz")
    cell = {"cell_type": "code", "source": "1", "outputs": [{"data": {"image/png": "A" * 2_000_000}}]}
    (tmp_path / "n.ipynb").write_text(json.dumps({"cells": [cell], "nbformat": 4}))
    (tmp_path / "bad.ipynb").write_text("{")
    left_out: Counter[str] = Counter()
    told: list[str] = []
    notebook, text = files.events(tmp_path, left_out, tell=told.append)
    assert isinstance(notebook, Notebook) and notebook.path == "n.ipynb"
    assert isinstance(text, Files) and [file.path for file in text.files] == ["a.py", "z.py"]
    assert left_out == {"notebook malformed": 1, "archive within a folder or an archive": 3}
    assert told == ["bad.ipynb"]


PATTERNS = st.lists(
    st.sampled_from(["*.a", "!x.a", "d/", "/d", "d/e", "**/x.b", "!d/x.b", "d/**", "# no", "", "\\!x.a", "x.?",
                     "[xy].a", "d/*", "[!x]*", "*.[ab]", "**", "d**", "**/e/**", "d/**/x.a", "x*a", "*x*.*a*", "[x",
                     "\\", "[[:alpha:]].b", "!e", "!**/",
                      "!d/e/", "*", "!*/", " x.a", "x.a ", "!/x.a", "e"]),
    max_size=5,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(PATTERNS, PATTERNS)
def test_the_same_files_as_git_itself_lists(tmp_path_factory, above: list[str], below: list[str]) -> None:
    root = write(tmp_path_factory.mktemp("r"), "x.a", "y.a", "d/x.a", "d/x.b", "d/e/x.a", "d/e/x.b", "e/x.a", "x.b")
    (root / ".gitignore").write_text("\n".join(above))
    (root / "d" / ".gitignore").write_text("\n".join(below))
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q", root], check=True, env=environment)
    command = ["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, env=environment).stdout.decode()
    assert sorted(names(root)) == sorted(filter(None, listed.split("\0")))


@pytest.mark.parametrize(
    "pattern", ["*a" * 40 + "b", "**/" * 30 + "x", "[" * 500, "a{1000}" * 50, "\\", "[!", "!" * 90, "a" + " " * 4000]
)
def test_a_pattern_made_to_harm_takes_no_time(tmp_path: Path, pattern: str) -> None:
    root = write(tmp_path, "a" * 250, "/".join(["a" * 30] * 30))
    (root / ".gitignore").write_text(pattern + "\n*.log\n")
    assert len(names(root)) == 3
