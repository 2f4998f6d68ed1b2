"""Careful mode: each step on each document runs in a child process, so that one document cannot end the worker."""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from streams.worker.attempts import Attempts
from streams.worker.watchdog import Watchdog

TIMEOUT_S = 60.0
START_S = 300.0
"""For the child to start and to import what the step needs; it does not count against the document."""
MEMORY_BYTES = 8 << 30
PR_SET_PDEATHSIG = 1


log = logging.getLogger("midstream.streams")


class ChildDied(RuntimeError):
    """The document ended the process that worked on it."""


class TookTooLong(RuntimeError):
    """The document was not done within TIMEOUT_S."""


class Careful:
    """A `Call` (streams.pipeline) that outlives what it calls. The child is started anew after each death."""

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._pipe: Any = None
        self._step: Callable[..., Any] | None = None
        """What the child has: a step may carry a tokenizer, so it is sent once."""

    def __call__(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """The step's value. Raises what it raises, ChildDied or TookTooLong."""
        if self._process is None or not self._process.is_alive():
            self._start()
        try:
            self._pipe.send((None if step == self._step else step, arguments))
            self._step = step
            self._await(START_S)
            self._pipe.recv()
            self._await(self._timeout_s)
            error, value = self._pipe.recv()
        except (EOFError, OSError) as gone:
            self.close()
            raise ChildDied("the child process ended at this document") from gone
        except TookTooLong:
            self.close()
            raise
        if error is not None:
            raise error
        return value

    def _await(self, timeout_s: float) -> None:
        if not self._pipe.poll(timeout_s):
            raise TookTooLong(f"not done after {timeout_s:.0f} s")

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = self._step = None

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(theirs, os.getpid()), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe = ours


class Switch:
    """A `Call` that works in this process, and in a child while the record is one at which workers died."""

    def __init__(self, attempts: Attempts, watchdog: Watchdog, careful: Careful | None = None) -> None:
        self._attempts, self._watchdog = attempts, watchdog
        self._careful = careful or Careful()
        self._record = ""
        """The record that careful mode is for; "" outside of it."""

    def __call__(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """The step's value. Raises as `Careful`."""
        if not self._attempts.careful:
            self._leave()
            self._watchdog.beat()
            return step(*arguments)
        self._enter(self._attempts.record)
        self._watchdog.rest()  # the child has a limit of its own
        try:
            return self._careful(step, *arguments)
        finally:
            self._watchdog.beat()

    def _enter(self, record: str) -> None:
        if record != self._record:
            log.warning("workers died three times at %s: careful mode", record)
            self._record = record

    def _leave(self) -> None:
        if self._record:
            log.warning("%s is behind: careful mode is left", self._record)
            self._record = ""
            self._careful.close()


def _serve(pipe: Connection, parent: int) -> None:
    """For each call: None when its step and arguments are here, then (error, value)."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))  # a hung child must not outlive a killed worker
    step: Callable[..., Any] | None = None
    while os.getppid() == parent:
        try:
            call, arguments = pipe.recv()
        except EOFError:
            return
        step = call or step
        pipe.send(None)
        try:
            assert step is not None
            reply = (None, step(*arguments))
        except Exception as error:
            reply = (error, None)
        pipe.send(reply)
