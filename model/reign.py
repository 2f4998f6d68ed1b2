"""Reigns: the fence between two trainers of one folder, also where a file system's locks do not reach.

Every start of a trainer takes the next number: a file that is made only if it is not there. The names of what it
writes carry the number, so nothing that two trainers write ever has the same name, and the older one ends when it
sees a higher number.
"""

from __future__ import annotations

import os
import re
import socket
import time
from pathlib import Path

_NAME = re.compile(r"(?:\.unfinished-)?(?:step-\d+|ledger|reign)-r(\d+)(?:[-.].*)?")
LEFT = 8
"""Files of the newest reigns that stay: with none removed there would be one more at every start."""


class Superseded(RuntimeError):
    """A later start of a trainer has the folder now; the message names it."""


def take(root: Path) -> int:
    """The next reign, which nobody else has: above every number that a name in the folder carries."""
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    reign = 0
    while True:
        reign = max(reign, highest(root)) + 1
        try:
            handle = os.open(_file(root, reign), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            continue
        try:
            os.write(handle, f"process {os.getpid()} on {socket.gethostname()}, since {_now()}".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        if highest(root) == reign:
            _remove_old(root, reign)
            return reign


def highest(root: Path) -> int:
    """The highest reign that a name in the folder carries: of a reign's file, a checkpoint or a ledger; 0 for none."""
    names = (path.name for path in root.iterdir()) if root.is_dir() else ()
    matches = (match for name in names if (match := _NAME.fullmatch(name)))
    return max((int(match[1]) for match in matches), default=0)


def check(root: Path, reign: int) -> None:
    """Raises Superseded when there is a higher one."""
    other = highest(root)
    if other > reign:
        raise Superseded(
            f"Another trainer has begun on {root} ({_holder(root, other)}): it goes on from the newest checkpoint, and "
            "this one ends. One folder is trained by one program at a time."
        )


def _file(root: Path, reign: int) -> Path:
    return root / f"reign-r{reign}"


def _holder(root: Path, reign: int) -> str:
    """As it describes itself; it may not have written yet."""
    try:
        return _file(root, reign).read_text() or f"reign {reign}"
    except OSError:
        return f"reign {reign}"


def _remove_old(root: Path, reign: int) -> None:
    for path in root.glob("reign-r*"):
        number = path.name.removeprefix("reign-r")
        if number.isdigit() and int(number) <= reign - LEFT:
            path.unlink(missing_ok=True)


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")
