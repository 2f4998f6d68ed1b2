"""The gate before gRPC: each method needs a token, but for the health service's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, aclosing
from typing import Any

import grpc

from server.access.gate import ASKING, Gate, NotKnown
from server.access.limits import TooMany
from server.access.tokens import Token

OPEN = "/grpc.health.v1.Health/"
Handler = Any
"""grpc.RpcMethodHandler, whose fields its types do not tell."""


class GateInterceptor(grpc.aio.ServerInterceptor):
    """Refuses before a message is read, unless too many run."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        details: Any = handler_call_details
        if details.method.startswith(OPEN):
            return await continuation(details)
        values = [value for key, value in details.invocation_metadata or () if key == "authorization"]
        try:
            token = self._gate.admit(values[0] if len(values) == 1 and isinstance(values[0], str) else "")
        except (NotKnown, TooMany) as error:
            return grpc.stream_stream_rpc_method_handler(_refusing(error))
        handler: Handler = await continuation(details)
        return handler and self._wrapped(handler, token)

    def _wrapped(self, handler: Handler, token: Token | None) -> Handler:
        if handler.response_streaming:
            make = grpc.stream_stream_rpc_method_handler if handler.request_streaming else (
                grpc.unary_stream_rpc_method_handler
            )  # fmt: skip
            inner = handler.stream_stream or handler.unary_stream
            return make(self._streaming(inner, token), handler.request_deserializer, handler.response_serializer)
        make = grpc.stream_unary_rpc_method_handler if handler.request_streaming else (
            grpc.unary_unary_rpc_method_handler
        )  # fmt: skip
        inner = handler.stream_unary or handler.unary_unary
        return make(self._whole(inner, token), handler.request_deserializer, handler.response_serializer)

    def _streaming(self, inner: Callable[..., Any], token: Token | None) -> Any:
        async def behaviour(request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            with await self._enter(context, token):
                async with aclosing(inner(request, context)) as responses:
                    async for response in responses:
                        yield response

        return behaviour

    def _whole(self, inner: Callable[..., Any], token: Token | None) -> Any:
        async def behaviour(request: Any, context: grpc.aio.ServicerContext) -> Any:
            with await self._enter(context, token):
                return await inner(request, context)

        return behaviour

    async def _enter(self, context: grpc.aio.ServicerContext, token: Token | None) -> ExitStack:
        """The request runs until this is closed, before the client reads the end: its next request has room. It is
        closed when the call is done, however that ends."""
        ASKING.set(token)
        held = ExitStack()
        try:
            held.enter_context(self._gate.running(token))
        except TooMany as error:
            await refuse(context, error)
        context.add_done_callback(lambda _: held.close())  # pyright: ignore[reportAttributeAccessIssue]
        return held


def _refusing(error: NotKnown | TooMany) -> Any:
    async def behaviour(requests: Any, context: grpc.aio.ServicerContext) -> None:
        await refuse(context, error)

    return behaviour


async def refuse(context: grpc.aio.ServicerContext, error: NotKnown | TooMany) -> None:
    """Ends the call."""
    if isinstance(error, NotKnown):
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
    else:
        again = (("retry-after", str(error.seconds)),)
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error), again)
