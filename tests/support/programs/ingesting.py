"""What tests of `midstream ingest` wait for."""

from __future__ import annotations

import subprocess
import time


def ended(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    return out


def wait_for_records(connection, count: int) -> None:
    deadline = time.monotonic() + 60
    while sum(connection.end_offsets(["commits"]).values()) < count:
        assert time.monotonic() < deadline, "the commit did not arrive"
        time.sleep(0.1)
