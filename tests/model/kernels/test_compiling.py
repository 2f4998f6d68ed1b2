"""Compiled functions whose files are lost, torn or cannot be written."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT

CODE = """
import numba.core.config as config
config.CACHE_DIR = {cache!r}
import logging
logging.basicConfig(level=logging.INFO)
import functions
print(functions.double(21), sum(functions.double.stats.cache_hits.values()))
"""
FUNCTION = """
from model.compiling import njit

@njit(cache=True)
def double(x):
    return 2 * x
"""


def _run(folder: Path) -> tuple[list[str], str]:
    """What the function gives, how often it came from its file, and what was logged; in a new process."""
    (folder / "functions.py").write_text(FUNCTION) if not (folder / "functions.py").exists() else None
    code = CODE.format(cache=str(folder / "cache"))
    path = os.pathsep.join([str(folder), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    return done.stdout.split(), done.stderr


def test_it_is_read_from_its_file(tmp_path: Path) -> None:
    assert _run(tmp_path) == (["42", "0"], "")
    assert _run(tmp_path) == (["42", "1"], "")


@pytest.mark.parametrize("kind", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize("kept", [0, 40])
def test_a_torn_file_is_said_and_made_anew(tmp_path: Path, kind: str, kept: int) -> None:
    _run(tmp_path)
    (file,) = (tmp_path / "cache").rglob(kind)
    os.truncate(file, kept)
    given, said = _run(tmp_path)
    assert given == ["42", "0"] and "compiled anew" in said and str(file.parent) in said
    assert _run(tmp_path) == (["42", "1"], "")


def test_where_nothing_can_be_written_it_is_compiled_each_time(tmp_path: Path) -> None:
    """As on a full disk: the files of the cache cannot be made."""
    _run(tmp_path)
    (index,) = (tmp_path / "cache").rglob("*.nbi")
    for file in index.parent.iterdir():
        file.unlink()
    index.mkdir()
    for _ in range(2):
        given, said = _run(tmp_path)
        assert given == ["42", "0"] and "are not kept" in said
