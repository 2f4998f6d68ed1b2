"""The gRPC face of the engine: messages to requests, pieces to messages."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from math import log

import grpc

from server.access.gate import allowed
from server.asking import Answer, Asker
from server.engine.engine import NoModel, UnknownModel
from server.request import DEFAULT_TOKENS, Piece, Request, Until
from server.rpc import infill_pb2, infill_pb2_grpc

MARGIN_S = 0.01
"""A request's deadline is so long before its call's own."""


class InfillService(infill_pb2_grpc.InfillServiceServicer):
    """A client that goes away ends its request before the next token."""

    def __init__(self, asker: Asker, trouble: Callable[[str], str] = lambda name: "") -> None:
        """`trouble`: why the newest checkpoint of the model of a name is not served."""
        self._asker, self._trouble = asker, trouble

    async def Infill(
        self, request: infill_pb2.InfillRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[infill_pb2.InfillResponse]:
        remaining, arrived = context.time_remaining(), time.monotonic()
        async with self._answered(context, lambda: read(request, remaining, arrived)) as answer:
            async for piece in answer:
                yield written(piece)

    async def Score(
        self, request: infill_pb2.ScoreRequest, context: grpc.aio.ServicerContext
    ) -> infill_pb2.ScoreResponse:
        logprobs: list[float] = []
        last = Piece("", "")
        async with self._answered(context, lambda: to_score(request)) as answer:
            async for last in answer:
                logprobs += last.logprobs
        return infill_pb2.ScoreResponse(
            model_version=last.model_version, logprobs=logprobs, prompt_tokens=last.prompt_tokens,
            bits_per_byte=-sum(logprobs) / log(2) / len(request.middle.encode()),
        )  # fmt: skip

    async def Model(
        self, request: infill_pb2.ModelRequest, context: grpc.aio.ServicerContext
    ) -> infill_pb2.ModelResponse:
        engine = self._asker.engine
        try:
            engine.named(request.model, allowed(engine.names))
        except (NoModel, UnknownModel) as error:
            await context.abort(*_status(error))
        return self._about(request.model or engine.names[0])

    async def Models(
        self, request: infill_pb2.ModelsRequest, context: grpc.aio.ServicerContext
    ) -> infill_pb2.ModelsResponse:
        return infill_pb2.ModelsResponse(models=map(self._about, allowed(self._asker.engine.names)))

    @asynccontextmanager
    async def _answered(self, context: grpc.aio.ServicerContext, make: Callable[[], Request]) -> AsyncIterator[Answer]:
        """What the request fails with ends the call; a client that goes away ends the request."""
        try:
            answer = await self._asker.ask(make)
        except (NoModel, ValueError) as error:
            await context.abort(*_status(error))
        try:
            yield answer
        except Exception as error:
            await context.abort(*_status(error))
        finally:
            answer.close()

    def _about(self, name: str) -> infill_pb2.ModelResponse:
        served, trouble = self._asker.engine.models.get(name), self._trouble(name)
        if served is None:
            return infill_pb2.ModelResponse(name=name, trouble=trouble)
        manifest = served.manifest
        return infill_pb2.ModelResponse(
            model_version=served.version,
            step=manifest.step,
            tokens=manifest.tokens,
            bits_per_byte=manifest.bits_per_byte or 0.0,
            context=manifest.length,
            format=manifest.format.name,
            orders=manifest.format.orders,
            name=name,
            serving=True,
            trouble=trouble,
            adapter=manifest.adapter is not None,
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
        until=_until(message.until),
        top_p=message.top_p or 1.0,
        alternatives=message.alternatives or 1,
        least_confidence=message.least_confidence,
        logprobs=message.logprobs,
        model=message.model,
    )


def _until(number: int) -> Until:
    """Raises ValueError."""
    try:
        return Until(number)
    except ValueError:
        raise ValueError(f"until is a number from 0 to {len(Until) - 1}") from None


def to_score(message: infill_pb2.ScoreRequest) -> Request:
    """Raises ValueError."""
    return Request(
        prefix=message.prefix, suffix=message.suffix, path=message.path, language=message.language,
        middle=message.middle, model=message.model,
    )  # fmt: skip


def written(piece: Piece) -> infill_pb2.InfillResponse:
    return infill_pb2.InfillResponse(
        text=piece.text,
        model_version=piece.model_version,
        finish_reason=infill_pb2.FinishReason.Name(piece.finish.value),
        tokens=piece.tokens,
        prompt_tokens=piece.prompt_tokens,
        reused_tokens=piece.reused_tokens,
        alternative=piece.alternative,
        logprobs=piece.logprobs,
    )


def _status(error: Exception) -> tuple[grpc.StatusCode, str]:
    """A ValueError says what is wrong with the request; of another error only the class is told."""
    match error:
        case NoModel():
            return grpc.StatusCode.UNAVAILABLE, str(error)
        case UnknownModel():
            return grpc.StatusCode.NOT_FOUND, str(error)
        case ValueError():
            return grpc.StatusCode.INVALID_ARGUMENT, str(error)
        case _:
            return grpc.StatusCode.INTERNAL, type(error).__name__
