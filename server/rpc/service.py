"""The gRPC face of the engine: messages to requests, pieces to messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import grpc

from server.engine.engine import Engine, NoModel
from server.engine.job import Emit, Prepared
from server.request import DEFAULT_TOKENS, Finish, Piece, Request, Until
from server.rpc import infill_pb2, infill_pb2_grpc

MARGIN_S = 0.01
"""A request's deadline is so long before its call's own."""
GRACE_S = 0.005
"""After its deadline, in which the engine may still send what it has."""


class InfillService(infill_pb2_grpc.InfillServiceServicer):
    """A client that goes away ends its request before the next token."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._prompts = ThreadPoolExecutor(1, "prompts")
        """One thread, so that a session's requests stay in their order."""

    async def Infill(
        self, request: infill_pb2.InfillRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[infill_pb2.InfillResponse]:
        pieces: asyncio.Queue[Piece | Exception] = asyncio.Queue()
        remaining = context.time_remaining()
        try:
            loop, arrived = asyncio.get_running_loop(), time.monotonic()
            prepared = await loop.run_in_executor(
                self._prompts, lambda: self._engine.prepare(read(request, remaining, arrived))
            )
            job = self._engine.submit(prepared, _into(pieces))
        except NoModel as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        unfinished = _nothing(prepared)
        try:
            while unfinished:
                for piece in await _in_time(pieces, prepared.request.deadline, unfinished):
                    if isinstance(piece, Exception):
                        await context.abort(*_status(piece))
                    yield written(piece)
                    unfinished[piece.alternative] = piece
                    if piece.finish is not Finish.NONE:
                        del unfinished[piece.alternative]
        finally:
            if not job.is_late():  # what goes on for the cache is ended by the engine
                job.cancel()

    async def Model(
        self, request: infill_pb2.ModelRequest, context: grpc.aio.ServicerContext
    ) -> infill_pb2.ModelResponse:
        served = self._engine.served
        if served is None:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "no checkpoint is loaded yet")
        manifest = served.manifest
        return infill_pb2.ModelResponse(
            model_version=served.version,
            step=manifest.step,
            tokens=manifest.tokens,
            bits_per_byte=manifest.bits_per_byte or 0.0,
            context=manifest.length,
            format=manifest.format.name,
            orders=manifest.format.orders,
        )


def read(message: infill_pb2.InfillRequest, remaining_s: float | None, arrived: float | None = None) -> Request:
    """The request; its deadline is the message's or the call's, whichever comes first. `arrived`: on the clock of
    time.monotonic; None: now. Raises ValueError."""
    if message.deadline_ms < 0:
        raise ValueError("deadline_ms is not negative")
    limits = [message.deadline_ms / 1000] if message.deadline_ms else []
    if remaining_s is not None:
        limits.append(max(0.0, remaining_s - MARGIN_S))
    return Request(
        prefix=message.prefix,
        suffix=message.suffix,
        path=message.path,
        language=message.language,
        max_tokens=message.max_tokens or DEFAULT_TOKENS,
        temperature=message.temperature,
        seed=message.seed,
        stop=tuple(message.stop),
        deadline=(time.monotonic() if arrived is None else arrived) + min(limits) if limits else None,
        session=message.session,
        single_line=message.single_line,
        until=Until(message.until),
        top_p=message.top_p or 1.0,
        alternatives=message.alternatives or 1,
        least_confidence=message.least_confidence,
        logprobs=message.logprobs,
    )


def written(piece: Piece) -> infill_pb2.InfillResponse:
    return infill_pb2.InfillResponse(
        text=piece.text,
        model_version=piece.model_version,
        finish_reason=f"FINISH_REASON_{piece.finish.name}",
        tokens=piece.tokens,
        prompt_tokens=piece.prompt_tokens,
        reused_tokens=piece.reused_tokens,
        alternative=piece.alternative,
        logprobs=piece.logprobs,
    )


def _nothing(prepared: Prepared) -> dict[int, Piece]:
    """The last piece so far of each alternative: none has begun."""
    version, size = prepared.served.version, len(prepared.prompt.ids)
    return {n: Piece("", version, prompt_tokens=size, alternative=n) for n in range(prepared.request.alternatives)}


async def _in_time(
    pieces: asyncio.Queue[Piece | Exception], deadline: float | None, unfinished: dict[int, Piece]
) -> list[Piece | Exception]:
    """What is there, as `_taken`; at the deadline the ends of what is unfinished: the engine looks between two steps
    alone, and a step may take longer than the client waits."""
    try:
        async with asyncio.timeout_at(None if deadline is None else deadline + GRACE_S):
            return await _taken(pieces)
    except TimeoutError:
        return [replace(last, text="", logprobs=(), finish=Finish.DEADLINE) for last in unfinished.values()]


async def _taken(pieces: asyncio.Queue[Piece | Exception]) -> list[Piece | Exception]:
    """What is there, at least one; the pieces of one answer as one, so that a client that reads slowly gets fewer."""
    taken = [await pieces.get()]
    while not pieces.empty():
        piece, last = pieces.get_nowait(), taken[-1]
        if isinstance(piece, Piece) and isinstance(last, Piece) and piece.alternative == last.alternative:
            text, logprobs = last.text + piece.text, last.logprobs + piece.logprobs
            taken[-1] = replace(piece, text=text, logprobs=logprobs)
        else:
            taken.append(piece)
    return taken


def _into(pieces: asyncio.Queue[Piece | Exception]) -> Emit:
    """Hands pieces from the engine's thread to this event loop; one that has ended wants no more."""
    loop = asyncio.get_running_loop()

    def emit(piece: Piece | Exception) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(pieces.put_nowait, piece)

    return emit


def _status(error: Exception) -> tuple[grpc.StatusCode, str]:
    """A ValueError says what is wrong with the request; of another error only the class is told."""
    if isinstance(error, ValueError):
        return grpc.StatusCode.INVALID_ARGUMENT, str(error)
    return grpc.StatusCode.INTERNAL, type(error).__name__
