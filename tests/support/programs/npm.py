"""Packages of npm, fetched once by the user's own npm, for tests that run other languages' clients."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from midstream.settings import cache_home
from tests.support.models.llamacpp import program

FLAGS = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts"]

needed = [pytest.mark.slow, pytest.mark.skipif(not (program("node") and program("npm")), reason="no node, no npm")]
"""Marks of tests that run them."""


def packages(name: str, wanted: Mapping[str, str], optional: bool = False) -> Path:
    """Folder in which these packages, by name, are installed in these versions; it is called `name`, and kept.
    `optional`: with their own optional ones. Skips the test when they cannot be fetched."""
    target = cache_home() / "-".join([name, *wanted.values()])
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=".unfinished-"))
    flags = [*FLAGS, *([] if optional else ["--omit=optional"])]
    pins = [f"{package}@{version}" for package, version in wanted.items()]
    done = subprocess.run([str(program("npm")), "install", *flags, *pins], cwd=work, capture_output=True, text=True)
    if not done.returncode and not target.is_dir():
        work.rename(target)
    shutil.rmtree(work, ignore_errors=True)
    if not target.is_dir():
        pytest.skip(f"{', '.join(pins)} could not be fetched: {done.stderr.strip()[-200:]}")
    return target
