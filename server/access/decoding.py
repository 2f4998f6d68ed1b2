"""Messages of gRPC are decoded within the call: one that cannot be is refused in words, and is no fault of the server
that the log tells with a traceback."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
from google.protobuf.message import DecodeError

Handler = Any
"""grpc.RpcMethodHandler, whose fields its types do not tell."""


def decoding(handler: Handler) -> Handler:
    """The handler of a method that takes one message. One that takes several decodes them as they come."""
    if handler.response_streaming:
        inner = handler.stream_stream or handler.unary_stream
        behaviour = (_pieces if inspect.isasyncgenfunction(inner) else _whole)(handler, inner)
        make = grpc.stream_stream_rpc_method_handler if handler.request_streaming else (
            grpc.unary_stream_rpc_method_handler
        )  # fmt: skip
    else:
        behaviour = _whole(handler, handler.stream_unary or handler.unary_unary)
        make = grpc.stream_unary_rpc_method_handler if handler.request_streaming else (
            grpc.unary_unary_rpc_method_handler
        )  # fmt: skip
    given = handler.request_deserializer if handler.request_streaming else None
    return make(behaviour, given, handler.response_serializer)


def _read(handler: Handler, data: Any) -> Any:
    """Raises DecodeError."""
    return data if handler.request_streaming else handler.request_deserializer(data)


def _pieces(handler: Handler, inner: Any) -> Any:
    async def behaviour(data: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        async with _readable(context), aclosing(inner(_read(handler, data), context)) as responses:
            async for response in responses:
                yield response

    return behaviour


def _whole(handler: Handler, inner: Any) -> Any:
    """Also for one that writes its responses itself, as that of the health service does."""

    async def behaviour(data: Any, context: grpc.aio.ServicerContext) -> Any:
        async with _readable(context):
            return await inner(_read(handler, data), context)

    return behaviour


@asynccontextmanager
async def _readable(context: grpc.aio.ServicerContext) -> AsyncIterator[None]:
    """The library's own words are not told: they may hold what was sent."""
    try:
        yield
    except DecodeError:
        await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "this is no message of the method")
