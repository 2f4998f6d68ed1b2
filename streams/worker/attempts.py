"""How often workers died at the same record: after three deaths, or one at which a worker hung, it is worked on in
careful mode (architecture §2.7)."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

DEATHS = 3
RECORDS = 8
"""At so many records deaths are counted at a time, the newest: workers may die at one of each partition in turn."""
BYTES = 1024
"""Of the file."""
STACKS_BYTES = 32 * 1024
"""Of the threads of a worker that hung, shown at most: names of functions and their lines."""

log = logging.getLogger("midstream.streams")


@dataclass(frozen=True)
class Trace:
    """What a worker process left behind, or is at."""

    running: bool
    record: str
    """That it is at, or was at when it ended; "" between two."""
    hung: bool
    """The watchdog ended it."""
    ended: bool
    """It ended well."""
    at: float
    """Seconds since 1970 of its beginning, or of the last record that it began or was done with."""


def trace(folder: Path, stage: str) -> list[Trace]:
    """One for every process of the stage that ever ran beside others, from their files alone."""
    traces: list[Trace] = []
    for path in sorted(folder.glob(f"{stage}-*")):
        if not path.name.removeprefix(f"{stage}-").isdigit():
            continue
        with suppress(OSError), path.open("rb") as file:
            left = _parse(file.read(4096))
            hung = path.with_name(f"{path.name}.hung")
            is_hung = hung.exists() and hung.stat().st_size > 0
            ended = bool(left.get("ended"))
            at = os.fstat(file.fileno()).st_mtime
            traces.append(Trace(_is_held(file.fileno()), str(left.get("record") or ""), is_hung, ended, at))
    return traces


def _is_held(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False


class Attempts:
    """One file a worker process, held by a lock, so that the next process to take it sees how the last one ended."""

    def __init__(self, folder: Path, stage: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file, self.slot = _claim(folder, stage)
        os.utime(self._file)
        self.hung = os.open(folder / f"{stage}-{self.slot}.hung", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        """What the watchdog writes into when it ends the process."""
        left = _parse(os.pread(self._file, 4096, 0))
        self._record, self._deaths = "", _deaths(left)
        self._look_whether_it_hung(stage, str(left.get("record") or ""))

    @property
    def record(self) -> str:
        """The record that is worked on, as `topic/partition/offset`; "" between two."""
        return self._record

    @property
    def deaths(self) -> dict[str, int]:
        """How many processes died at each record that is not behind the worker, the newest last."""
        return dict(self._deaths)

    @property
    def careful(self) -> bool:
        """Whether DEATHS processes died at the record that is worked on now."""
        return self._deaths.get(self._record, 0) >= DEATHS

    def _look_whether_it_hung(self, stage: str, record: str) -> None:
        """A record that hung once hangs again: it is careful mode's at once."""
        stacks = os.pread(self.hung, STACKS_BYTES, 0).decode(errors="replace")
        if not stacks:
            return
        log.error("%s: the last worker hung%s, here:\n%s", stage, f" at {record}" if record else "", stacks.strip())
        if record in self._deaths:
            self._deaths[record] = max(DEATHS, self._deaths[record])
        os.truncate(self.hung, 0)

    def begin(self, record: str) -> None:
        """This record is worked on from now; dying before it is behind the worker counts against it."""
        self._record = record
        self._write()

    def done(self, topic: str, partition: int, upto: int) -> None:
        """What came of the records below `upto` is delivered."""
        behind = [record for record in (self._record, *self._deaths) if _below(record, topic, partition, upto)]
        for record in behind:
            self._deaths.pop(record, None)
        if self._record in behind:
            self._record = ""
        self._write()

    def end(self) -> None:
        """The process ends well."""
        self._write(ended=True)

    def _write(self, ended: bool = False) -> None:
        content = {"record": self._record, "deaths": self._deaths} | ({"ended": True} if ended else {})
        data = json.dumps(content).encode().ljust(BYTES)
        os.pwrite(self._file, data, 0)


def _below(record: str, topic: str, partition: int, upto: int) -> bool:
    place, _, offset = record.rpartition("/")
    return place == f"{topic}/{partition}" and int(offset) < upto


def _deaths(left: dict[str, object]) -> dict[str, int]:
    """By record, after the end of the process that left this."""
    counts, record = left.get("deaths"), left.get("record")
    deaths = {str(r): int(n) for r, n in counts.items()} if isinstance(counts, dict) else {}
    if isinstance(counts, int) and record:  # as it was written before deaths were counted by record
        deaths = {str(record): counts}
    if record:
        deaths[str(record)] = deaths.pop(str(record), 0) + 1
    return dict(list(deaths.items())[-RECORDS:])


def _claim(folder: Path, stage: str) -> tuple[int, int]:
    """The first file of this stage that no living process holds."""
    for slot in range(1024):
        handle = os.open(folder / f"{stage}-{slot}", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        return handle, slot
    raise RuntimeError(f"1,024 workers of {stage} run from {folder}: give some of them another state folder")


def _parse(data: bytes) -> dict[str, object]:
    try:
        content = json.loads(data or b"{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
