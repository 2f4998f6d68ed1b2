"""How often a worker has died at the same record: after three deaths it goes on in careful mode (architecture §2.7)."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

DEATHS = 3


class Attempts:
    """One file a worker process, held by a lock, so that the next process to take it sees how the last one ended."""

    def __init__(self, folder: Path, stage: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file, self.slot = _claim(folder, stage)
        left = _parse(os.pread(self._file, 4096, 0))
        self._record = str(left.get("record", ""))
        self._deaths = int(str(left.get("deaths", 0))) + 1 if self._record else 0

    @property
    def careful(self) -> bool:
        return self._deaths >= DEATHS

    @property
    def record(self) -> str:
        """The record that the last process died at, "" when it ended well."""
        return self._record if self._deaths else ""

    def begin(self, record: str) -> None:
        """This record is worked on from now; dying before `done` counts against it."""
        if record != self._record:
            self._deaths = 0 if not self.careful else self._deaths
            self._record = record
        self._write({"record": record, "deaths": self._deaths})

    def done(self) -> None:
        self._record, self._deaths = "", 0
        self._write({})

    def _write(self, state: dict[str, object]) -> None:
        data = json.dumps(state).encode().ljust(256)
        os.pwrite(self._file, data, 0)


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
        found = json.loads(data or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
