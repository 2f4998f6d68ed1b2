"""The engine: one thread that runs all requests in turn, a token or a prefill chunk each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

import torch

from server.job import Job
from server.request import Finish, Piece, Request
from server.served import Served

logger = logging.getLogger("midstream.server")


class NoModel(RuntimeError):
    """No model is loaded yet."""


class Engine:
    """`offer` gives it a model, `submit` a request; both may be called from any thread.

    A request runs to its end on the model it began with; the swap is between two steps.
    """

    def __init__(self, threads: int = 1) -> None:
        self._threads = threads
        self._arrivals: SimpleQueue[Job | None] = SimpleQueue()
        self._active: list[Job] = []
        self._closing = False
        self._thread: threading.Thread | None = None
        self.served: Served | None = None
        self.rounds = 0
        """Steps made so far: in each, every active request has moved by one token or chunk."""

    @property
    def active(self) -> int:
        return len(self._active)

    def offer(self, served: Served) -> None:
        """From the next request on, this model answers."""
        self.served = served
        logger.info("serving %s", served.version)

    def submit(self, request: Request, emit: Callable[[Piece | Exception], None]) -> Job:
        """`emit` is called in the engine's thread; the last call has a finish reason or is an exception.

        Raises NotReady before the first `offer`.
        """
        if self.served is None or self._closing:
            raise NoModel("no checkpoint is loaded yet; the server answers when the trainer has written one")
        job = Job(request, emit)
        self._arrivals.put(job)
        return job

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cancels what still runs and waits for the thread."""
        self._closing = True
        self._arrivals.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        torch.set_num_threads(self._threads)
        while not self._closing:
            self._admit(wait=not self._active)
            self.step()
        self._admit(wait=False)
        for job in self._active:
            job.finish(Finish.CANCELLED)
        self._active.clear()

    def _admit(self, wait: bool) -> None:
        """Takes what has arrived. A newer request of a session ends the older one first, so it finds its cache."""
        while True:
            try:
                job = self._arrivals.get(block=wait)
            except Empty:
                return
            wait = False
            if job is None:
                return
            for other in self._active:
                if other.request.session and other.request.session == job.request.session:
                    other.finish(Finish.CANCELLED)
            self._active = [other for other in self._active if not other.finished]
            if self._begin(job):
                self._active.append(job)

    def _begin(self, job: Job) -> bool:
        assert self.served is not None
        if job.cancelled:
            job.finish(Finish.CANCELLED)
            return False
        try:
            job.begin(self.served)
        except Exception as error:
            job.fail(error)
            return False
        return True

    def step(self) -> None:
        """Moves every active request by one chunk or token."""
        if not self._active:
            return
        self.rounds += 1
        for job in self._active:
            try:
                job.advance()
            except Exception as error:
                logger.error("a request failed: %s", type(error).__name__)
                job.fail(error)
        self._active = [job for job in self._active if not job.finished]
