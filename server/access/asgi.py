"""The gate before the HTTP face: each route needs a token, but for those that tell whether the server is up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.access.call import Call
from server.access.gate import Gate, NotKnown
from server.access.limits import TooMany

OPEN = frozenset(("/health", "/v1/health"))
MOST_HEADERS = 100
MOST_HEADER_BYTES = 32 * 1024
"""Of all of them together; uvicorn refuses a head that is not whole after 64 KiB, and takes one that is."""
NAMED = "/v1/models/"
"""Before a name that the client gives."""
Refusal = Callable[[int, str], object]


class GateMiddleware:
    """Around an ASGI app. Refuses before a body is read."""

    def __init__(
        self, app: ASGIApp, gate: Gate, refusal_of: Callable[[str], Refusal], routes: Iterable[str] = ()
    ) -> None:
        """`refusal_of`: the shape of a refusal at a path; `routes`: the paths that there are."""
        self._app, self._gate, self._refusal_of, self._routes = app, gate, refusal_of, frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            return await self._app(scope, receive, send)
        headers = Headers(scope=scope)
        call = Call("http", self._route(scope["path"]), traceparent=headers.get("traceparent", ""))
        held = ExitStack()
        held.callback(self._gate.end, call)
        try:
            _count(scope)
            self._gate.admit(_authorization(headers), call)
            held.enter_context(self._gate.running(call))
            await self._app(scope, receive, _noted(send, call, held))
        except _TooManyHeaders as error:
            await self._refuse(scope, _noted(send, call, held), 431, str(error))
        except NotKnown as error:
            send = _noted(send, call, held)
            await self._refuse(scope, send, 401, str(error), (b"www-authenticate", b"Bearer"))
        except TooMany as error:
            send = _noted(send, call, held)
            await self._refuse(scope, send, 429, str(error), (b"retry-after", str(error.seconds).encode()))
        finally:
            held.close()

    def _route(self, path: str) -> str:
        """The path as the program has it: what a client puts into one is not noted."""
        if path.startswith(NAMED):
            return f"{NAMED}{{name}}"
        return path if path in self._routes else "other"

    async def _refuse(self, scope: Scope, send: Send, status: int, message: str, *more: tuple[bytes, bytes]) -> None:
        data = msgspec.json.encode(self._refusal_of(scope["path"])(status, message))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode()), *more]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})


def _noted(send: Send, call: Call, held: ExitStack) -> Send:
    """The request runs no more when its last part is sent, before the client reads it: its next one has room."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] >= 400:
            call.refused = f"http_{message['status']}"
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            call.is_whole = True
            held.close()
        await send(message)

    return sent


class _TooManyHeaders(Exception):
    """The message is for the client."""


def _count(scope: Scope) -> None:
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    if len(scope["headers"]) > MOST_HEADERS or size > MOST_HEADER_BYTES:
        raise _TooManyHeaders(f"a request has at most {MOST_HEADERS} headers, of {MOST_HEADER_BYTES:,} bytes")


def _authorization(headers: Headers) -> str:
    """The header's one value; `X-Api-Key`, as clients of llama.cpp send it, is the same."""
    given = headers.getlist("authorization") + [f"Bearer {key}" for key in headers.getlist("x-api-key")]
    return given[0] if len(given) == 1 else ""
