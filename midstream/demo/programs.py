"""The programs that the demo runs: midstream's own commands, with one file of settings and one folder of logs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from midstream.processes.supervise import Program, Supervisor


class Programs:
    def __init__(self, state: Path) -> None:
        """`state`: the demo's folder, in which `midstream.toml` is written before anything starts."""
        self.config = state / "midstream.toml"
        self.logs = state / "logs"
        self._crews: list[Supervisor] = []

    def program(self, name: str, *words: str) -> Program:
        """A midstream command, named in the logs."""
        environment = {"MIDSTREAM_CONFIG": str(self.config), "TOKENIZERS_PARALLELISM": "false"}
        return Program(name, (sys.executable, "-m", "midstream", *words), environment)

    async def start(self, *programs: Program) -> None:
        """They run until they are ended, and what dies is started again."""
        crew = Supervisor(programs, self.logs)
        self._crews.append(crew)
        await crew.start()

    async def end(self, name: str) -> None:
        """The program of this name, and those that were started with it."""
        await next(c for c in self._crews if name in c.restarts).stop()

    async def stop(self) -> None:
        """End what was started, the last first."""
        for crew in reversed(self._crews):
            await crew.stop()

    async def command(self, *words: str) -> str:
        """Run a midstream command to its end; its last lines. Raises RuntimeError when it fails."""
        program = self.program("command", *words)
        process = await asyncio.create_subprocess_exec(
            *program.argv, env={**os.environ, **program.env},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        lines = [line for line in out.decode(errors="replace").splitlines() if line.strip()]
        if process.returncode:
            raise RuntimeError(f"`midstream {' '.join(words[:2])}` ended with {process.returncode}: {lines[-1:]}")
        return "; ".join(lines[-3:])

    def progress(self) -> dict[str, Any]:
        """The last line of the program `trainer`; empty before its first."""
        with suppress(OSError, ValueError, IndexError):
            lines = [row for row in (self.logs / "trainer.log").read_text().splitlines() if row.startswith("{")]
            return json.loads(lines[-1])
        return {}
