"""A worker's counters, written to a file of their own once a second; `midstream status` reads them."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from streams import statefile
from streams.frame import Outcome

INTERVAL_S = 1.0
ALIVE_S = 5.0
"""Between two signs of life of a worker that has nothing to do."""


class Counts:
    """Cumulative over restarts; repeats count again, so the conservation sum is the feed's and not made from these."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = time.monotonic()
        self._said = -ALIVE_S
        self._documents = self._rate = 0.0
        earlier = _read(path)
        self._counter: Counter[str] = Counter({k: v for k, v in earlier.items() if isinstance(v, int)})
        self._time = earlier.get("time", 0.0)
        self._facts: dict[str, object] = {}
        self._written_facts: dict[str, object] = {}

    def add(self, outcome: Outcome, cpu_s: float) -> None:
        frame = outcome.frame
        c = self._counter
        c["frames"] += 1
        documents = len({(e.offset, e.index) for e in frame.examples}) or len(frame.documents)
        c["documents_out"] += documents
        c["examples_out"] += len(frame.examples)
        c["rejected"] += len(outcome.rejections)
        c["dead"] += len(outcome.dead)
        c["cpu_us"] += int(cpu_s * 1e6)
        for rejection in outcome.rejections:
            c[f"rule.{rejection.rule}"] += 1
        for document in frame.documents:
            c["licence_unknown"] += not document.licence
            c["cut"] += document.cut > 0
            for kind, count in document.redactions.items():
                c[f"redacted.{kind}"] += count
        self._documents += documents + len(outcome.rejections) + len(outcome.dead)
        if time.monotonic() - self._written > INTERVAL_S:
            self.write()

    def count(self, what: str) -> None:
        """One more of something that is no document."""
        self._counter[what] += 1
        self.write()

    def put(self, **facts: object) -> None:
        """What stands beside the counters: dedup's marks, for one."""
        self._facts.update(facts)

    def report(self) -> None:
        """Called once a second: writes when there is something new, a rate of 0 once it is over, and now and then that
        the worker is alive."""
        if self._documents or self._rate or self._facts != self._written_facts:
            self.write()
        elif time.monotonic() - self._said > ALIVE_S:
            self._say()

    def write(self) -> None:
        now = time.monotonic()
        self._rate = round(self._documents / max(now - self._written, 0.1), 1)
        self._written, self._documents = now, 0
        self._written_facts = dict(self._facts)
        self._time = time.time()
        self._say()

    def _say(self) -> None:
        self._said = time.monotonic()
        facts = {"documents_per_s": self._rate, "time": self._time, "alive": time.time()}
        statefile.write(self._path, json.dumps({**self._counter, **self._facts, **facts}).encode())


def _read(path: Path) -> dict[str, Any]:
    """A torn or foreign file counts as none: these are figures for a screen, not for a sum."""
    try:
        counters = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return counters if isinstance(counters, dict) else {}
