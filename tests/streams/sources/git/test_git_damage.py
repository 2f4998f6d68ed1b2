"""Clones that lack objects, on purpose or by damage: nothing is passed over without a word."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.event import Commit
from streams.sources.git.blobs import MISSING
from streams.sources.git.commits import LACKING
from streams.sources.git.cursors import Cursor, Cursors
from streams.sources.git.history import History
from streams.sources.git.objects import GitError
from tests.support.sources.steps import changes, drain, messages, paths, read


def clone(git_folder, tmp_path: Path, what: str):
    git_folder.git("config", "uploadpack.allowFilter", "true")
    git_folder.git(
        "clone", "--quiet", "--no-checkout", f"--filter={what}", f"file://{git_folder.path}", str(tmp_path / "partial")
    )
    return type(git_folder)(tmp_path / "partial")


def test_a_clone_without_trees_is_an_error_that_says_what_to_do_and_the_cursor_stays(git_folder, tmp_path):
    for number in range(3):
        git_folder.commit(f"{number}", {f"folder/{number}.py": f"{number}"})
    partial = clone(git_folder, tmp_path, "tree:0")
    history = History.open(partial.path)
    cursor = Cursor()
    with pytest.raises(GitError, match=r"partial clone .* --refetch --no-filter") as caught:
        for step in history.live(cursor, Counter()):
            cursor = step.cursor
    assert str(partial.path) in str(caught.value)
    assert cursor == Cursor()
    partial.git("fetch", "--quiet", "--refetch", "--no-filter")
    assert [commit.message for commit in read(history, cursor)[0]] == ["0", "1", "2"]


def test_what_a_clone_without_contents_lacks_is_counted_and_the_rest_goes_on(git_folder, tmp_path):
    git_folder.commit("first", {"a.py": "1", "LICENSE": "MIT License"})
    git_folder.commit("second", {"a.py": "2"})
    partial = clone(git_folder, tmp_path, "blob:none")
    partial.write({"b.py": "new"})
    partial.git("read-tree", "HEAD")  # the index is of the last commit, whose contents git fetches to compare
    partial.git("add", "b.py")
    partial.git("commit", "--quiet", "--message", "third")
    history = History.open(partial.path)
    assert "partial clone" in history.warning()
    commits, _, cursor, left_out, _ = read(history)
    assert [changes(commit) for commit in commits] == [{"LICENSE": (None, "MIT License")}, {"b.py": (None, "new")}]
    assert left_out == {MISSING.reason: 2, LACKING: 1}
    assert cursor.done == partial.git("rev-parse", "HEAD")


def test_contents_that_have_come_are_read_by_the_next_run(git_folder, tmp_path):
    for number in range(6):
        git_folder.commit(f"{number}", {f"{number}.py": f"{number}\n", f"{number}.txt": "text\n"})
    partial = clone(git_folder, tmp_path, "blob:none")
    history = History.open(partial.path, versions="last")
    cursors, _ = history.begin(Cursors())
    git_folder.commit("new", {"new.py": "new\n"})
    partial.git("fetch", "--quiet", "origin")
    partial.git("update-ref", "HEAD", "origin/main")
    events, cursors, left_out = drain(history, cursors, "live", "present", "past")
    assert events == [] and left_out == {LACKING: 7, MISSING.reason: 1 + 1 + 12 + 12}
    assert cursors.past.done and cursors.present.done
    assert history.mended(cursors) == (cursors, ""), "nothing has come"
    git_folder.commit("newer", {"newer.py": "newer\n"})
    partial.git("fetch", "--quiet", "origin")
    partial.git("update-ref", "HEAD", "origin/main")
    _, cursors, _ = drain(history, cursors, "live")
    partial.git("fetch", "--quiet", "--refetch", "--no-filter", "origin")
    cursors, note = history.mended(history.begin(cursors)[0])
    assert "are there now" in note
    events, cursors, left_out = drain(history, cursors, "live", "present", "past")
    assert messages(events) == ["new", "newer", "5", "4", "3", "2", "1", "0"] and not left_out
    assert len(paths(events)) == 12 + 2, "the tree, and the new commits' files"
    assert history.mended(cursors) == (cursors, "") and drain(history, cursors, "live", "present", "past")[0] == []


@pytest.mark.parametrize("lane", ["live", "present", "past"])
def test_one_lost_blob_is_read_from_there_once_it_is_back(git_folder, tmp_path, lane):
    git_folder.commit("0", {"0.py": "0\n"})
    history = History.open(git_folder.path, versions="last")
    first, _ = history.begin(Cursors())
    for number in range(1, 5):
        git_folder.commit(f"{number}", {f"{number}.py": f"{number}\n"})
    cursors = first if lane == "live" else history.begin(Cursors())[0]
    whole, *_ = drain(history, cursors, lane)
    path = object_file(git_folder.path, git_folder.git("rev-parse", "HEAD:2.py"))
    kept = path.rename(tmp_path / "kept")
    some, cursors, left_out = drain(history, cursors, lane)
    assert left_out[MISSING.reason] and names(some) == names(whole) - {"2.py"}
    kept.rename(path)
    cursors, _ = history.mended(cursors)
    more, *_ = drain(history, cursors, lane)
    assert names(some) | names(more) == names(whole)
    assert lane != "past" or len(names(more)) < len(names(whole)), "what came before is not read again"


def names(events) -> set[str]:
    return {file.path for event in events for file in event.files}


def test_a_merge_whose_other_parent_lacks_contents_is_not_taken_for_its_own(git_folder, tmp_path):
    git_folder.commit("base", {"a": "a\nb\nc\n"})
    git_folder.git("checkout", "--quiet", "-b", "side")
    git_folder.commit("on the side", {"a": "a\nb\nside\n"})
    git_folder.git("checkout", "--quiet", "main")
    git_folder.commit("on main", {"a": "main\nb\nc\n"})
    git_folder.git("merge", "--quiet", "--no-ff", "--message", "merge", "side")
    object_file(git_folder.path, git_folder.git("rev-parse", "side:a")).rename(tmp_path / "kept")
    commits, _, cursor, left_out, _ = read(History.open(git_folder.path))
    assert [commit.message for commit in commits] == ["base", "on main"]
    assert left_out == {MISSING.reason: 2, LACKING: 2} and cursor.lacks


def test_renames_in_a_clone_without_contents_are_no_end(git_folder, tmp_path):
    lines = [f"line {n}\n" for n in range(30)]
    git_folder.commit("first", {"a.py": "".join(lines), "b.py": "b\n"})
    git_folder.commit("moved and changed", {"a.py": None, "c.py": "".join(lines[1:])})
    git_folder.commit("moved", {"b.py": None, "d.py": "b\n"})
    git_folder.commit("last", {"e.py": "e\n"})
    partial = clone(git_folder, tmp_path, "blob:none")
    _, _, cursor, left_out, _ = read(History.open(partial.path))
    assert cursor.done == partial.git("rev-parse", "HEAD")
    assert left_out[LACKING] == 4


def test_a_lost_commit_tree_or_head_is_an_error(git_folder):
    shas = [git_folder.commit(f"{number}", {"folder/a.py": f"{number}"}) for number in range(4)]
    history = History.open(git_folder.path)
    whole, *_ = read(history)
    for lost, sent in ((shas[1], 0), (f"{shas[2]}^{{tree}}", 1), (f"{shas[2]}:folder", 1), (shas[3], 0)):
        path = object_file(git_folder.path, git_folder.git("rev-parse", lost))
        kept = path.rename(git_folder.path / "kept")
        given, cursor, failed = read_until_failure(history, Cursor())
        assert (failed, given) == (True, shas[:sent]), lost
        kept.rename(path)
        assert given + [commit.sha for commit in read(history, cursor)[0]] == [commit.sha for commit in whole]


def test_a_damaged_old_commit_keeps_back_neither_the_tree_nor_what_is_newer(git_folder):
    shas = [git_folder.commit(f"commit {number}", {f"f{number}.py": f"{number}"}) for number in range(12)]
    path = object_file(git_folder.path, shas[2])
    path.chmod(0o600)
    whole, _ = path.read_bytes(), path.write_bytes(b"junk")
    history = History.open(git_folder.path, versions="last")
    cursors, _ = history.begin(Cursors())
    files = [event for step in history.present(cursors.present, Counter()) for event in step.events]
    assert paths(files) == sorted(f"f{number}.py" for number in range(12))
    assert history.past_commits(shas[-1]) is None, "it is a figure, and not known"
    with pytest.raises(GitError, match=r"corrupt.*fsck"):
        list(history.past(cursors.past, Counter()))
    git_folder.write({"new.py": "1"})
    git_folder.git("add", "--all")
    later = {**os.environ, **dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2027-01-01T00:00:00+00:00")}
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    subprocess.run(
        ["git", "-C", git_folder.path, *who, "commit", "--quiet", "--message", "newer"], check=True, env=later
    )
    newer = git_folder.git("rev-parse", "HEAD")
    live = [event for step in history.live(cursors.live, Counter(), cursors.present.commit) for event in step.events]
    assert [event.sha for event in live if isinstance(event, Commit)] == [newer]
    path.write_bytes(whole)
    past = [event.sha for step in history.past(cursors.past, Counter()) for event in step.events]
    assert past == shas[::-1] and history.past_commits(shas[-1]) == 12


def test_a_lost_done_commit_does_not_make_the_history_a_rewritten_one(git_folder):
    first = git_folder.commit("first", {"a": "1"})
    history = History.open(git_folder.path)
    *_, cursor, _, _ = read(history)
    second = git_folder.commit("second", {"a": "2"})
    path = object_file(git_folder.path, first)
    kept = path.rename(git_folder.path / "kept")
    given, after, failed = read_until_failure(history, cursor)
    assert (given, after, failed) == ([], cursor, True)
    kept.rename(path)
    assert [commit.sha for commit in read(history, after)[0]] == [second]


def object_file(repository: Path, id_: str) -> Path:
    return repository / ".git/objects" / id_[:2] / id_[2:]


def read_until_failure(history: History, cursor: Cursor, steps: int = 10**6) -> tuple[list[str], Cursor, bool]:
    """(commits completed, cursor after them, whether git failed); ends after so many steps."""
    given: list[str] = []
    left_out: Counter[str] = Counter()
    try:
        for step in history.live(cursor, left_out):
            cursor = step.cursor
            given += [cursor.last] * step.commits
            if (steps := steps - 1) == 0:
                break
    except GitError as error:
        assert "\n" not in str(error)
        return given, cursor, True
    return given, cursor, False


@st.composite
def histories(draw) -> str:
    """Input of `git fast-import`: up to eight commits, some of them with two parents, on the branch main."""
    lines: list[str] = []
    count = draw(st.integers(1, 8))
    for number in range(1, count + 1):
        lines += ["commit refs/heads/main", f"mark :{number}", f"committer A <a@example.org> {number} +0000"]
        lines += [f"data {len(str(number))}", str(number)]
        parents = draw(st.lists(st.integers(1, number - 1), min_size=1, max_size=2, unique=True)) if number > 1 else []
        lines += [f"{'merge' if at else 'from'} :{parent}" for at, parent in enumerate(parents)]
        for path in draw(st.lists(st.sampled_from(["a", "b", "d/c", "d/e/f"]), max_size=3, unique=True)):
            text = draw(st.sampled_from(["", "x", "y", "z"]))
            lines += [f"M 100644 inline {path}", f"data {len(text)}", text]
    return "\n".join(lines) + "\n"


@settings(max_examples=50, deadline=None)
@given(history=histories(), draws=st.data())
def test_the_cursor_never_passes_a_commit_that_was_not_sent(history: str, draws: st.DataObject):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "repository"
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", path], check=True)
        git = ["git", "-C", str(path), "-c", "fastimport.unpackLimit=1000"]
        subprocess.run([*git, "fast-import", "--quiet"], input=history.encode(), check=True)
        if draws.draw(st.booleans()):
            subprocess.run([*git, "commit-graph", "write", "--reachable", "--no-progress"], check=True)
        reader = History.open(path, versions=draws.draw(st.sampled_from(["all", "last", "none"])))
        whole, _, failed = read_until_failure(reader, Cursor())
        listed = [*git, "rev-list", "--reverse", "--topo-order", "main"]
        assert whole == subprocess.run(listed, capture_output=True, check=True, text=True).stdout.split()
        assert not failed
        given, cursor, _ = read_until_failure(reader, Cursor(), steps=draws.draw(st.integers(1, 10)))
        given = damaged_run(reader, path, given, cursor, draws, whole)
        assert given == whole


def damaged_run(reader, path: Path, given: list[str], cursor: Cursor, draws: st.DataObject, whole: list[str]):
    """The commits given by a run on the damaged repository and by one after it was made whole."""
    objects = sorted(p for p in (path / ".git/objects").glob("??/*"))
    lost = draws.draw(st.lists(st.sampled_from(objects), min_size=1, max_size=4, unique=True))
    empty = draws.draw(st.booleans())
    for file in lost:
        shutil.copy(file, path / file.name)
        file.unlink()
        if empty:
            file.touch()
    more, cursor, failed = read_until_failure(reader, cursor)
    given = given + more
    below = whole if cursor.done else whole[: cursor.position]
    assert given == below, "every commit below the cursor was given, once"
    assert failed or given == whole
    for file in lost:
        file.unlink(missing_ok=True)
        (path / file.name).rename(file)
    more, cursor, failed = read_until_failure(reader, cursor)
    assert not failed
    return given + more
