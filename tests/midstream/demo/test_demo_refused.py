"""What the demo refuses before it begins: no repository to read, and a second one beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from midstream.cli import main
from midstream.demo.demo import _clear
from midstream.processes.lock import NAME, FolderLock


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "midstream.toml"
    path.write_text(f'[paths]\nstate = "{tmp_path}/state"\ncache = "{tmp_path}/cache"\n')
    return path


def test_outside_of_a_repository_it_says_what_to_do(tmp_path: Path, config: Path) -> None:
    said = CliRunner().invoke(main, ["demo", "--config", str(config), "--checkout", str(tmp_path)])
    assert said.exit_code == 2 and "Run it in a clone, or name one, --checkout DIR" in said.output


def test_a_second_one_names_the_first_and_touches_nothing(git_folder, tmp_path: Path, config: Path) -> None:
    git_folder.commit("one", {"a.py": "x = 1\n"})
    kept = tmp_path / "state/demo/corpus"
    with FolderLock(tmp_path / "state/demo", "`midstream demo`"):
        kept.mkdir()
        said = CliRunner().invoke(main, ["demo", "--config", str(config), "--checkout", str(git_folder.path)])
    assert said.exit_code != 0 and "is in use by process" in said.output and kept.exists()


def test_what_an_earlier_one_left_is_removed_but_for_the_lock(tmp_path: Path) -> None:
    (tmp_path / "kafka/data").mkdir(parents=True)
    for name in (NAME, "midstream.toml"):
        (tmp_path / name).write_text("")
    _clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
