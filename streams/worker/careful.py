"""Careful mode: each step on each document runs in a child process, so that one document cannot end the worker."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

TIMEOUT_S = 60.0
START_S = 300.0
"""For the child to start and to import what the step needs; it does not count against the document."""
MEMORY_BYTES = 8 << 30
PR_SET_PDEATHSIG = 1


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


def _serve(pipe: Connection, parent: int) -> None:
    """For each call: None when its step and arguments are here, then (error, value)."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))  # a hung child must not outlive a killed worker
    step: Callable[..., Any] | None = None
    while os.getppid() == parent:
        try:
            given, arguments = pipe.recv()
        except EOFError:
            return
        step = given or step
        pipe.send(None)
        try:
            assert step is not None
            reply = (None, step(*arguments))
        except Exception as error:
            reply = (error, None)
        pipe.send(reply)
