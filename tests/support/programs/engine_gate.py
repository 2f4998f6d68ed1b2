"""An engine that makes so many steps as a test tells it to."""

from __future__ import annotations

import asyncio
import threading

from server.engine.engine import Engine
from server.engine.job import Emit, Job, Prepared


class Gate:
    """Stands before the steps of an engine, and keeps what was submitted. `go` before the engine is closed."""

    def __init__(self, engine: Engine) -> None:
        self.jobs: list[Job] = []
        self._steps, self._made = threading.Semaphore(0), threading.Semaphore(0)
        submit, step = engine.submit, engine.step

        def noted(prepared: Prepared, emit: Emit) -> Job:
            self.jobs.append(submit(prepared, emit))
            return self.jobs[-1]

        def held() -> None:
            self._steps.acquire()
            step()
            self._made.release()

        engine.submit, engine.step = noted, held

    def go(self, steps: int = 10_000) -> None:
        self._steps.release(steps)

    def hold(self) -> None:
        """No step more than was made."""
        while self._steps.acquire(blocking=False):
            pass

    async def one(self) -> None:
        """A single step, made when this returns, of an engine that has made none before."""
        self.go(1)
        await asyncio.to_thread(self._made.acquire)
        await asyncio.sleep(0)

    async def asked(self, count: int) -> None:
        """So many requests have come."""
        while len(self.jobs) < count:
            await asyncio.sleep(0.01)
