"""The gRPC face of the engine: messages to requests, pieces to messages."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import grpc

from server.asking import Asker
from server.engine.engine import NoModel
from server.request import DEFAULT_TOKENS, Piece, Request, Until
from server.rpc import infill_pb2, infill_pb2_grpc

MARGIN_S = 0.01
"""A request's deadline is so long before its call's own."""


class InfillService(infill_pb2_grpc.InfillServiceServicer):
    """A client that goes away ends its request before the next token."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def Infill(
        self, request: infill_pb2.InfillRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[infill_pb2.InfillResponse]:
        remaining, arrived = context.time_remaining(), time.monotonic()
        try:
            answer = await self._asker.ask(lambda: read(request, remaining, arrived))
        except NoModel as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        except ValueError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        try:
            async for piece in answer:
                yield written(piece)
        except Exception as error:
            await context.abort(*_status(error))
        finally:
            answer.close()

    async def Model(
        self, request: infill_pb2.ModelRequest, context: grpc.aio.ServicerContext
    ) -> infill_pb2.ModelResponse:
        served = self._asker.engine.served
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


def _status(error: Exception) -> tuple[grpc.StatusCode, str]:
    """A ValueError says what is wrong with the request; of another error only the class is told."""
    if isinstance(error, ValueError):
        return grpc.StatusCode.INVALID_ARGUMENT, str(error)
    return grpc.StatusCode.INTERNAL, type(error).__name__
