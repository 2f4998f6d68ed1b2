"""llama.cpp as node-llama-cpp brings it, built: fetched once by the user's own npm, run by Node.js."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from midstream.settings import cache_home

VERSION = "3.21.1"
SCRIPT = Path(__file__).with_suffix(".mjs")
BUILT = {("Linux", "x86_64"): "linux-x64", ("Linux", "aarch64"): "linux-arm64", ("Darwin", "arm64"): "mac-arm64-metal"}
"""The package with llama.cpp built for this system; the others, with GPUs' libraries, are 600 MB."""
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


@cache
def folder() -> Path | None:
    """Where node-llama-cpp is installed, fetched when it is not there; None: it cannot be had."""
    node, npm, built = shutil.which("node"), shutil.which("npm"), BUILT.get((platform.system(), platform.machine()))
    if node is None or npm is None or built is None:
        return None
    target = cache_home() / f"node-llama-cpp-{VERSION}"
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unfinished-") as work:
        packages = [f"node-llama-cpp@{VERSION}", f"@node-llama-cpp/{built}@{VERSION}"]
        flags = ["--no-audit", "--no-fund", "--no-save", "--omit=optional", "--ignore-scripts"]
        done = subprocess.run([npm, "install", *flags, *packages], cwd=work, capture_output=True)
        if done.returncode:
            return None
        try:
            Path(work).rename(target)
        except OSError:  # another test process was first
            return target if target.is_dir() else None
        Path(work).mkdir()
    return target


def ask(
    model: Path,
    rows: int,
    context: int,
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
        command = ["node", str(SCRIPT), str(folder()), str(asked), str(answered)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        assert done.returncode == 0, done.stderr + done.stdout
        return Answer(**json.loads(answered.read_text()))
