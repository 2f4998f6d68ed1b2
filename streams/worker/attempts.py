"""How often workers died at the same record: after three deaths it is worked on in careful mode (architecture §2.7)."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

DEATHS = 3
RECORDS = 8
"""At so many records deaths are counted at a time, the newest: workers may die at one of each partition in turn."""
BYTES = 1024
"""Of the file."""


class Attempts:
    """One file a worker process, held by a lock, so that the next process to take it sees how the last one ended."""

    def __init__(self, folder: Path, stage: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file, self.slot = _claim(folder, stage)
        self._record, self._deaths = "", _deaths(_parse(os.pread(self._file, 4096, 0)))

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

    def _write(self) -> None:
        data = json.dumps({"record": self._record, "deaths": self._deaths}).encode().ljust(BYTES)
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
