"""The gate before the HTTP face: each route needs a token, but for those that tell whether the server is up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import msgspec
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.access.gate import ASKING, Gate, NotKnown
from server.access.limits import TooMany

OPEN = frozenset(("/health", "/v1/health"))
Refusal = Callable[[int, str], object]


class GateMiddleware:
    """Around an ASGI app. Refuses before a body is read."""

    def __init__(self, app: ASGIApp, gate: Gate, refusal_of: Callable[[str], Refusal]) -> None:
        """`refusal_of`: the shape of a refusal at a path."""
        self._app, self._gate, self._refusal_of = app, gate, refusal_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            return await self._app(scope, receive, send)
        try:
            token = self._gate.admit(_authorization(Headers(scope=scope)))
            with ExitStack() as held:
                held.enter_context(self._gate.running(token))
                ASKING.set(token)
                await self._app(scope, receive, _released(send, held))
        except NotKnown as error:
            await self._refuse(scope, send, 401, str(error), (b"www-authenticate", b"Bearer"))
        except TooMany as error:
            await self._refuse(scope, send, 429, str(error), (b"retry-after", str(error.seconds).encode()))

    async def _refuse(self, scope: Scope, send: Send, status: int, message: str, header: tuple[bytes, bytes]) -> None:
        data = msgspec.json.encode(self._refusal_of(scope["path"])(status, message))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode()), header]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})


def _released(send: Send, held: ExitStack) -> Send:
    """The request runs no more when its last part is sent, before the client reads it: its next one has room."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            held.close()
        await send(message)

    return sent


def _authorization(headers: Headers) -> str:
    """The header's one value; `X-Api-Key`, as clients of llama.cpp send it, is the same."""
    given = headers.getlist("authorization") + [f"Bearer {key}" for key in headers.getlist("x-api-key")]
    return given[0] if len(given) == 1 else ""
