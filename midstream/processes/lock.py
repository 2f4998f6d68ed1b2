"""One of a thing at a time: a lock on a folder for a program's life, which names its holder to the second one."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
import sys
import time
from pathlib import Path
from types import TracebackType

NAME = ".lock"
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""What flock answers on a file system that has no locks."""
_HOLDER_BYTES = 4096


class FolderInUse(Exception):
    """Another process holds the folder's lock; the message names it."""


class NoLocks(Exception):
    """The folder's file system gives no locks; the message says what to do."""


class FolderLock:
    """Held from `acquire` until `release` or the process's end, however that comes.

    The file stays when the lock is released: removing it would let two programs lock two files of one name. Children
    lose the descriptor: at exec because it is closed there, after a fork because the child closes it first.
    """

    def __init__(self, folder: Path, what: str, unlocked: bool = False) -> None:
        """`what`: the act that is done once at a time, for the messages. `unlocked`: go on where there are no locks."""
        self.path = folder / NAME
        self._what, self._unlocked = what, unlocked
        self._file: int | None = None
        os.register_at_fork(after_in_child=self.release)

    def __enter__(self) -> FolderLock:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def acquire(self) -> None:
        """Raises FolderInUse when another process holds it, NoLocks where the file system gives none."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        while self._file is None:
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                self._lock(handle)
                if _is_at(handle, self.path):
                    self._file = handle
            finally:
                if self._file is None:
                    os.close(handle)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps(_this_process(self._what)).encode(), 0)

    def release(self) -> None:
        """The lock is free afterwards; nothing happens when it was not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUse(f"{self.path.parent} is in use by {_holder(handle)}: {self._again}") from error
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            if not self._unlocked:
                raise NoLocks(
                    f"The file system of {self.path.parent} gives no locks ({error.strerror}), so nothing keeps two "
                    f"programs from {self._what} there. Use a folder on a local disk, or give --without-lock when you "
                    "are sure that there is one alone."
                ) from error

    @property
    def _again(self) -> str:
        return f"{self._what} is done by one program at a time. End that one first, or name another folder."


def _is_at(handle: int, path: Path) -> bool:
    """Whether the path still names the file that is locked: somebody may have removed it between the two calls."""
    try:
        here, there = os.fstat(handle), path.stat()
    except FileNotFoundError:
        return False
    return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)


def _this_process(what: str) -> dict[str, object]:
    return {
        "what": what, "host": socket.gethostname(), "pid": os.getpid(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"), "command": " ".join(sys.argv[:2]),
    }  # fmt: skip


def _holder(handle: int) -> str:
    """The holder as it describes itself; it may have locked and not yet written."""
    try:
        facts = json.loads(os.pread(handle, _HOLDER_BYTES, 0))
        return f"process {facts['pid']} on {facts['host']} ({facts['command']}, since {facts['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"
