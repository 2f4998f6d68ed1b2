"""Careful mode: each step on each document runs in a child process, so that one document cannot end the worker."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

TIMEOUT_S = 60.0
MEMORY_BYTES = 8 << 30


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

    def __call__(self, step: Callable[..., Any], *arguments: Any) -> Any:
        """The step's value. Raises what it raises, ChildDied or TookTooLong."""
        if self._process is None or not self._process.is_alive():
            self._start()
        try:
            self._pipe.send((step, arguments))
            if not self._pipe.poll(self._timeout_s):
                raise TookTooLong(f"not done after {self._timeout_s:.0f} s")
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

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._pipe = ours


def _serve(pipe: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    while True:
        try:
            step, arguments = pipe.recv()
        except EOFError:
            return
        try:
            reply = (None, step(*arguments))
        except Exception as error:
            reply = (error, None)
        pipe.send(reply)
