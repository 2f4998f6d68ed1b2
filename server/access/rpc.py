"""The gate before gRPC: each method needs a token, but for the health service's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, aclosing, contextmanager
from typing import Any

import grpc

from server.access.call import Call
from server.access.decoding import Handler, decoding
from server.access.gate import Gate, NotKnown
from server.access.limits import TooMany

OPEN = "/grpc.health.v1.Health/"


class GateInterceptor(grpc.aio.ServerInterceptor):
    """Refuses before a message is read, unless too many run."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        details: Any = handler_call_details
        if details.method.startswith(OPEN):
            handler = await continuation(details)
            return handler and decoding(handler)
        handler: Handler = await continuation(details)
        traceparent = _value(details, "traceparent")
        call = Call("grpc", details.method if handler else "other", traceparent=traceparent)
        try:
            self._gate.admit(_value(details, "authorization"), call)
        except (NotKnown, TooMany) as error:
            return grpc.stream_stream_rpc_method_handler(self._refusing(error, call))
        return handler and self._wrapped(decoding(handler), call)

    def _wrapped(self, handler: Handler, call: Call) -> Handler:
        if handler.response_streaming:
            make = grpc.stream_stream_rpc_method_handler if handler.request_streaming else (
                grpc.unary_stream_rpc_method_handler
            )  # fmt: skip
            inner = handler.stream_stream or handler.unary_stream
            return make(self._streaming(inner, call), handler.request_deserializer, handler.response_serializer)
        make = grpc.stream_unary_rpc_method_handler if handler.request_streaming else (
            grpc.unary_unary_rpc_method_handler
        )  # fmt: skip
        inner = handler.stream_unary or handler.unary_unary
        return make(self._whole(inner, call), handler.request_deserializer, handler.response_serializer)

    def _streaming(self, inner: Callable[..., Any], call: Call) -> Any:
        async def behaviour(request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            with self._held(context, call) as held, _judged(context, call):
                await self._enter(context, call, held)
                async with aclosing(inner(request, context)) as responses:
                    async for response in responses:
                        yield response

        return behaviour

    def _whole(self, inner: Callable[..., Any], call: Call) -> Any:
        async def behaviour(request: Any, context: grpc.aio.ServicerContext) -> Any:
            with self._held(context, call) as held, _judged(context, call):
                await self._enter(context, call, held)
                return await inner(request, context)

        return behaviour

    def _held(self, context: grpc.aio.ServicerContext, call: Call) -> ExitStack:
        """The request runs until this is closed, before the client reads the end: its next request has room. It is
        closed when the call is done, however that ends."""
        held = ExitStack()
        held.callback(self._gate.end, call)

        def close(_: Any) -> None:
            held.close()

        context.add_done_callback(close)  # pyright: ignore[reportArgumentType]
        return held

    async def _enter(self, context: grpc.aio.ServicerContext, call: Call, held: ExitStack) -> None:
        try:
            held.enter_context(self._gate.running(call))
        except TooMany as error:
            await refuse(context, error)

    def _refusing(self, error: NotKnown | TooMany, call: Call) -> Any:
        async def behaviour(requests: Any, context: grpc.aio.ServicerContext) -> None:
            with self._held(context, call), _judged(context, call):
                await refuse(context, error)

        return behaviour


def _value(details: Any, name: str) -> str:
    """Of the call's metadata; empty: there is none, or more than one."""
    values = [value for key, value in details.invocation_metadata or () if key == name]
    return values[0] if len(values) == 1 and isinstance(values[0], str) else ""


@contextmanager
def _judged(context: grpc.aio.ServicerContext, call: Call) -> Iterator[None]:
    """How the call ended."""
    try:
        yield
    except grpc.aio.AbortError:
        code: Any = context.code()  # pyright: ignore[reportAttributeAccessIssue]
        call.refused = str(getattr(code, "name", code)).lower()
        raise
    except Exception as error:
        call.refused = type(error).__name__.lower()
        raise
    call.is_whole = True


async def refuse(context: grpc.aio.ServicerContext, error: NotKnown | TooMany) -> None:
    """Ends the call."""
    if isinstance(error, NotKnown):
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(error))
    else:
        again = (("retry-after", str(error.seconds)),)
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, str(error), again)
