"""What a signal sets and a loop looks at."""

from __future__ import annotations

import signal
import sys
import threading
import time

SLICE_S = 0.05


class Stop(threading.Event):
    """Set by the first Ctrl-C, SIGTERM or SIGHUP; the second one ends the program at once. Use as a context manager.

    A SIGHUP that is ignored, as under nohup, stays ignored. Nothing here takes a lock: a handler runs in the middle of
    whatever the main thread does, and an Event's lock might be held just there.
    """

    _is_asked = False

    def __enter__(self) -> Stop:
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        self._former = {number: signal.signal(number, self._asked) for number in numbers}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def set(self) -> None:
        self._is_asked = True

    def is_set(self) -> bool:
        return self._is_asked

    def wait(self, timeout: float | None = None) -> bool:
        """Up to `timeout` seconds; whether it is set."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._is_asked and (deadline is None or time.monotonic() < deadline):
            time.sleep(SLICE_S if deadline is None else max(0.0, min(SLICE_S, deadline - time.monotonic())))
        return self._is_asked

    def _asked(self, number: int, frame: object) -> None:
        if self._is_asked:
            sys.exit(128 + number)
        self._is_asked = True
