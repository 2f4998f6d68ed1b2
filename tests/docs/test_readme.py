"""The README stays true: its tree is current, its links exist, its commands are commands with those options."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from midstream.demo.report import Report
from midstream.settings import Settings, from_mapping
from tests.tree import PAGE, ROOT, tree, with_folders

README = (ROOT / "README.md").read_text()
COMMANDS = sorted(set(re.findall(r"^    (?:\.venv/bin/)?midstream (.+?)(?:\s+#.*)?$", README, re.M)))


def test_the_tree_is_current() -> None:
    assert with_folders(README) == README, "run `python -m tests.tree`"
    assert tree() == PAGE.read_text(), "run `python -m tests.tree`"


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_settings_are_settings() -> None:
    block = "\n".join(re.findall(r"^    (\[.*\]|\w+ = .*)$", README, re.M))
    from_mapping(Settings, tomllib.loads(block), "README.md")


def test_the_report_has_the_keys() -> None:
    for key in re.findall(r"`(\w+)`", README.split("| key | says |")[1].split("\n\n")[0]):
        assert hasattr(Report(), key), key


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_exists_with_its_options(command: str) -> None:
    words = command.split()
    names = [w for w in words if re.fullmatch(r"[a-z]+", w)]
    options = [w for w in words if w.startswith("-")]
    for depth in (2, 1):
        done = subprocess.run(
            [sys.executable, "-m", "midstream", *names[:depth], "--help"], capture_output=True, text=True
        )
        if done.returncode == 0 and done.stdout.startswith(f"Usage: midstream {' '.join(names[:depth])}"):
            break
    assert done.returncode == 0, done.stderr
    assert all(o in done.stdout for o in options), command


def test_make_has_the_targets() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`?make (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.M), target
