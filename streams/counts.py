"""A worker's counters, written to a file of their own once a second; `midstream status` reads them."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from pathlib import Path

from streams.frame import Outcome

INTERVAL_S = 1.0


class Counts:
    """Cumulative over restarts; repeats count again, so the conservation sum is the feed's and not made from these."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0.0
        self._counter: Counter[str] = Counter(_read(path))

    def add(self, outcome: Outcome, cpu_s: float) -> None:
        frame = outcome.frame
        c = self._counter
        c["frames"] += 1
        c["documents_out"] += len({(e.offset, e.index) for e in frame.examples}) or len(frame.documents)
        c["examples_out"] += len(frame.examples)
        c["rejected"] += len(outcome.rejections)
        c["dead"] += len(outcome.dead)
        c["cpu_us"] += int(cpu_s * 1e6)
        for rejection in outcome.rejections:
            c[f"rule.{rejection.rule}"] += 1
        for document in frame.documents:
            c["licence_unknown"] += not document.licence
        if time.monotonic() - self._written > INTERVAL_S:
            self.write()

    def write(self) -> None:
        self._written = time.monotonic()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(dict(self._counter, time=time.time())))
        temporary.replace(self._path)


def _read(path: Path) -> dict[str, int]:
    """A torn or foreign file counts as none: these are figures for a screen, not for a sum."""
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in found.items() if isinstance(v, int)}
