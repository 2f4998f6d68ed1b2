"""A body that nobody reads is not waited for: its connection ends with the answer."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.web.body import MOST_DISCARDED


class Unread:
    """Around an ASGI app. uvicorn reads and forgets what of a body is left when the answer is sent, however long that
    is and however slowly it comes; so only a rest that is known to be small may come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_whole = "transfer-encoding" not in headers and not _length(headers)
        is_small = "transfer-encoding" not in headers and _length(headers) <= MOST_DISCARDED

        async def received() -> Message:
            nonlocal is_whole
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False):
                is_whole = True
            return message

        async def sent(message: Message) -> None:
            is_start = message["type"] == "http.response.start"
            if is_start and not is_whole and (not is_small or message["status"] == 408):
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await self._app(scope, received, sent)


def _length(headers: Headers) -> int:
    """0: none is told, or no number."""
    told = headers.get("content-length", "0")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 20 else 0
