"""The last error of each long-running program, in a file of the state folder: `midstream status` names it.

It is written by the program itself when it ends badly, and removed when it ends well. Holds no user's text: our own
errors say what to do, of any other error only its class is kept. Errors are kept apart by the topics' prefix: one state
folder may serve several.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import click

from streams import statefile

OWN = ("streams.", "midstream.", "model.", "server.")
INGEST = "ingest git "
"""What the name of a program begins with that is one repository on its way into the topics."""
STALE_S = 660.0
"""A repository is tried again every 300 s at least, and its error written again: an older one is nobody's."""


@dataclass(frozen=True)
class LastError:
    program: str
    """As it is started: `worker prepare`, `train`, `ingest git PATH`."""
    error: str
    record: str
    """`topic/partition/offset` of what it worked on, "" when that is not known."""
    time: float
    """Seconds since 1970."""
    prefix: str = ""
    """Of the topics that it worked on."""


@dataclass(frozen=True)
class Errors:
    """The last errors of the programs of one state folder and one prefix."""

    state: Path
    prefix: str

    def note(self, program: str, error: BaseException, record: str = "") -> None:
        """Keep the error as the program's last one."""
        own = type(error).__module__.startswith(OWN) or isinstance(error, click.ClickException)
        self._write(program, f"{type(error).__name__}: {error}" if own else type(error).__name__, record)

    @contextmanager
    def noted(self, program: str) -> Iterator[None]:
        """An error that passes through is kept; a good end forgets the last one. That nobody reads any longer what the
        program prints is neither."""
        try:
            yield
        except BrokenPipeError:
            raise
        except Exception as error:
            self.note(program, error)
            raise
        self.forget(program)

    def forget(self, program: str) -> None:
        """The program works again."""
        with suppress(OSError):
            self._path(program).unlink(missing_ok=True)

    def unread(self, repository: Path, sentence: str) -> None:
        """Why a repository cannot be read now; "": it can."""
        program = f"{INGEST}{repository}"
        if sentence:
            self._write(program, sentence, "")
        else:
            self.forget(program)

    def read(self) -> list[LastError]:
        """The last error of every program that has one; of repositories those that are tried again now."""
        errors: list[LastError] = []
        for path in sorted((self.state / "errors").glob("*.json")):
            with suppress(OSError, ValueError, TypeError):
                errors.append(LastError(**json.loads(path.read_text())))
        return [e for e in errors if e.prefix == self.prefix and not _stale(e)]

    def _write(self, program: str, text: str, record: str) -> None:
        path = self._path(program)
        with suppress(OSError):  # a full disk: the log has it, too
            error = LastError(program, text, record, time.time(), self.prefix)
            statefile.write(path, json.dumps(asdict(error)).encode())

    def _path(self, program: str) -> Path:
        """A path in a name is told by its hash alone."""
        name = program.replace(" ", "-")
        if program.startswith(INGEST):
            name = f"ingest-{sha256(program.encode()).hexdigest()[:16]}"
        return self.state / "errors" / f"{self.prefix}{name}.json"


def _stale(error: LastError) -> bool:
    return error.program.startswith(INGEST) and time.time() - error.time > STALE_S
