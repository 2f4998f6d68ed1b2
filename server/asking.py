"""What stands between the faces and the engine: prompts are made away from the event loop, pieces come to it in time,
and requests that are the same while one of them runs are answered once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from hashlib import sha256

from server.access.call import CALL
from server.access.gate import allowed
from server.engine.engine import Engine
from server.engine.job import Job, Prepared
from server.request import Finish, Piece, Request
from server.served import Served

GRACE_S = 0.005
"""After its deadline, in which the engine may still send what it has."""

Made = Piece | Exception


class Asker:
    """Puts the requests of one event loop to the engine."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._prompts = ThreadPoolExecutor(1, "prompts")
        """One thread, so that a session's requests stay in their order."""
        self._flights: dict[tuple[Request, Served], _Flight] = {}

    async def ask(self, make: Callable[[], Request]) -> Answer:
        """`make` may take its time over a long text. Raises NoModel, and ValueError with a message for the client."""
        loop = asyncio.get_running_loop()
        among, asker = allowed(self.engine.names), copy_context()
        prepared = await loop.run_in_executor(
            self._prompts, lambda: asker.run(lambda: self.engine.prepare(_owned(make()), among))
        )
        flight = self._shared(prepared)
        return Answer(prepared, flight, flight.join())

    def close(self) -> None:
        """Nobody is answered any more."""
        self._prompts.shutdown(wait=False, cancel_futures=True)

    def _shared(self, prepared: Prepared) -> _Flight:
        """One that answers the same request and goes on as long, else a new one. Those of a session replace each other
        instead."""
        request = prepared.request
        if request.session:
            return _Flight(self.engine, prepared, lambda: None)
        key = replace(request, deadline=None), prepared.served
        flight = self._flights.get(key)
        if flight is None or not flight.lasts(request.deadline):
            flight = _Flight(self.engine, prepared, lambda: self._land(key, flight))
            self._flights[key] = flight
        return flight

    def _land(self, key: tuple[Request, Served], flight: _Flight | None) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


class Answer:
    """The pieces of one answer for one reader; `close` when it reads no more."""

    def __init__(self, prepared: Prepared, flight: _Flight, reader: _Reader) -> None:
        self.prepared = prepared
        self._flight, self._reader = flight, reader
        self._call = CALL.get()
        if self._call:
            self._call.asked(flight.job)

    async def __aiter__(self) -> AsyncIterator[Piece]:
        """Until each alternative has ended, at its deadline at the latest. Raises what the request fails with."""
        unfinished = {piece.alternative: piece for piece in self.prepared.nothing()}
        while unfinished:
            for piece in await _in_time(self._reader, self.prepared.request.deadline, unfinished):
                if isinstance(piece, Exception):
                    raise piece
                unfinished[piece.alternative] = piece
                if self._call:
                    self._call.piece(piece)
                if piece.finish is not Finish.NONE:
                    del unfinished[piece.alternative]
                yield piece

    def close(self) -> None:
        """The request ends before its next token, unless others read it, or its deadline is over: what goes on for the
        cache is ended by the engine."""
        self._flight.leave(self._reader)


class _Reader:
    """How far one has read: what it has not read yet is kept once for all, so a slow one costs nothing."""

    def __init__(self, made: list[Made]) -> None:
        self._made, self._at = made, 0
        self.changed = asyncio.Event()

    async def take(self) -> list[Made]:
        """What is there, at least one; the pieces of each alternative as one, so that a client that reads slowly gets
        fewer."""
        while self._at == len(self._made):
            self.changed.clear()
            await self.changed.wait()
        new, self._at = self._made[self._at :], len(self._made)
        return _merged(new)


class _Flight:
    """A request that runs, and those who read its answer."""

    def __init__(self, engine: Engine, prepared: Prepared, land: Callable[[], None]) -> None:
        self._land = land
        self._made: list[Made] = []
        """As long as the answer, whoever reads it."""
        self._readers: list[_Reader] = []
        self._left = prepared.request.alternatives
        loop = asyncio.get_running_loop()

        def emit(piece: Made) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._tell, piece)

        self.job: Job = engine.submit(prepared, emit)

    def lasts(self, deadline: float | None) -> bool:
        """Whether it answers for as long as one with this deadline would wait."""
        own = self.job.request.deadline
        return not self.job.cancelled and (own is None or (deadline is not None and deadline <= own))

    def join(self) -> _Reader:
        """It reads all pieces, from the first on."""
        reader = _Reader(self._made)
        self._readers.append(reader)
        return reader

    def leave(self, reader: _Reader) -> None:
        if reader in self._readers:
            self._readers.remove(reader)
        if not self._readers and not self.job.is_late():
            self.job.cancel()
            self._land()

    def _tell(self, piece: Made) -> None:
        self._made.append(piece)
        for reader in self._readers:
            reader.changed.set()
        if isinstance(piece, Exception):
            self._left = 0
        elif piece.finish is not Finish.NONE:
            self._left -= 1
        if not self._left:
            self._land()


async def _in_time(reader: _Reader, deadline: float | None, unfinished: dict[int, Piece]) -> list[Made]:
    """What there is to read; at the deadline the ends of what is unfinished: the engine looks between two steps alone,
    and a step may take longer than the client waits."""
    try:
        async with asyncio.timeout_at(None if deadline is None else deadline + GRACE_S):
            return await reader.take()
    except TimeoutError:
        return [replace(last, text="", logprobs=(), finish=Finish.DEADLINE) for last in unfinished.values()]


def _owned(request: Request) -> Request:
    """A session is of one token: whoever calls theirs by the same name has another."""
    call = CALL.get()
    if not request.session or call is None or call.token is None:
        return request
    own = f"{call.token.name}\0{request.session}".encode(errors="surrogatepass")
    return replace(request, session=sha256(own).hexdigest())


def _merged(made: list[Made]) -> list[Made]:
    """One piece of each alternative, and what the request has failed with behind them."""
    if len(made) == 1:
        return made
    pieces: dict[int, list[Piece]] = {}
    for piece in made:
        if isinstance(piece, Piece):
            pieces.setdefault(piece.alternative, []).append(piece)
    return [*map(_one, pieces.values()), *(error for error in made if not isinstance(error, Piece))]


def _one(pieces: list[Piece]) -> Piece:
    logprobs = tuple(value for piece in pieces for value in piece.logprobs)
    return replace(pieces[-1], text="".join(piece.text for piece in pieces), logprobs=logprobs)
