"""Threads that run one function together."""

from __future__ import annotations

import os
from collections.abc import Callable
from queue import SimpleQueue
from threading import Semaphore, Thread

Job = Callable[[int, int], object]
"""(number of the thread, how many there are)."""


class Crew:
    """The caller is one of them; the others wait between two calls, and end with the program."""

    def __init__(self, threads: int) -> None:
        self.threads = max(1, threads)
        self._queues: list[SimpleQueue[Job]] = []
        self._done = Semaphore(0)
        self._process = 0

    def run(self, job: Job) -> None:
        """Returns when all have. The job must not raise: the others would wait for it."""
        if self.threads > 1 and self._process != os.getpid():
            self._begin()
        for queue in self._queues:
            queue.put(job)
        job(0, self.threads)
        for _ in self._queues:
            self._done.acquire()

    def _begin(self) -> None:
        """In this process: a fork has no threads but the caller's."""
        self._process, self._done = os.getpid(), Semaphore(0)
        self._queues = [SimpleQueue() for _ in range(self.threads - 1)]
        for number, queue in enumerate(self._queues, 1):
            Thread(target=self._work, args=(number, queue, self._done), daemon=True, name=f"step-{number}").start()

    def _work(self, number: int, queue: SimpleQueue[Job], done: Semaphore) -> None:
        while True:
            job = queue.get()
            try:
                job(number, self.threads)
            finally:
                done.release()
