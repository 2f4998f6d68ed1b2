"""A feed that says how fast it is trained on (streams.pace)."""

from __future__ import annotations

import logging
import time
from pathlib import Path

from model.example import Batch
from streams import pace
from streams.feed.feed import Feed
from streams.pace import Pace

log = logging.getLogger("midstream.streams")

EVERY_S = 1.0
SMOOTHING = 0.2
"""Weight of the newest step in the rate."""


class PacedFeed:
    """A `model.example.BatchSource`: the feed, and `pace.json` in `folder` written once a second."""

    def __init__(self, feed: Feed, folder: Path) -> None:
        self._feed, self._folder = feed, folder
        self._rate = 0.0
        self._trained = 0
        self._handed: tuple[float, int] | None = None
        """When the last Batch was handed out, and its tokens."""
        self._written = 0.0
        self._failed = False

    def next(self, timeout_s: float) -> Batch | None:
        batch = self._feed.next(timeout_s)
        self._handed = (time.monotonic(), batch.tokens) if batch is not None else None
        self._write()
        return batch

    def trained(self, step: int) -> None:
        self._feed.trained(step)
        if self._handed is not None:
            began, tokens = self._handed
            rate = tokens / max(1e-6, time.monotonic() - began)
            self._rate = rate if not self._rate else self._rate + SMOOTHING * (rate - self._rate)
            self._trained += tokens
        self._handed = None
        self._write()

    def skipped(self) -> None:
        self._feed.skipped()

    def state(self) -> bytes:
        return self._feed.state()

    @property
    def changes(self) -> int:
        return self._feed.changes

    @property
    def drained(self) -> bool:
        return self._feed.drained

    def summary(self) -> dict[str, int | float]:
        return self._feed.summary()

    def _write(self) -> None:
        now = time.monotonic()
        if now - self._written < EVERY_S:
            return
        self._written = now
        ready, waiting = self._feed.waiting_tokens()
        latest = Pace(time.time(), self._rate, self._trained + waiting, ready, self._feed.marks)
        try:
            pace.write(self._folder, latest)
            self._failed = False
        except OSError as error:
            if not self._failed:
                log.error("%s cannot be written: %s. The sources send no history meanwhile", pace.NAME, error)
            self._failed = True
