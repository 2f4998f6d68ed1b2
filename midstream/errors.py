"""The last error of each long-running program, in a file of the state folder: `midstream status` names it.

It is written by the program itself when it ends badly, and removed when it ends well. Holds no user's text: our own
errors say what to do, of any other error only its class is kept.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import click

OWN = ("streams.", "midstream.", "model.", "server.")


@dataclass(frozen=True)
class LastError:
    program: str
    """As it is started: `worker prepare`, `train`."""
    error: str
    record: str
    """`topic/partition/offset` of what it worked on, "" when that is not known."""
    time: float
    """Seconds since 1970."""


def note(state: Path, program: str, error: BaseException, record: str = "") -> None:
    """Keep the error as the program's last one."""
    own = type(error).__module__.startswith(OWN) or isinstance(error, click.ClickException)
    text = f"{type(error).__name__}: {error}" if own else type(error).__name__
    path = _path(state, program)
    with suppress(OSError):  # a full disk: the log has it, too
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(asdict(LastError(program, text, record, time.time()))))
        temporary.replace(path)


@contextmanager
def noted(state: Path, program: str) -> Iterator[None]:
    """An error that passes through is kept; a good end forgets the last one."""
    try:
        yield
    except Exception as error:
        note(state, program, error)
        raise
    _path(state, program).unlink(missing_ok=True)


def read(state: Path) -> list[LastError]:
    """The last error of every program that has one."""
    found: list[LastError] = []
    for path in sorted((state / "errors").glob("*.json")):
        with suppress(OSError, ValueError, TypeError):
            found.append(LastError(**json.loads(path.read_text())))
    return found


def _path(state: Path, program: str) -> Path:
    return state / "errors" / f"{program.replace(' ', '-')}.json"
