"""One trainer a checkpoint folder, one `up` a state folder: a lock that names its holder."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from midstream.cli import main
from midstream.processes.lock import FolderInUse, FolderLock, NoLocks

HOLD = """
import sys, pathlib
from midstream.processes.lock import FolderLock
with FolderLock(pathlib.Path(sys.argv[1]), "training"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the folder's lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_one_is_told_who_holds_it(tmp_path, holder):
    with pytest.raises(FolderInUse, match=rf"process {holder.pid} on .*End that one first"):
        FolderLock(tmp_path, "training").acquire()
    holder.kill()
    holder.wait()
    with FolderLock(tmp_path, "training"):
        pass


@pytest.mark.parametrize("command", [["train", "--checkpoints"], ["up", "--git", "."]])
def test_train_and_up_refuse_a_folder_in_use(tmp_path, holder, command):
    config = tmp_path / "m.toml"
    config.write_text(f'[paths]\nstate = "{tmp_path}"\n[kafka]\nbrokers = "127.0.0.1:1"\n')
    folder = [str(tmp_path)] if command[0] == "train" else []
    result = CliRunner().invoke(main, [*command, *folder, "--config", str(config)])
    assert result.exit_code == 1 and f"is in use by process {holder.pid}" in result.stderr


def test_a_forked_child_does_not_hold_it(tmp_path):
    lock = FolderLock(tmp_path, "training")
    lock.acquire()
    begun, told = os.pipe()
    child = os.fork()
    if not child:
        os.write(told, b"x")
        signal.pause()
    try:
        os.read(begun, 1)
        lock.release()
        with FolderLock(tmp_path, "training"):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(begun)
        os.close(told)


def test_a_lock_whose_file_was_removed_is_taken_again(tmp_path):
    """Somebody removes the file while it is held: the next one must not lock a file that nobody sees."""
    first = FolderLock(tmp_path, "training")
    first.acquire()
    first.path.unlink()
    second = FolderLock(tmp_path, "training")
    second.acquire()
    with pytest.raises(FolderInUse):
        FolderLock(tmp_path, "training").acquire()
    first.release()
    second.release()


def test_a_file_system_without_locks_is_refused_unless_told_otherwise(tmp_path, monkeypatch):
    def none(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with pytest.raises(NoLocks, match="--without-lock"):
        FolderLock(tmp_path, "training").acquire()
    FolderLock(tmp_path, "training", unlocked=True).acquire()
