"""A call in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from midstream.machine import apart
from midstream.models.weights import CannotImport
from tests.tree import ROOT


def _number(base: str) -> tuple[int, int]:
    return int(base), os.getpid()


def _refuse() -> None:
    raise CannotImport("no such weights")


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _wait(told: str) -> None:
    Path(told).write_text(str(os.getpid()))
    time.sleep(600)


def test_its_value_comes_from_another_process() -> None:
    value, process = apart.call(_number, "7")
    assert value == 7 and process != os.getpid()


def test_what_it_raises_is_raised() -> None:
    with pytest.raises(CannotImport, match="no such weights"):
        apart.call(_refuse)


def test_an_end_without_a_word_is_said() -> None:
    with pytest.raises(ChildProcessError, match="ended with -9"):
        apart.call(_die)


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_the_one_that_asked(by: signal.Signals, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    modules = "from midstream.machine import apart; from tests.midstream.machine import test_apart"
    code = f"{modules}; apart.call(test_apart._wait, {str(told)!r})"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.DEVNULL) as asking:
        while not (told.exists() and told.read_text()):
            assert asking.poll() is None
            time.sleep(0.05)
        asking.send_signal(by)
    child = int(told.read_text())
    while Path(f"/proc/{child}/cmdline").exists() and Path(f"/proc/{child}/cmdline").read_bytes():
        time.sleep(0.05)  # the test's own limit ends it
