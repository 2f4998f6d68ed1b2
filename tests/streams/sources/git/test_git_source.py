"""Histories written by real git, read back as events."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from streams.sources.git.cursors import Cursor, CursorFile, Cursors
from streams.sources.git.history import History
from streams.sources.git.objects import GitError
from tests.support.licences.licences import licence
from tests.support.sources.steps import changes, read


def test_adds_edits_deletes_and_renames_are_before_and_after(git_folder):
    git_folder.commit("add", {"a.py": "one\n", "b.py": "two\nof\nmany\n"})
    git_folder.commit("edit\n\nWith a body.", {"a.py": "one!\n"})
    git_folder.commit("rename", {"b.py": None, "c.py": "two\nof\nmany\n"})
    git_folder.commit("rename and edit", {"c.py": None, "d.py": "two\nof\nmany!\n"})
    git_folder.commit("delete", {"d.py": None})
    commits, files, cursor, left_out, _ = read(History.open(git_folder.path))
    assert [commit.message for commit in commits] == ["add", "edit\n\nWith a body.", "rename and edit", "delete"]
    assert changes(commits[0]) == {"a.py": (None, "one\n"), "b.py": (None, "two\nof\nmany\n")}
    assert changes(commits[1]) == {"a.py": ("one\n", "one!\n")}
    assert changes(commits[2]) == {"d.py": ("two\nof\nmany\n", "two\nof\nmany!\n")}
    assert [file.former for commit in commits for file in commit.files] == ["", "", "", "c.py", ""]
    assert changes(commits[3]) == {"d.py": ("two\nof\nmany!\n", None)}
    assert [[f.path for f in event.files] for event in files] == [["a.py", "b.py"], ["a.py"], ["d.py"]]
    assert left_out == {"renamed file, its text unchanged": 1, "commit without text": 1}
    assert cursor == Cursor(git_folder.git("rev-parse", "HEAD"))
    assert commits[0].date == "2026-01-02T03:04:05+00:00"


def test_of_a_merge_comes_what_stands_in_no_parent_and_both_sides_are_read(git_folder):
    git_folder.commit("base", {"a": "a\n", "both": "1\n2\n3\n4\n5\n6\n"})
    git_folder.git("checkout", "--quiet", "-b", "side")
    git_folder.commit("on the side", {"s": "s\n", "both": "1\n2\n3\n4\n5\n6!\n"})
    git_folder.git("checkout", "--quiet", "main")
    git_folder.commit("on main", {"m": "m\n", "both": "1!\n2\n3\n4\n5\n6\n"})
    git_folder.git("merge", "--quiet", "--no-ff", "--message", "merge", "side")
    git_folder.git("checkout", "--quiet", "-b", "other", "HEAD~1")
    git_folder.commit("elsewhere", {"e": "e\n"})
    git_folder.git("checkout", "--quiet", "main")
    git_folder.git("merge", "--quiet", "--no-commit", "other")
    git_folder.commit("merge with more", {"evil": "in no parent\n", "a": "a, resolved\n"})
    commits, _, _, left_out, _ = read(History.open(git_folder.path))
    assert commits[0].message == "base"
    assert sorted(commit.message for commit in commits[1:-1]) == ["elsewhere", "on main", "on the side"]
    assert changes(commits[-1]) == {"a": ("a\n", "a, resolved\n"), "evil": (None, "in no parent\n")}
    assert left_out == {"merged file that holds its parents' lines alone": 1, "merge without lines of its own": 1}


def test_names_with_spaces_newlines_and_other_scripts(git_folder):
    names = ["with space.py", "new\nline.py", "日本.py", ":000000 looks like git's own", "\x01f.py"]
    git_folder.commit("odd names", {name: name for name in names})
    commits, *_ = read(History.open(git_folder.path))
    assert changes(commits[0]) == {name: (None, name) for name in names}


def test_what_is_no_text_is_left_out_and_counted(git_folder):
    git_folder.commit(
        "all kinds",
        {"ok.py": "x\n", "image": b"\x89PNG\0\1", "latin": "é".encode("latin-1"), "huge": "x" * (1 << 20) + "y"},
    )
    (git_folder.path / "link").symlink_to("ok.py")
    git_folder.commit("a link", {})
    git_folder.commit("text becomes binary", {"ok.py": b"\0"})
    commits, _, _, left_out, _ = read(History.open(git_folder.path))
    assert [changes(commit) for commit in commits] == [{"ok.py": (None, "x\n")}]
    assert left_out == {
        "binary": 2, "unknown encoding": 1, "larger than 1 MiB": 1, "commit without text": 2, "symbolic link": 1
    }  # fmt: skip


def test_a_commit_too_large_for_a_record_is_split_by_file_and_says_so(git_folder):
    lines = "".join(f"{i:099}\n" for i in range(9_000))
    files = {f"f{i}.txt": f"{i}{lines}" for i in range(8)}
    sha = git_folder.commit("large", files)
    commits, versions, _, left_out, notes = read(History.open(git_folder.path))
    assert [(commit.part, commit.parts) for commit in commits] == [(0, 2), (1, 2)]
    assert {p: a for commit in commits for p, (_, a) in changes(commit).items()} == files
    assert sum(len(event.files) for event in versions) == 8
    assert notes == [f"commit {sha[:12]} is split by file into 2 parts"]
    assert not left_out


def test_reading_stopped_anywhere_goes_on_without_loss_or_repeat(git_folder):
    for number in range(4):
        git_folder.commit(f"commit {number}", {"a.py": f"{number}\n"})
    history = History.open(git_folder.path, versions="none")
    whole, *_ = read(history)
    for stop in range(1, 5):
        first, _, cursor, _, _ = read(history, steps=stop)
        git_folder.commit(f"new {stop}", {"new": f"{stop}"})
        rest, _, cursor, _, _ = read(history, cursor)
        assert [c.sha for c in first + rest][:4] == [c.sha for c in whole][:4]
        after, *_ = read(history, cursor)
        assert all(commit.message.startswith("new") for commit in after)
        assert {c.sha for c in after}.isdisjoint(c.sha for c in first + rest)


def test_nothing_new_gives_nothing(git_folder):
    git_folder.commit("one", {"a": "a"})
    history = History.open(git_folder.path)
    *_, cursor, _, _ = read(history)
    assert read(history, cursor)[0] == []
    assert list(history.live(cursor, Counter())) == []


def test_a_rewritten_history_goes_on_from_the_merge_base(git_folder):
    git_folder.commit("kept", {"a": "a"})
    git_folder.commit("replaced", {"b": "b"})
    history = History.open(git_folder.path)
    cursor = read(history)[2]
    git_folder.git("reset", "--quiet", "--hard", "HEAD~1")
    git_folder.commit("instead", {"c": "c"})
    commits, _, cursor, _, notes = read(history, cursor)
    assert [commit.message for commit in commits] == ["instead"]
    assert "was rewritten" in notes[0]
    assert cursor.done == git_folder.git("rev-parse", "HEAD")


def test_last_versions_are_those_of_the_head(git_folder):
    git_folder.commit("one", {"a.py": "1", "b.py": "b"})
    git_folder.commit("two", {"a.py": "2"})
    _, files, *_ = read(History.open(git_folder.path, versions="last"))
    assert [(f.path, f.text) for event in files for f in event.files] == [("a.py", "2"), ("b.py", "b")]


def test_the_repository_is_described(git_folder):
    git_folder.commit("one", {"LICENSE": licence("MIT"), "a.py": "a"})
    git_folder.git("remote", "add", "origin", "https://user:secret@git.example.org/owner/name.git")
    described = History.open(git_folder.path).describe()
    assert described.key == "git.example.org/owner/name"
    assert (described.licence, described.commits) == ("MIT", 1)
    assert described.licence_text == ""  # the expression says it


def test_a_repository_without_commits_gives_nothing(git_folder):
    assert read(History.open(git_folder.path))[:2] == ([], [])


def test_no_repository_is_a_clear_error(tmp_path: Path):
    with pytest.raises(GitError, match="not a git repository"):
        History.open(tmp_path)


def test_the_repositorys_own_configuration_runs_nothing(git_folder, tmp_path):
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    git_folder.commit("one", {"a.py": "a", ".gitattributes": "*.py diff=x\n"})
    for key in ("core.fsmonitor", "diff.external", "diff.x.textconv", "core.pager", "gpg.program"):
        git_folder.git("config", key, str(program))
    git_folder.git("config", "log.showSignature", "true")
    commits, *_ = read(History.open(git_folder.path))
    assert len(commits) == 1
    assert not ran.exists()


def test_a_cursor_is_kept_by_repository_ref_and_topic(tmp_path):
    file = CursorFile.of(tmp_path, tmp_path, "HEAD", "a" * 32)
    assert file.read() == Cursors()
    cursors = Cursors(live=Cursor("d", "t", 3))
    file.write(cursors)
    assert CursorFile.of(tmp_path, tmp_path, "HEAD", "a" * 32).read() == cursors
    assert CursorFile.of(tmp_path, tmp_path, "HEAD", "b" * 32).read() == Cursors()
    assert CursorFile.of(tmp_path, tmp_path, "main", "a" * 32).read() == Cursors()
