"""A repository's lanes: its present tree, its new commits, its past; and what each of them sends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.event import Commit, Notebook, encode
from streams.prepare.expand import expand
from streams.prepare.prepare import weigh
from streams.sources.git.change.windows import TOO_WIDE
from streams.sources.git.commits import ALL_TOO_WIDE, EVENT_CHARS
from streams.sources.git.cursors import Cursors
from streams.sources.git.history import History
from streams.sources.git.names import RepositoryNames
from tests.support.documents.recipes import default
from tests.support.sources.steps import drain, messages, paths


@pytest.fixture
def history(git_folder):
    for number in range(5):
        git_folder.commit(f"commit {number}", {f"{number}.py": f"{number}\n", "long.py": long(number)})
    return History.open(git_folder.path, versions="last")


def long(changed: int) -> str:
    """200 lines of which one says the number."""
    return "".join(f"line {n}\n" if n != 100 else f"number {changed}\n" for n in range(200))


def test_the_tree_comes_first_then_new_commits_then_the_past_newest_first(history, git_folder):
    cursors, note = history.begin(Cursors())
    assert note == ""
    present, cursors, _ = drain(history, cursors, "present")
    assert paths(present) == ["0.py", "1.py", "2.py", "3.py", "4.py", "long.py"]
    git_folder.commit("new", {"new.py": "new\n", "long.py": long(9)})
    live, cursors, _ = drain(history, cursors, "live")
    assert messages(live) == ["new"]
    assert paths(live) == ["long.py", "new.py"]
    past, cursors, _ = drain(history, cursors, "past")
    assert messages(past) == [f"commit {n}" for n in (4, 3, 2, 1, 0)]
    assert drain(history, cursors, "live", "present", "past")[0] == []


def test_a_new_commit_holds_the_whole_file_and_the_past_windows(history, git_folder):
    cursors, _ = history.begin(Cursors())
    git_folder.commit("new", {"long.py": long(9)})
    (commit, _), *_ = drain(history, cursors, "live")
    assert [(f.before, f.after, f.line, f.copies) for f in commit.files] == [(long(4), long(9), 0, 1)]
    past, *_ = drain(history, cursors, "past")
    windows = {f.path: f for f in past[0].files}
    assert windows["4.py"].after == "4\n"
    lines = windows["long.py"].after.splitlines()
    assert (windows["long.py"].line, lines[0], lines[32], lines[-1]) == (69, "line 68", "number 4", "line 132")
    assert len(windows["long.py"].before.splitlines()) == len(lines) == 65


def test_copies_of_a_path_are_counted_over_passes_and_stops(history, git_folder):
    cursors, _ = history.begin(Cursors())
    seen = []
    for number in range(4):
        git_folder.commit(f"new {number}", {"long.py": long(10 + number)})
        events, cursors, _ = drain(history, cursors, "live")
        seen += [f.copies for event in events if isinstance(event, Commit) for f in event.files]
    assert seen == [1, 2, 3, 4]
    git_folder.commit("two", {"long.py": long(20)})
    git_folder.commit("more", {"long.py": long(21)})
    first, cursors, _ = drain(history, cursors, "live", steps=1)
    rest, *_ = drain(history, cursors, "live")
    assert [f.copies for e in first + rest if isinstance(e, Commit) for f in e.files] == [5, 6]


def test_every_lane_stopped_anywhere_goes_on_without_loss_or_repeat(history, git_folder, monkeypatch):
    monkeypatch.setattr("streams.sources.git.history.TREE_FILES", 2)
    begun, _ = history.begin(Cursors())
    for lane in ("present", "past"):
        whole, *_ = drain(history, begun, lane)
        for stop in range(1, 6):
            first, cursors, _ = drain(history, begun, lane, steps=stop)
            rest, *_ = drain(history, cursors, lane)
            if lane == "past":
                assert messages(first) + messages(rest) == messages(whole)
            else:
                assert paths(first) + paths(rest) == paths(whole)


def test_a_past_beyond_its_cap_is_counted(git_folder, history):
    few = History.open(git_folder.path, versions="last", commits=2)
    past, cursors, left_out = drain(few, few.begin(Cursors())[0], "past")
    assert messages(past) == ["commit 4", "commit 3"]
    assert left_out == {"older commit beyond [sources] history_commits": 3}
    assert cursors.past.done
    none = History.open(git_folder.path, versions="last", commits=0)
    assert none.begin(Cursors())[0].past.done


def test_settings_that_ask_for_more_read_again(git_folder, history):
    none = History.open(git_folder.path, versions="none")
    cursors, _ = none.begin(Cursors())
    _, cursors, _ = drain(none, cursors, "present", "past")
    assert none.begin(cursors) == (cursors, "")
    more, note = history.begin(cursors)
    assert "asks for more than none" in note
    events, more, _ = drain(history, more, "present", "past")
    assert paths(events)[0] == "0.py" and messages(events) == []
    whole, note = History.open(git_folder.path, versions="all").begin(more)
    assert "asks for more than last" in note and not whole.past.done
    assert none.begin(more)[1] == "", "less is no reason to read again"
    renamed, note = History.open(git_folder.path, name="other", versions="last").begin(more)
    assert "another name" in note and not renamed.present.done


def test_whole_versions_of_the_past_end_with_their_copies(git_folder):
    for number in range(6):
        git_folder.commit(f"commit {number}", {"a.py": f"{number}\n"})
    history = History.open(git_folder.path, versions="all", copies=3)
    past, _, left_out = drain(history, history.begin(Cursors())[0], "past")
    assert paths(past) == ["a.py"] * 2, "the tree's is the first of three"
    assert left_out == {"whole version of a path beyond its copies": 3}
    assert len(messages(past)) == 6


def test_a_deepened_clone_goes_on_with_its_past(git_folder, tmp_path):
    for number in range(4):
        git_folder.commit(f"commit {number}", {f"{number}": f"{number}"})
    git_folder.git("clone", "--quiet", "--depth=2", f"file://{git_folder.path}", str(tmp_path / "shallow"))
    shallow = type(git_folder)(tmp_path / "shallow")
    history = History.open(shallow.path, versions="last")
    events, cursors, left_out = drain(history, history.begin(Cursors())[0], "present", "past")
    assert messages(events) == ["commit 3"]
    assert left_out == {"commit at the edge of a shallow clone": 1}
    assert history.deepened(cursors) == cursors
    shallow.git("fetch", "--quiet", "--unshallow")
    events, *_ = drain(history, history.deepened(cursors), "live", "past")
    assert messages(events) == [f"commit {number}" for number in (3, 2, 1, 0)]


def test_a_repository_that_was_empty_has_new_commits_alone(git_folder):
    history = History.open(git_folder.path, versions="last")
    cursors, _ = history.begin(Cursors())
    git_folder.commit("first", {"a": "a"})
    git_folder.commit("second", {"b": "b"})
    events, cursors, _ = drain(history, cursors, "live", "present", "past")
    assert messages(events) == ["first", "second"]


def test_a_branch_has_what_head_has_not(git_folder):
    git_folder.commit("base", {"a": "a"})
    git_folder.git("checkout", "--quiet", "-b", "side")
    git_folder.commit("on the side", {"s": "s"})
    git_folder.git("checkout", "--quiet", "main")
    git_folder.commit("on main", {"m": "m"})
    history = History.open(git_folder.path, "refs/heads/side").called("", branch=True)
    events, *_ = drain(history, history.begin(Cursors())[0], "present", "live", "past")
    assert messages(events) == ["on the side"]


def test_notebooks_are_events_of_their_own_and_a_change_is_one_of_cells(git_folder):
    def notebook(*sources: str, picture: str = "") -> str:
        outputs = [{"output_type": "display_data", "data": {"image/png": picture}}]
        code = [{"cell_type": "code", "source": source, "outputs": outputs, "metadata": {}} for source in sources]
        return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": code})

    git_folder.commit("one", {"n.ipynb": notebook("1 + 1"), "a.py": "a\n"})
    git_folder.commit("two", {"n.ipynb": notebook("1 + 1", "2 + 2")})
    git_folder.commit("a picture", {"n.ipynb": notebook("1 + 1", "2 + 2", picture="x" * 2_000_000)})
    git_folder.commit("broken", {"n.ipynb": "{"})
    history = History.open(git_folder.path, versions="last")
    cursors, _ = history.begin(Cursors())
    past, _, left_out = drain(history, cursors, "past")
    assert messages(past) == ["two", "one"]
    assert [(f.before, f.after) for f in past[0].files] == [("# %%\n1 + 1\n", "# %%\n1 + 1\n\n# %%\n2 + 2\n")]
    assert left_out["notebook malformed"] == 1 and left_out["changed file whose text is the same"] == 1
    git_folder.commit("mended", {"n.ipynb": notebook("3 + 3")})
    events, *_ = drain(history, history.begin(Cursors())[0], "present")
    assert paths(events) == ["a.py"]
    assert [(e.path, [c.source for c in e.cells]) for e in events if isinstance(e, Notebook)] == [
        ("n.ipynb", ["3 + 3"])
    ]


def test_private_files_are_left_out_of_every_lane(git_folder):
    git_folder.commit("keys", {".env": "KEY=1\n", "deploy/id_rsa": "k\n", "a.py": "a\n"})
    history = History.open(git_folder.path, versions="last")
    cursors, _ = history.begin(Cursors())
    present, cursors, left_out = drain(history, cursors, "present")
    assert paths(present) == ["a.py"] and left_out == {"private by its name": 2}
    git_folder.commit("more keys", {".env": "KEY=2\n", "b.py": "b\n"})
    events, _, left_out = drain(history, cursors, "live", "past")
    assert [[f.path for f in e.files] for e in events if isinstance(e, Commit)] == [["b.py"], ["a.py"]]
    assert left_out["private by its name"] == 4


def test_two_folders_of_one_name_are_two_repositories(git_folder, tmp_path):
    git_folder.commit("one", {"a": "a"})
    for place in ("x", "y"):
        git_folder.git("clone", "--quiet", str(git_folder.path), str(tmp_path / place / "app"))
        type(git_folder)(tmp_path / place / "app").git("remote", "remove", "origin")
    folders = [tmp_path / "x/app", tmp_path / "y/app", git_folder.path, tmp_path / "x/app/.git"]
    expected = ["local/app", "local/app-2", f"local/{git_folder.path.name}", "local/app"]
    for _ in range(2):
        names = RepositoryNames(tmp_path / "names.json")
        assert [described(folder, names) for folder in folders] == expected


def described(folder: Path, names: RepositoryNames) -> str:
    history = History.open(folder)
    return history.called(names.of(folder, history)).describe().key


def test_a_commit_that_changes_both_ends_of_a_long_file_is_two_documents_of_one_message(git_folder):
    lines = [f"{n:059}\n" for n in range(2000)]
    git_folder.commit("long", {"long.txt": "".join(lines)})
    git_folder.commit("both ends", {"long.txt": "".join(["first\n", *lines[1:-1], "last\n"]), "b.py": "b\n"})
    history = History.open(git_folder.path, versions="last")
    cursors, _ = history.begin(Cursors())
    past, _, left_out = drain(history, cursors, "past")
    assert messages(past) == ["both ends"]
    assert [(f.path, f.line) for f in past[0].files] == [("b.py", 1), ("long.txt", 1), ("long.txt", 1968)]
    assert left_out == {TOO_WIDE: 1, ALL_TOO_WIDE: 1}, "the file that was added is too wide"
    documents = [weigh(document, default()) for document in expand(encode(past[0]), 7).documents]
    assert len({document.id for document in documents}) == len({document.exact for document in documents}) == 3
    assert [(document.offset, document.index) for document in documents] == [(7, 0), (7, 1), (7, 2)]
    again, *_ = drain(history, cursors, "past")
    assert [encode(event) for event in again] == [encode(event) for event in past]


def test_windows_of_one_commit_are_spread_over_events_and_steps(git_folder):
    lines = [f"{n:059}\n" for n in range(16_000)]
    git_folder.commit("long", {"long.txt": "".join(lines)})
    git_folder.commit("hunks", {"long.txt": "".join(f"{n}\n" if n % 200 == 0 else one for n, one in enumerate(lines))})
    history = History.open(git_folder.path, versions="last")
    cursors, _ = history.begin(Cursors())
    past, *_ = drain(history, cursors, "past")
    assert len(past) > 5 and sum(len(event.files) for event in past) == 80
    assert [(event.part, event.parts) for event in past] == [(n, len(past)) for n in range(len(past))]
    assert max(len(encode(event)) for event in past) < EVENT_CHARS * 1.2
    _, halfway, _ = drain(history, cursors, "past", steps=3)
    rest, *_ = drain(history, halfway, "past")
    assert (halfway.past, rest) == (cursors.past, past), "a commit of which a part was sent is sent again"


def test_of_a_long_merge_come_the_hunks_that_are_its_own(git_folder):
    lines = [f"{n:059}\n" for n in range(3000)]
    git_folder.commit("base", {"a.txt": "".join(lines)})
    git_folder.git("checkout", "--quiet", "-b", "side")
    git_folder.commit("side", {"a.txt": "".join(["side\n", *lines[1:]])})
    git_folder.git("checkout", "--quiet", "main")
    git_folder.commit("main", {"a.txt": "".join([*lines[:1000], "main\n", *lines[1001:]])})
    git_folder.git("merge", "--quiet", "--no-commit", "side")
    git_folder.commit("merge", {"a.txt": "".join(["side\n", *lines[1:1000], "main\n", *lines[1001:-1], "merge\n"])})
    history = History.open(git_folder.path, versions="last")
    past, *_ = drain(history, history.begin(Cursors())[0], "past")
    assert [f.after[-6:] for f in past[0].files] == ["merge\n"] and past[0].message == "merge"
