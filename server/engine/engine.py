"""The engine: one thread in which all running requests advance together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from weakref import WeakKeyDictionary

from model.tokens.tokenizer import Tokenizer
from server.engine.job import Emit, Job, Prepared, prepare
from server.engine.lane import Lane
from server.engine.recall import Recaller, compile_ahead
from server.request import Finish, Piece, Request
from server.served import Served

logger = logging.getLogger("midstream.server")


MOST_SHOWN = 128
"""Characters of a name that a client gives, in a message."""


class NoModel(RuntimeError):
    """No model is loaded yet."""


class UnknownModel(ValueError):
    """No model of that name is served; the message names those that are."""


@dataclass(frozen=True)
class EngineConfig:
    """Settings of the engine."""

    rows: int = 256
    """Tokens of a step at most: one of each request that generates, the rest of prompts."""
    cache_mb: int = 256
    """Keys and values of running requests and of the prefixes that are kept."""
    recalls: bool = False
    """What a request's buffer says is mixed into what the model expects; then `prepare` is called in one thread."""


class Engine:
    """`offer` gives it a model, `submit` a request that was prepared; both may be called from any thread.

    A request runs to its end on the model that it was prepared for; the swap is between two steps.
    """

    def __init__(self, config: EngineConfig = EngineConfig(), names: Sequence[str] = ("",)) -> None:
        """`names`: of the models that may be offered; the first one answers requests that name none."""
        self._config = config
        self._arrivals: SimpleQueue[Job | None] = SimpleQueue()
        self._lanes: list[Lane] = []
        """Of the models that are served, and of those before them that have requests to end."""
        self._closing = False
        self._thread: threading.Thread | None = None
        self.names = tuple(names)
        self.models: dict[str, Served] = {}
        """By name, those that are loaded, in the order of `names`. Replaced, never changed."""
        self._recallers: WeakKeyDictionary[Tokenizer, Recaller] = WeakKeyDictionary()
        self.rounds = 0
        """Steps made so far."""
        self.watch: Callable[[int], None] | None = None
        """Called in the engine's thread with the rows of each step of a model."""

    @property
    def active(self) -> int:
        """Requests that run or wait, those among them that go on for the cache alone."""
        return sum(map(len, self._lanes))

    @property
    def arrived(self) -> int:
        """Requests that are not looked at yet."""
        return self._arrivals.qsize()

    @property
    def waiting(self) -> int:
        """Those that have not begun, and those that are not looked at yet."""
        return self.arrived + sum(lane.waiting for lane in self._lanes)

    @property
    def served(self) -> Served | None:
        """What answers requests that name no model."""
        return self.models.get(self.names[0])

    def offer(self, served: Served, name: str | None = None) -> None:
        """From the next request on, this model answers those that name it; None: the first."""
        if self._config.recalls:
            compile_ahead(served.tokenizer)
        name = self.names[0] if name is None else name
        loaded = {**self.models, name: served}
        self.models = {known: loaded[known] for known in self.names if known in loaded}
        logger.info("serving %s%s", served.version, f" as {name}" if len(self.names) > 1 else "")

    def named(self, name: str, among: Sequence[str] | None = None) -> Served:
        """`among`: those that the asker knows of; None: all. Raises UnknownModel, and NoModel while it is not
        loaded."""
        among = self.names if among is None else among
        name = name or self.names[0]
        if name not in among:
            known = ", ".join(map(repr, filter(None, among)))
            shown = name if len(name) <= MOST_SHOWN else f"{name[:MOST_SHOWN]}…"
            raise UnknownModel(f"no model {shown!r} is served here" + (f": there are {known}" if known else ""))
        served = self.models.get(name)
        if served is None or self._closing:
            of = f" for the model {name!r}" if name != self.names[0] else ""
            raise NoModel(f"no checkpoint is loaded yet{of}; the server answers when the trainer has written one")
        return served

    def prepare(self, request: Request, among: Sequence[str] | None = None) -> Prepared:
        """What `submit` takes: made in the caller's thread, since a text may be long.

        Raises NoModel before the first `offer`, and ValueError for a request that nothing can be made of.
        """
        served = self.named(request.model, among)
        return prepare(request, served, self._recaller(served))

    def _recaller(self, served: Served) -> Recaller | None:
        if not self._config.recalls:
            return None
        if served.tokenizer not in self._recallers:
            self._recallers[served.tokenizer] = Recaller(served.tokenizer)
        return self._recallers[served.tokenizer]

    def submit(self, prepared: Prepared, emit: Emit) -> Job:
        """`emit` is called in the engine's thread; the last call for each alternative has a finish reason, or is an
        exception for all of them."""
        job = Job(prepared, emit)
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
        while not self._closing:
            self.admit(wait=not self.active)
            self.step()
        self.admit(wait=False)
        for lane in self._lanes:
            lane.cancel_all()

    def admit(self, wait: bool) -> None:
        """Takes what has arrived. A newer request of a session ends the older one first, so it finds what that has
        computed."""
        while True:
            try:
                job = self._arrivals.get(block=wait)
            except Empty:
                return
            wait = False
            if job is None:
                return
            self._begin(job)

    def _begin(self, job: Job) -> None:
        if job.cancelled:
            job.send(Piece("", job.prepared.served.version, Finish.CANCELLED))
            return
        if job.request.session:
            for lane in self._lanes:
                lane.supersede(job.request.session)
        try:
            self._lane(job.prepared.served).add(job)
        except Exception as error:  # no memory for another model's pages
            logger.error("a request cannot begin: %s", type(error).__name__)
            job.fail(error)

    def _lane(self, served: Served) -> Lane:
        """Of the model; one that nobody asks any more is forgotten, before a new one takes memory."""
        current = (served, *self.models.values())
        self._lanes = [lane for lane in self._lanes if len(lane) or lane.served in current]
        lane = next((lane for lane in self._lanes if lane.served is served), None)
        if lane is None:
            lane = Lane(served, self._config.rows, self._config.cache_mb)
            self._lanes.append(lane)
        return lane

    def step(self) -> None:
        """Moves every active request by a token, or by what of its prompt the budget has room for."""
        if not self.active:
            return
        self.rounds += 1
        for lane in self._lanes:
            try:
                if lane.step() and self.watch:
                    self.watch(lane.rows)
            except Exception as error:
                logger.error("a step failed: %s", type(error).__name__)
                lane.fail_all(error)
        current = self.models.values()
        self._lanes = [lane for lane in self._lanes if len(lane) or lane.served in current]


def answer(served: Served, request: Request) -> str:
    """One greedy or drawn answer without a thread; what `served` holds of other sequences is gone. Raises what the
    request fails with."""
    pieces: list[Piece | Exception] = []
    engine = Engine()
    engine.offer(served)
    engine.submit(engine.prepare(request), pieces.append)
    engine.admit(wait=False)
    while engine.active:
        engine.step()
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
    return "".join(piece.text for piece in pieces if isinstance(piece, Piece))
