"""The benches' repositories: a commit a release, each of the files that it changes; the same on every machine."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import pytest

from midstream.demo.corpus import pins
from streams.sources.git.cursors import Cursor
from streams.sources.git.history import History
from tests.tree import ROOT

BENCH = ROOT / "bench"


@pytest.fixture
def histories(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(BENCH)
    from common import histories

    return histories


def release(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def changed(repository: Path) -> list[list[str]]:
    """The paths that each commit changes, the first commit's at first."""
    log = subprocess.run(
        ["git", "-C", str(repository), "log", "--reverse", "--no-renames", "--name-status", "--format=%x00"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return [part.strip().replace("\t", " ").splitlines() for part in log.split("\0")[1:]]


def test_a_release_is_a_commit_of_the_files_that_it_changes(histories, tmp_path: Path) -> None:
    metadata = {"p-1.dist-info/LICENSE": "MIT", "p-1.dist-info/RECORD": ""}
    old = release(tmp_path / "old", {"p/a.py": "1\n", "p/b.py": "2\n", **metadata})
    new = release(tmp_path / "new", {"p/a.py": "1\n", "p/c.py": "3\n", "p-2.dist-info/licenses/LICENSE": "MIT"})
    npm = release(tmp_path / "npm", {"package/p/a.py": "4\n", "package/p/c.py": "3\n", "package/LICENSE": "MIT"})
    histories.commit_releases(tmp_path / "x", [("p 1", old), ("p 2", new), ("p 3", npm)])
    assert changed(tmp_path / "x") == [["A LICENSE", "A p/a.py", "A p/b.py"], ["D p/b.py", "A p/c.py"], ["M p/a.py"]]


def test_generated_repositories_are_the_same_every_time_and_permissive(histories, tmp_path: Path) -> None:
    heads: list[list[str]] = []
    for folder in ("first", "second"):
        repositories = list(histories.generated(tmp_path / folder))
        heads.append([History.open(path).head() for path in repositories])
    assert heads[0] == heads[1] and len(set(heads[0])) == histories.GENERATED
    steps = list(History.open(repositories[0]).live(Cursor(), Counter()))
    assert sum(step.commits for step in steps) == histories.COMMITS
    assert repositories and History.open(repositories[0]).describe().licence == "Unlicense"


def test_the_lock_names_at_least_twenty_releases_of_each_package(histories) -> None:
    releases = Counter(pin.name for pin in pins(histories.LOCK))
    assert len(releases) >= 8 and min(releases.values()) >= 20
