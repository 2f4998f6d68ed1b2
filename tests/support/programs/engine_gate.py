"""An engine that makes so many steps as a test tells it to."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

from server.engine.job import Job


@dataclass
class Gate:
    """Keeps what was submitted."""

    jobs: list[Job] = field(default_factory=list)
    _steps: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def go(self, steps: int = 10_000) -> None:
        self._steps.release(steps)

    def hold(self) -> None:
        """No step more than was made."""
        while self._steps.acquire(blocking=False):
            pass

    def wait(self) -> None:
        self._steps.acquire()

    async def asked(self, count: int) -> None:
        """So many requests have come."""
        while len(self.jobs) < count:
            await asyncio.sleep(0.01)
