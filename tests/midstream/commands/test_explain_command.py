"""`midstream explain`: the verdict of prepare, with what every rule says."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from click.testing import CliRunner

from midstream.cli import main
from tests.support.licences.licences import licence

GPL = "# This is free software under the terms of the GNU General Public License.\n"
CODE = "def add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\nprint(add(3, 4))\n"


def told(*arguments: object) -> str:
    result = CliRunner().invoke(main, ["explain", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_file_that_is_kept_has_the_licence_of_its_repository(git_folder):
    git_folder.commit("one", {"LICENSE": licence("MIT"), "src/a.py": CODE})
    shown = told(git_folder.path / "src/a.py")
    assert shown.startswith("src/a.py: kept\n  language python, licence MIT (permissive), 68 characters, 6 lines\n")
    assert re.search(r"\n  keep  generated +0\n", shown) and "drop" not in shown


def test_what_drops_a_file_is_said_and_what_else_would(git_folder):
    git_folder.commit("one", {"LICENSE": licence("MIT"), "a.py": GPL + CODE, "b.js": "// @generated\nx\n"})
    first, second = (
        json.loads(line) for line in told("--json", git_folder.path / "a.py", git_folder.path / "b.js").splitlines()
    )
    assert (first["verdict"], first["licence_class"]) == ("dropped by licence", "copyleft")
    assert second["verdict"] == "dropped by too_small"
    assert [rule["rule"] for rule in second["rules"] if rule["verdict"] == "drop"] == ["too_small", "generated"]


def test_what_is_no_text_is_a_sentence(tmp_path: Path):
    (tmp_path / "a.bin").write_bytes(b"\0\1")
    result = CliRunner().invoke(main, ["explain", str(tmp_path / "a.bin")])
    assert result.exit_code == 1 and "is no text that is sent: binary" in result.output


def test_a_pipe_is_an_error_and_does_not_hang(tmp_path: Path):
    for name in ("a.py", "a.ipynb"):
        os.mkfifo(tmp_path / name)
        result = CliRunner().invoke(main, ["explain", str(tmp_path / name)])
        assert result.exit_code == 1 and "is no file that is sent: a pipe" in result.output


def test_one_of_a_thing_is_said_in_the_singular(tmp_path: Path):
    (tmp_path / "a.py").write_text("x")
    shown = told(tmp_path / "a.py")
    assert ", 1 character, 1 line\n" in shown and "1 character, fewer than 50" in shown


def test_the_repository_is_known_where_the_file_lies_in_a_clone(git_folder, tmp_path: Path):
    git_folder.commit("one", {"LICENSE": licence("MIT"), "a.py": CODE, "tests/test_a.py": CODE})
    (tmp_path / "s.sarif").write_text(json.dumps({"runs": [{"results": [{"ruleId": "R", "level": "error", "locations": [
        {"physicalLocation": {"artifactLocation": {"uri": "a.py"}}}]}]}]}))  # fmt: skip
    named = f"local/{git_folder.path.name}"
    recipe = tmp_path / "r.toml"
    recipe.write_text(
        '[[rules]]\nrule = "project_score"\nleast = 0.5\n'
        f'[[rules]]\nrule = "findings"\nfiles = {{ "{named}" = "{tmp_path}/s.sarif" }}\n'
    )
    score, findings = json.loads(told("--json", git_folder.path / "a.py", "--recipe", recipe))["rules"]
    assert 0.3 < score["measure"] < 0.31 and score["verdict"] == "drop"  # one commit, one test
    assert findings["reason"] == "1 finding: R"
    assert (
        json.loads(told("--json", git_folder.path / "tests/test_a.py", "--recipe", recipe))["rules"][1]["measure"] == 0
    )


def test_a_notebook_is_judged_as_it_is_sent_and_a_damaged_one_is_named(git_folder):
    cells = [{"cell_type": "code", "source": CODE, "metadata": {}, "outputs": [], "execution_count": 1}]
    about = {"kernelspec": {"language": "python", "name": "python3", "display_name": "Python 3"}}
    notebook = {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}
    git_folder.commit("one", {"LICENSE": licence("MIT"), "a/b.ipynb": json.dumps(notebook), "c.ipynb": "{"})
    shown = told(git_folder.path / "a/b.ipynb")
    assert shown.startswith("a/b.ipynb: dropped by small_notebook\n  language python, licence MIT (permissive)")
    result = CliRunner().invoke(main, ["explain", str(git_folder.path / "c.ipynb")])
    assert result.exit_code == 1 and "is no notebook that is sent" in result.output
