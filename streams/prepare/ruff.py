"""Findings of `ruff` on Python as it comes: the text goes through a process of its own and stays in memory."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections import Counter
from functools import lru_cache
from pathlib import Path

from streams.prepare.sarif import Findings, Unreadable, together

SECONDS = 10.0
"""A file that takes longer has no findings."""
MAX_CHARS = 1024 * 1024
_MEMORY = 2 * 1024**3


@lru_cache(maxsize=1)
def program() -> str | None:
    """Beside this Python, or on the path."""
    beside = Path(sys.executable).with_name("ruff")
    return str(beside) if beside.exists() else shutil.which("ruff")


def check(text: str, select: tuple[str, ...]) -> Findings:
    """Of a Python file's text; none where it is too large or takes too long."""
    if len(text) > MAX_CHARS:
        return Counter()
    try:
        done = _run(text, select)
        return together(done.stdout) if done.returncode == 0 and done.stdout else Counter()
    except (subprocess.TimeoutExpired, Unreadable):
        return Counter()


@lru_cache(maxsize=16)
def refusal(select: tuple[str, ...]) -> str:
    """What ruff has against these names of rules; empty: nothing."""
    try:
        done = _run("", select)
    except subprocess.TimeoutExpired:
        return "ruff takes too long"
    if done.returncode == 0:
        return ""
    said = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return said[-1].removeprefix("Cause: ") if said else "ruff fails"


def _run(text: str, select: tuple[str, ...]) -> subprocess.CompletedProcess[bytes]:
    command = [
        program() or "ruff", "check", "--isolated", "--no-cache", "--exit-zero", "--quiet", "--output-format", "sarif",
        "--select", ",".join(select), "--stdin-filename", "file.py", "-",
    ]  # fmt: skip
    data = text.encode("utf-8", "replace")
    return subprocess.run(command, input=data, capture_output=True, timeout=SECONDS, preexec_fn=_limit)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS)))
