"""Every row of the list of private files takes and leaves what it says, in whatever folder."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streams.sources.private import LONGEST_NAME, RULES, is_private

TAKES = [(rule.kind, path) for rule in RULES for path in rule.takes]
LEAVES = [(rule.kind, path) for rule in RULES for path in rule.leaves]


@pytest.mark.parametrize(("kind", "path"), TAKES)
def test_what_is_private(kind: str, path: str) -> None:
    for whole in (path, f"/home/me/{path}", f"C:\\me\\{path}", path.upper()):
        assert is_private(whole), (kind, whole)


@pytest.mark.parametrize(("kind", "path"), LEAVES)
def test_what_only_looks_alike(kind: str, path: str) -> None:
    for whole in (path, f"/home/me/{path}", path.upper()):
        assert not is_private(whole), (kind, whole)


def test_every_pattern_is_lower_case_and_stands_once() -> None:
    patterns = [pattern for rule in RULES for pattern in rule.patterns]
    assert patterns == [pattern.lower() for pattern in patterns]
    assert len(set(patterns)) == len(patterns)


def test_paths_without_a_name_and_with_a_long_one() -> None:
    for path in ("", "/", "a/", ".", "\n"):
        assert not is_private(path)
    assert is_private("service-account" * 40_000 + ".json")
    assert not is_private("service-account" * 40_000 + ".jso")
    assert not is_private("/.aw" * 100_000 + "/" + "x" * LONGEST_NAME)
    assert is_private("/.ssh" + "/a" * 100_000)


def test_it_imports_the_standard_library_alone() -> None:
    code = (
        "import sys; before = set(sys.modules); import streams.sources.private; "
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "assert names <= {*sys.stdlib_module_names, 'streams'}, names; "
        "assert {name for name in sys.modules if name.startswith('streams.')} "
        "== {'streams.sources', 'streams.sources.private'}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "path",
    [".env~", "#.env#", "a/server.key~", ".netrc~", ".npmrc.bak", "credentials~", "prod.env.bak", "id_rsa.orig",
     "..env.swp", ".server.key.swp", "x/.npmrc.old~", ".aws/credentials.save", "w\\.PYPIRC.BAK"],
)  # fmt: skip
def test_copies_of_private_files_are_private(path):
    assert is_private(path)


@pytest.mark.parametrize(
    "path", ["main.py~", "#a.py#", "README.md.bak", ".env.example~", "~", "#", "secrets.7", "a.swp"]
)
def test_copies_of_other_files_are_not(path):
    assert not is_private(path)
