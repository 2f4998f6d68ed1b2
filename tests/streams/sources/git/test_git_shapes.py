"""Commits of every shape that git allows, read as events."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import msgspec
import pytest

from streams.event import MAX_RECORD_BYTES, encode
from streams.sources.git.change.changes import PART_BYTES
from streams.sources.git.commits import MAX_MESSAGE
from streams.sources.git.cursors import Cursor, CursorFile, Cursors, Past, Present
from streams.sources.git.history import History
from streams.sources.git.objects import GitError
from tests.support.sources.steps import changes, read


def test_a_commit_of_only_empty_files(git_folder):
    sha = git_folder.commit("one", {"package/__init__.py": "", "tests/__init__.py": ""})
    commits, files, cursor, left_out, _ = read(History.open(git_folder.path))
    assert changes(commits[0]) == {"package/__init__.py": (None, ""), "tests/__init__.py": (None, "")}
    assert [file.text for event in files for file in event.files] == ["", ""]
    assert (cursor.done, left_out) == (sha, {})


def test_empty_files_at_the_beginning_in_the_middle_and_as_a_whole_change(git_folder):
    git_folder.commit("first, middle, last", {"a": "", "b": "b", "c": "", "d": "d", "e": ""})
    git_folder.commit("filled and emptied", {"a": "a", "b": ""})
    git_folder.commit("deleted", {"c": None})
    commits, *_ = read(History.open(git_folder.path))
    assert changes(commits[0]) == {
        "a": (None, ""),
        "b": (None, "b"),
        "c": (None, ""),
        "d": (None, "d"),
        "e": (None, ""),
    }
    assert changes(commits[1]) == {"a": ("", "a"), "b": ("b", "")}
    assert changes(commits[2]) == {"c": ("", None)}


def test_commits_without_any_file_and_changes_of_modes_alone_are_counted(git_folder):
    git_folder.commit("nothing", {})
    git_folder.commit("a file", {"run": "x"})
    (git_folder.path / "run").chmod(0o755)
    git_folder.commit("executable", {})
    sha = git_folder.commit("nothing again", {})
    commits, _, cursor, left_out, _ = read(History.open(git_folder.path))
    assert [commit.message for commit in commits] == ["a file"]
    assert (cursor.done, left_out) == (sha, {"commit without text": 3})


def test_links_and_submodules_are_left_out_and_what_replaces_them_is_not(git_folder, tmp_path):
    (git_folder.path / "link").symlink_to("nowhere")
    git_folder.commit("a link", {"a": "a"})
    (git_folder.path / "link").unlink()
    git_folder.commit("now a file", {"link": "text"})
    git_folder.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    git_folder.git("commit", "--quiet", "--message", "a submodule")
    commits, *_ = read(History.open(git_folder.path))
    assert [changes(commit) for commit in commits] == [{"a": (None, "a")}, {"link": (None, "text")}]


def test_names_that_are_no_text_and_names_of_bytes(git_folder):
    names = [b'quo"te', b"back\\slash", b"tab\t", b"latin-\xe9", b"-", b"\xed\xa0\x80", b"\x01", b"a\nb\n"]
    for name in names:
        (Path(os.fsdecode(os.fsencode(git_folder.path) + b"/" + name))).write_bytes(b"")
    git_folder.commit("names", {})
    (commit,), *_ = read(History.open(git_folder.path))
    assert {file.path for file in commit.files} == {name.decode(errors="replace") for name in names}
    encode(commit)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", ""),
        (b"\n\n", ""),
        (b"\x01\x02 not a head\n", "\x01\x02 not a head"),
        (b":100644 100644 a b M\n", ":100644 100644 a b M"),
        (b"before\0after", "before"),
        (b"latin-\xe9", "latin-\ufffd"),
        (b"\xed\xa0\x80", "\ufffd" * 3),
        (b"%x00%H\n", "%x00%H"),
    ],
)
def test_messages_of_any_bytes(git_folder, raw, message):
    first = git_folder.commit("first", {"a": "1"})
    git_folder.commit("second", {"a": "2"})
    tree = git_folder.git("rev-parse", "HEAD^{tree}")
    who = "A Tester <tester@example.org> 1767323045 +0000"
    head = f"tree {tree}\nparent {first}\nauthor {who}\ncommitter {who}\n\n".encode()
    hash_object = ["git", "-C", git_folder.path, "hash-object", "-t", "commit", "-w", "--literally", "--stdin"]
    odd = subprocess.run(hash_object, input=head + raw, capture_output=True, check=True).stdout.decode().strip()
    git_folder.git("reset", "--quiet", "--hard", odd)
    git_folder.commit("third", {"a": "3"})
    commits, *_ = read(History.open(git_folder.path))
    assert [commit.message for commit in commits] == ["first", message, "third"]
    assert [changes(commit)["a"][1] for commit in commits] == ["1", "2", "3"]
    assert all(encode(commit) for commit in commits)


def test_a_repository_of_sha256(tmp_path, git_folder):
    git_folder.git("init", "--quiet", "--object-format=sha256", "--initial-branch=main", str(tmp_path / "long"))
    long = type(git_folder)(tmp_path / "long")
    sha = long.commit("one", {"a": "a", "e": ""})
    (commit,), (event,), cursor, *_ = read(History.open(long.path))
    assert (commit.sha, len(sha), cursor.done) == (sha, 64, sha)
    assert [file.text for file in event.files] == ["a", ""]


def test_the_edge_of_a_shallow_clone_is_no_commit_and_a_deeper_clone_is_read_anew(git_folder, tmp_path):
    for number in range(4):
        git_folder.commit(f"commit {number}", {f"{number}": f"{number}"})
    git_folder.git("clone", "--quiet", "--depth=2", f"file://{git_folder.path}", str(tmp_path / "shallow"))
    shallow = type(git_folder)(tmp_path / "shallow")
    history = History.open(shallow.path)
    commits, files, cursor, left_out, _ = read(history)
    assert [commit.message for commit in commits] == ["commit 3"]
    assert left_out == {"commit at the edge of a shallow clone": 1}
    assert sorted(file.path for event in files for file in event.files) == ["0", "1", "2", "3"]
    assert read(history, cursor)[0] == []
    shallow.git("fetch", "--quiet", "--unshallow")
    commits, _, cursor, _, notes = read(history, cursor)
    assert [commit.message for commit in commits] == [f"commit {number}" for number in range(4)]
    assert "further back" in notes[0]
    assert read(history, cursor)[0] == []


def test_a_clone_deepened_within_a_pass_loses_nothing(git_folder, tmp_path):
    for number in range(5):
        git_folder.commit(f"commit {number}", {f"{number}": f"{number}"})
    git_folder.git("clone", "--quiet", "--depth=3", f"file://{git_folder.path}", str(tmp_path / "shallow"))
    shallow = type(git_folder)(tmp_path / "shallow")
    history = History.open(shallow.path)
    first, _, cursor, _, _ = read(history, steps=2)
    shallow.git("fetch", "--quiet", "--unshallow")
    rest, *_ = read(history, cursor)
    assert {commit.message for commit in first + rest} == {f"commit {number}" for number in range(5)}


def test_a_position_counted_in_another_order_begins_the_pass_again(git_folder):
    shas = [git_folder.commit(f"{number}", {"a": f"{number}"}) for number in range(3)]
    history = History.open(git_folder.path)
    for cursor in (Cursor("", shas[2], 2, shas[0]), Cursor("", shas[2], 9, shas[0])):
        commits, _, _, _, notes = read(history, cursor)
        assert [commit.sha for commit in commits] == shas
        assert "begins again" in notes[0]
    assert [commit.sha for commit in read(history, Cursor("", shas[2], 2, shas[1]))[0]] == shas[2:]


def test_what_stands_in_a_repositorys_place(git_folder, tmp_path):
    git_folder.commit("one", {"a": "a"})
    git_folder.git("worktree", "add", "--quiet", str(tmp_path / "worktree"))
    git_folder.git("clone", "--quiet", "--shared", "--bare", ".", str(tmp_path / "bare.git"))
    super_ = type(git_folder)(tmp_path / "super")
    super_.path.mkdir()
    super_.git("init", "--quiet")
    super_.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(git_folder.path), "sub")
    names = {
        git_folder.path: "repository",
        git_folder.path / ".git": "repository",
        tmp_path / "worktree": "repository",
        tmp_path / "worktree/.git": "repository",
        tmp_path / "bare.git": "bare",
    }
    for path, name in names.items():
        history = History.open(path)
        assert len(read(history)[0]) == 1
        assert history.describe().key == f"local/{name}"
    assert len(read(History.open(super_.path / "sub"))[0]) == 1
    assert len(read(History.open(super_.path / "sub/.git"))[0]) == 1


def test_what_is_no_repository_or_no_ref_is_one_sentence(git_folder, tmp_path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "file", tmp_path / "gone"):
        with pytest.raises(GitError, match=r"repository|directory") as caught:
            History.open(path)
        assert "\n" not in str(caught.value)
    with pytest.raises(GitError, match="there is no nosuch"):
        History.open(git_folder.path, "nosuch").head()
    assert History.open(git_folder.path).warning() == "HEAD names no commit yet"
    git_folder.commit("one", {"a": "a"})
    git_folder.git("tag", "--annotate", "--message", "m", "v1")
    assert History.open(git_folder.path, "v1").head() == git_folder.git("rev-parse", "HEAD")
    with pytest.raises(GitError, match="no commit"):
        History.open(git_folder.path, "HEAD:a").head()


@pytest.mark.parametrize(
    ("says", "sentence"), [("git version 2.30.1", "2.30 is too old: install"), ("", "not on PATH")]
)
def test_a_git_that_is_too_old_or_missing_is_one_sentence(git_folder, tmp_path, monkeypatch, says, sentence):
    if says:
        program = tmp_path / "git"
        program.write_text(f"#!/bin/sh\necho {says}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match=sentence):
        History.open(git_folder.path)


def test_a_folder_and_a_name_of_bytes_can_be_encoded(git_folder, tmp_path):
    git_folder.commit("one", {"a": "a"})
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/odd-\xff"))
    git_folder.path.rename(odd)
    for name in ("", "name-\udcff"):
        (commit,), *_ = read(History.open(odd, name=name))
        assert b'-?"' in encode(commit)


def test_a_long_message_is_cut_and_counted(git_folder):
    git_folder.commit("m" * (MAX_MESSAGE + 1), {"a": "a"})
    git_folder.commit("n" * MAX_MESSAGE, {"a": "b"})
    commits, _, _, left_out, _ = read(History.open(git_folder.path))
    assert [commit.message for commit in commits] == ["m" * MAX_MESSAGE, "n" * MAX_MESSAGE]
    assert left_out == {"rest of a message beyond 16,384 characters": 1}


def test_parts_are_weighed_as_json(git_folder):
    """A control character of one byte is six bytes in JSON."""
    grows = {f"{i}": f"{i}" + "\x01" * 200_000 for i in range(6)}
    grows |= {"alone": "\x02" * 1_000_000, "small": "s"}
    git_folder.commit("grows", grows)
    git_folder.commit("both sides", {"alone": "\x03" * 1_000_000})
    commits, files, _, left_out, _ = read(History.open(git_folder.path))
    first = [commit for commit in commits if commit.message == "grows"]
    assert {p: a for commit in first for p, (_, a) in changes(commit).items()} == grows
    assert [(c.part, c.parts) for c in first] == [(n, len(first)) for n in range(len(first))]
    assert len(first) == len(commits), "a change of 12 MB of JSON fits no record"
    assert left_out == {"file too large for a record": 1, "commit without text": 1}
    for event in commits + files:
        value = encode(event)
        assert len(value) <= PART_BYTES or (len(event.files) == 1 and len(value) <= MAX_RECORD_BYTES)


def test_a_commit_of_many_files_is_split_at_256(git_folder):
    git_folder.commit("many", {f"{i:04}": "" for i in range(600)})
    commits, files, *_ = read(History.open(git_folder.path))
    assert [len(commit.files) for commit in commits] == [256, 256, 88]
    assert sum(len(event.files) for event in files) == 600
    assert all(len(event.files) <= 256 for event in files)


def test_a_cursors_folder_and_file_are_its_owners(tmp_path):
    folder = tmp_path / "cursors"
    folder.mkdir(mode=0o755)
    file = CursorFile.of(folder, tmp_path, "HEAD", "t")
    for _ in range(2):
        file.write(Cursors(live=Cursor("d", "t", 1, "l", ("e",))))
        assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(file.path.stat().st_mode)) == (0o700, 0o600)
    assert list(folder.iterdir()) == [file.path]
    assert file.read() == Cursors(live=Cursor("d", "t", 1, "l", ("e",)))


def test_a_cursor_of_an_earlier_version_is_read(tmp_path):
    file = CursorFile.of(tmp_path, tmp_path, "HEAD", "t")
    file.path.write_bytes(msgspec.json.encode({"done": "d", "target": "t", "position": 1}))
    assert file.read() == Cursors(live=Cursor("d", "t", 1), present=Present(done=True), past=Past(done=True))
