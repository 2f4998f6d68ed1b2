"""`midstream serve` as a program of its own, with settings of its own, and what the system says of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


class Program:
    """Use as a context manager; then it has a model."""

    def __init__(self, folder: Path, settings: str, checkpoints: Path | None = None) -> None:
        """`settings`: lines of `[serve]`. The log is `folder`/server.log."""
        config = folder / "midstream.toml"
        config.write_text(f'[paths]\nstate = "{folder}"\n[serve]\n{settings}\n')
        self._command = [sys.executable, "-m", "midstream", "serve", "--config", str(config)]
        self._command += ["--checkpoints", str(checkpoints or folder / "checkpoints"), "--listen", "127.0.0.1:0"]
        self.log = folder / "server.log"
        self.address = self.http = self.metrics = ""

    def __enter__(self) -> Program:
        log = self.log.open("wb")
        self._program = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=log, text=True)
        log.close()
        assert self._program.stdout is not None
        for line in self._program.stdout:
            word, _, rest = line.strip().partition(" on ")
            if word == "listening":
                self.address = rest.split(",")[0]
            elif word == "HTTP":
                self.http = rest.removeprefix("http://")
            elif word == "metrics":
                self.metrics = rest
            elif line.startswith("ready: "):
                return self
        raise RuntimeError(f"the server has no model: {self.log.read_text()}")

    def __exit__(self, *_: object) -> None:
        self._program.terminate()
        self._program.communicate()

    @property
    def pid(self) -> int:
        return self._program.pid

    @property
    def is_running(self) -> bool:
        return self._program.poll() is None

    def rss(self) -> int:
        return rss(self.pid)

    def cpu_s(self) -> float:
        return cpu_s(self.pid)

    def descriptors(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    def threads(self) -> int:
        return len(list(Path(f"/proc/{self.pid}/task").iterdir()))


def rss(pid: int) -> int:
    """Bytes of memory that the process holds now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"the process {pid} is gone")


def cpu_s(pid: int) -> float:
    """Processor time so far, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
