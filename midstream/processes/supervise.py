"""Keeps child processes running: restarts with back-off, an orderly end, logs that do not grow without bound.

The list of programs is data; what they do is not known here. A child is a session of its own, so
that a Ctrl-C in the terminal reaches the supervisor alone, and it dies with the supervisor, also
when that is killed: the kernel sends it `Program.orphaned` when the thread that started it ends.
Start a supervisor from the main thread, therefore.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
STEADY_S = 60.0
"""A program that lived for so long starts its waits anew."""
GRACE_S = 15.0
"""From SIGTERM to SIGKILL; a Faust worker whose broker is gone does not answer SIGTERM."""
OFTEN, OFTEN_S = 3, 300.0
"""A program that was started again so many times in so many seconds does not get on."""
WELL = 2
"""Until it has run so many times as long as it did before."""
LOG_BYTES = 10_000_000
LOG_LOOK_S = 5.0

PR_SET_PDEATHSIG = 1
LAUNCH = f"""
import ctypes, os, sys
ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, int(sys.argv[2]))
if os.getppid() != int(sys.argv[1]):
    sys.exit("the supervisor ended first")
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""A process of its own and no preexec_fn: that would run Python between fork and exec beside other threads."""


@dataclass(frozen=True)
class Program:
    """A child process."""

    name: str
    """Also of its log."""
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the supervisor's own."""
    once: bool = False
    """It is done when it ends with code 0; otherwise an end is always followed by a new start."""
    orphaned: signal.Signals = signal.SIGKILL
    """What it gets when the supervisor dies."""
    grace_s: float = 0.0
    """From SIGTERM to SIGKILL, where it needs longer than the supervisor's own: it ends something itself."""


class _Child:
    """One program and its present process."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: asyncio.subprocess.Process | None = None
        self.restarts = 0
        self.restarted_at: list[float] = []
        """The last OFTEN times, on the monotonic clock."""
        self.done = False
        self.last_code: int | None = None
        self.task: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.returncode is None

    def fails(self, now: float) -> bool:
        """It dies often; and it has not run WELL times as long as it did between two of these ends, at most."""
        if len(self.restarted_at) < OFTEN or self.restarted_at[0] <= now - OFTEN_S:
            return False
        longest = max(later - earlier for earlier, later in pairwise(self.restarted_at))
        return not self.alive or now - self.restarted_at[-1] <= WELL * longest


class Supervisor:
    """Not thread-safe: one event loop owns it."""

    def __init__(self, programs: Iterable[Program], logs: Path, grace_s: float = GRACE_S) -> None:
        """`logs` is the folder of NAME.log; one former part is kept as NAME.log.1."""
        self._children = {program.name: _Child(program) for program in programs}
        self._logs, self._grace_s = logs, grace_s
        self._stopping = False
        self._rotating: asyncio.Task[None] | None = None

    @property
    def running(self) -> dict[str, int]:
        """Process ids by name, of those that are alive."""
        return {name: c.process.pid for name, c in self._children.items() if c.process is not None and c.alive}

    @property
    def restarts(self) -> dict[str, int]:
        """How often each program was started again."""
        return {name: child.restarts for name, child in self._children.items()}

    @property
    def failing(self) -> list[str]:
        """Programs that were started again OFTEN times in the last OFTEN_S seconds, and are not well again."""
        return [name for name, child in self._children.items() if child.fails(time.monotonic())]

    @property
    def done(self) -> set[str]:
        """Programs with `once` that ended well."""
        return {name for name, child in self._children.items() if child.done}

    def last_code(self, name: str) -> int | None:
        """Exit code of the program's last end, negative for a signal; None before its first."""
        return self._children[name].last_code

    async def start(self) -> None:
        """Starts every program; returns when each has been tried once."""
        self._logs.mkdir(parents=True, exist_ok=True)
        for child in self._children.values():
            await self._spawn(child)
            child.task = asyncio.create_task(self._keep(child))
        self._rotating = asyncio.create_task(self._rotate())

    async def stop(self) -> None:
        """Ends everything: SIGTERM, and SIGKILL after the grace. May be called twice."""
        self._stopping = True
        await asyncio.gather(*map(self._end, self._children.values()))
        if self._rotating is not None:
            self._rotating.cancel()

    async def _keep(self, child: _Child) -> None:
        wait_s = FIRST_WAIT_S
        while True:
            began = time.monotonic()
            assert child.process is not None
            child.last_code = await child.process.wait()
            if self._stopping:
                return
            if child.program.once and child.last_code == 0:
                child.done = True
                return
            wait_s = FIRST_WAIT_S if time.monotonic() - began > STEADY_S else wait_s
            self._say(child, f"ended with {child.last_code}; starts again in {wait_s:g} s")
            wait_s = await self._restart(child, wait_s)

    async def _restart(self, child: _Child, wait_s: float) -> float:
        """A new process after the wait, tried until there is one; returns the next wait."""
        while True:
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            try:
                await self._spawn(child)
            except OSError as error:  # no memory, no descriptors: others may end meanwhile
                self._say(child, f"could not be started ({error.strerror}); tried again in {wait_s:g} s")
                continue
            child.restarts += 1
            child.restarted_at = [*child.restarted_at, time.monotonic()][-OFTEN:]
            return wait_s

    async def _spawn(self, child: _Child) -> None:
        program = child.program
        launch = (sys.executable, "-S", "-E", "-c", LAUNCH, str(os.getpid()), str(int(program.orphaned)))
        with _appended(self._log(program.name)) as log:
            child.process = await asyncio.create_subprocess_exec(
                *launch, *program.argv, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **program.env}, start_new_session=True,
            )  # fmt: skip

    async def _end(self, child: _Child) -> None:
        if child.task is not None and not child.alive:
            child.task.cancel()  # it waits to start again
        for number in (signal.SIGTERM, signal.SIGKILL):
            if child.process is None or not child.alive:
                break
            with contextlib.suppress(ProcessLookupError):
                child.process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                grace_s = max(self._grace_s, child.program.grace_s)
                child.last_code = await asyncio.wait_for(child.process.wait(), grace_s)
        if child.task is not None:
            await asyncio.gather(child.task, return_exceptions=True)

    def _log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def _say(self, child: _Child, what: str) -> None:
        line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} midstream.supervise {child.program.name} {what}\n"
        with contextlib.suppress(OSError), self._log(child.program.name).open("a", encoding="utf-8") as log:
            log.write(line)  # a full disk must not keep the program from being started again

    async def _rotate(self) -> None:
        while True:
            for name in self._children:
                with contextlib.suppress(OSError):
                    rotate(self._log(name))
            await asyncio.sleep(LOG_LOOK_S)


def _appended(log: Path) -> IO[bytes]:
    """The log, or nowhere while it cannot be opened: the program matters more."""
    try:
        return log.open("ab")
    except OSError:
        return open(os.devnull, "ab")  # noqa: PTH123


def rotate(log: Path, limit: int = LOG_BYTES) -> bool:
    """Moves a log above `limit` bytes to NAME.log.1, in place of the former one.

    The child goes on appending to the same file, so it is copied and emptied; lines that are written
    between the two are lost.
    """
    if not log.exists() or log.stat().st_size <= limit:
        return False
    shutil.copyfile(log, log.with_name(log.name + ".1"))
    os.truncate(log, 0)
    return True
