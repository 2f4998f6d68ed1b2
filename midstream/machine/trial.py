"""What a program of ours finds out about this machine by trying, for one that would rather not wait for it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

LOOK_S = 0.1


def never() -> bool:
    return False


def output(command: Sequence[str], timeout_s: float, is_to_end: Callable[[], bool] = never) -> str | None:
    """What it prints; None where it fails, takes longer, or is to end before."""
    deadline = time.monotonic() + timeout_s
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        while time.monotonic() < deadline and not is_to_end():
            with suppress(subprocess.TimeoutExpired):
                printed, _ = process.communicate(timeout=LOOK_S)
                return printed if process.returncode == 0 else None
        process.kill()
    return None
