"""What a signal sets."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from midstream.processes.stop import Stop


def test_a_signal_ends_a_wait_and_the_second_one_the_program():
    with Stop() as stop:
        assert not stop.wait(0)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
        assert stop.wait(60) and stop.is_set()
        with pytest.raises(SystemExit) as end:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
        assert end.value.code == 128 + signal.SIGTERM


def test_a_handler_takes_no_lock():
    """A signal may come while the main thread is within `wait`, or within anything else of an Event."""
    stop = Stop()
    with stop._cond:  # pyright: ignore[reportAttributeAccessIssue]
        stop.set()
        assert stop.is_set() and stop.wait(0)


def test_handlers_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with Stop():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before
