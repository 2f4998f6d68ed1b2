"""The gRPC face of the engine: messages to requests, pieces to messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import grpc

from server.engine import Engine, NoModel
from server.request import DEFAULT_TOKENS, Finish, Piece, Request
from server.rpc import infill_pb2, infill_pb2_grpc

MARGIN_S = 0.01
"""The answer is sent so long before the client's own deadline."""


class InfillService(infill_pb2_grpc.InfillServiceServicer):
    """A client that goes away ends its request before the next token."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def Infill(
        self, request: infill_pb2.InfillRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[infill_pb2.InfillResponse]:
        pieces: asyncio.Queue[Piece | Exception] = asyncio.Queue()
        if request.temperature < 0 or request.max_tokens < 0 or request.deadline_ms < 0:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "temperature, max_tokens and deadline_ms are not negative"
            )
        try:
            job = self._engine.submit(read(request, context.time_remaining()), _into(pieces))
        except NoModel as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        try:
            while True:
                piece = await pieces.get()
                if isinstance(piece, Exception):
                    await context.abort(*_status(piece))
                yield written(piece)
                if piece.finish is not Finish.NONE:
                    return
        finally:
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


def read(message: infill_pb2.InfillRequest, remaining_s: float | None) -> Request:
    """The request; its deadline is the message's or the call's, whichever comes first."""
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
        deadline=time.monotonic() + min(limits) if limits else None,
        session=message.session,
        single_line=message.single_line,
    )


def written(piece: Piece) -> infill_pb2.InfillResponse:
    return infill_pb2.InfillResponse(
        text=piece.text,
        model_version=piece.model_version,
        finish_reason=f"FINISH_REASON_{piece.finish.name}",
        tokens=piece.tokens,
        prompt_tokens=piece.prompt_tokens,
        reused_tokens=piece.reused_tokens,
    )


def _into(pieces: asyncio.Queue[Piece | Exception]) -> Callable[[Piece | Exception], None]:
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
