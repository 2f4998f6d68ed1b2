"""Ends a worker that hangs, so that its record counts as one at which it died (architecture §2.7).

A document may hang a stage inside a call of C that never lets Python run again: no signal handler and no thread of
Python would help. `faulthandler` waits in a thread of its own without the interpreter, writes where every thread
stands (names of functions, no values) into a file, and ends the process with code 1. The next process finds the file
and knows that the record hung, and where.
"""

from __future__ import annotations

import faulthandler
import sys
import time
from math import inf

LIMIT_S = 120.0
"""Without a sign of life for so long, a worker hangs. Every step on a document is one, and the event loop gives one a
second: the slowest step seen takes 2 s, and a document that was given to a child process gets 60 s."""
BEAT_S = 10.0
"""Setting the alarm anew waits for a thread to end, 12 ms on a busy machine, and nothing else in the process runs
meanwhile; so it is done once in so long."""


class Watchdog:
    """One a process: the alarm is the process's."""

    def __init__(self, limit_s: float = LIMIT_S, file: int | None = None) -> None:
        """`file`: descriptor of what is written into when a worker hangs; None: the standard error."""
        self._limit_s, self._file = limit_s, sys.stderr if file is None else file
        self._set = -inf

    def beat(self) -> None:
        """The worker is alive; from here on it has the limit, less BEAT_S or a tenth of the limit at most."""
        now = time.monotonic()
        if now - self._set >= min(BEAT_S, self._limit_s / 10):
            self._set = now
            faulthandler.dump_traceback_later(self._limit_s, exit=True, file=self._file)

    def rest(self) -> None:
        """Nobody is watched until the next beat."""
        faulthandler.cancel_dump_traceback_later()
        self._set = -inf
