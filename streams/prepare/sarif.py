"""Findings of static analysers: of SARIF files (2.1.0) that a user brings, and of `ruff` on Python as it comes."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

MAX_BYTES = 256 * 1024 * 1024
RUFF_S = 10.0
"""A file that takes longer has no findings."""
RUFF_BYTES = 1024 * 1024
_MEMORY = 2 * 1024**3

Findings = Counter[tuple[str, str]]
"""Of one file: (rule, level) to how many."""


class Unreadable(ValueError):
    """A SARIF file that cannot be read; the message says why."""


class _Location(msgspec.Struct, frozen=True):
    uri: str = ""


class _Physical(msgspec.Struct, rename="camel", frozen=True):
    artifact_location: _Location = _Location()


class _Place(msgspec.Struct, rename="camel", frozen=True):
    physical_location: _Physical = _Physical()


class _Named(msgspec.Struct, frozen=True):
    id: str = ""


class _Result(msgspec.Struct, rename="camel"):
    rule_id: str = ""
    rule: _Named = _Named()
    level: str = "warning"
    locations: list[_Place] = []


class _Run(msgspec.Struct):
    results: list[_Result] | None = None


class _Log(msgspec.Struct):
    runs: list[_Run] = []


_decoder = msgspec.json.Decoder(_Log)


def findings(data: bytes) -> Mapping[str, Findings]:
    """By path, as its URI names it relative to the repository. Raises Unreadable."""
    try:
        log = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise Unreadable(f"no SARIF: {error}") from error
    found: dict[str, Findings] = {}
    for run in log.runs:
        for result in run.results or ():
            for place in result.locations[:1]:
                path = unquote(urlsplit(place.physical_location.artifact_location.uri).path).removeprefix("./")
                found.setdefault(path, Counter())[result.rule_id or result.rule.id, result.level] += 1
    return found


@lru_cache(maxsize=64)
def read(name: str) -> Mapping[str, Findings]:
    """Of a SARIF file. Raises Unreadable."""
    path = Path(name).expanduser()
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Unreadable(f"{path}: larger than {MAX_BYTES:,} bytes")
        return findings(path.read_bytes())
    except (OSError, Unreadable) as error:
        raise Unreadable(f"{path}: {error}") from error


@lru_cache(maxsize=1)
def ruff() -> str | None:
    """The program, beside this Python or on the path."""
    beside = Path(sys.executable).with_name("ruff")
    return str(beside) if beside.exists() else shutil.which("ruff")


def by_ruff(text: str, select: tuple[str, ...]) -> Findings:
    """Of a Python file's text; none where it is too large or takes too long. The text stays in memory."""
    program = ruff()
    if program is None or len(text) > RUFF_BYTES:
        return Counter()
    command = [
        program, "check", "--isolated", "--no-cache", "--exit-zero", "--quiet", "--output-format", "sarif",
        "--select", ",".join(select), "--stdin-filename", "file.py", "-",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, input=text.encode("utf-8", "replace"), capture_output=True, timeout=RUFF_S, preexec_fn=_limit
        )
        found = findings(done.stdout) if done.returncode == 0 and done.stdout else {}
    except (subprocess.TimeoutExpired, Unreadable):
        return Counter()
    return sum(found.values(), Counter())


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(RUFF_S), int(RUFF_S)))
