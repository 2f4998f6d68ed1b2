"""`git fetch` where the user asks for it: the one place where git opens a connection.

It runs with the user's own configuration, as in a shell, because that is where credentials and addresses are. It moves
remote branches only, so what is followed is a ref like `origin/main`, or a bare mirror whose own branches it moves.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

TIMEOUT_S = 600.0


class Fetches:
    """One after the other, beside the reading."""

    def __init__(self, paths: Sequence[Path], every_s: float, tell: Callable[[str], None]) -> None:
        self._paths, self._every_s, self._tell = list(paths), every_s, tell
        self._due = dict.fromkeys(paths, 0.0) if every_s > 0 else {}
        self._running: tuple[Path, subprocess.Popen[bytes], float] | None = None
        self._failed: set[Path] = set()

    def look(self) -> None:
        """Ends what is done, begins what is due; never waits."""
        now = time.monotonic()
        if self._running is not None:
            path, process, began = self._running
            if process.poll() is None and now - began < TIMEOUT_S:
                return
            self._end(path, process)
            self._running, self._due[path] = None, now + self._every_s
        due = [path for path, at in self._due.items() if at <= now]
        if due:
            self._running = due[0], self._start(due[0]), now

    def close(self) -> None:
        if self._running is not None:
            self._running[1].kill()
            self._running[1].wait()

    def _start(self, path: Path) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        command = ["git", "-C", str(path), "fetch", "--quiet", "--all"]
        nothing = subprocess.DEVNULL
        return subprocess.Popen(command, env=environment, stdin=nothing, stdout=nothing, stderr=nothing)

    def _end(self, path: Path, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.kill()
        if process.wait():
            if path not in self._failed:
                self._tell(f"{path}: git fetch failed; `git -C {path} fetch --all` says why")
            self._failed.add(path)
        else:
            self._failed.discard(path)
