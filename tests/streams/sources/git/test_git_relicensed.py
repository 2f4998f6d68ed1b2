"""A repository that changed its licence: each commit's files are under what stands there after it."""

from __future__ import annotations

from collections import Counter

from streams.event import Commit, Files
from streams.sources.git.cursors import Cursors
from streams.sources.git.history import History
from tests.support.licences.licences import licence

GPL = "You may use it under the terms of the GNU General Public License, version 3.\n"


def events(path, versions="all"):
    history = History.open(path, versions=versions)
    cursors, _ = history.begin(Cursors())
    left_out: Counter[str] = Counter()
    steps = [*history.present(cursors.present, left_out), *history.past(cursors.past, left_out)]
    return [event for step in steps for event in step.events]


def said(path):
    """(path, first line of the text) to the licence that prepare takes."""
    found = {}
    for event in events(path):
        assert isinstance(event, Commit | Files)
        for file in event.files:
            text = file.after if isinstance(event, Commit) else file.text
            found[file.path, (text or "").split("\n")[0]] = file.licence or event.repository.licence
    return found


def test_older_commits_keep_their_licence(git_folder):
    git_folder.commit("one", {"LICENSE": GPL, "a.py": "a = 1  # first version\nx = 1\n"})
    git_folder.commit("two", {"b.py": "b = 1  # of the same time\ny = 2\n"})
    git_folder.commit("three", {"LICENSE": licence("MIT"), "a.py": "c = 3  # written anew\nz = 3\n", "b.py": None})
    found = said(git_folder.path)
    assert found["a.py", "a = 1  # first version"].startswith("GPL-")
    assert found["b.py", "b = 1  # of the same time"].startswith("GPL-")
    assert found["a.py", "c = 3  # written anew"] == "MIT"


def test_commits_before_there_was_a_licence_have_the_present_one(git_folder):
    git_folder.commit("one", {"a.py": "a = 1  # first version\nx = 1\n"})
    git_folder.commit("two", {"LICENSE": licence("MIT"), "a.py": "c = 3  # written anew\nz = 3\n"})
    assert set(said(git_folder.path).values()) == {"MIT"}


def test_commits_under_a_licence_that_is_gone_keep_it(git_folder):
    git_folder.commit("one", {"LICENSE": licence("MIT"), "a.py": "a = 1  # first version\nx = 1\n"})
    git_folder.commit("two", {"LICENSE": None, "a.py": "c = 3  # written anew\nz = 3\n"})
    found = said(git_folder.path)
    assert found["a.py", "a = 1  # first version"] == "MIT" and found["a.py", "c = 3  # written anew"] == ""
    git_folder.commit("three", {"LICENSE": "Own words. You may look at it.\n", "a.py": "d = 4  # once more\nz = 4\n"})
    git_folder.commit("four", {"LICENSE": licence("MIT"), "a.py": "e = 5  # last one\nz = 5\n"})
    assert said(git_folder.path)["a.py", "d = 4  # once more"] == "LicenseRef-unknown"
