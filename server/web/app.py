"""The Starlette app over an `Asker`, and the uvicorn that serves it inside of a running event loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as Http
from starlette.responses import Response
from starlette.routing import Route

from server.access.asgi import GateMiddleware
from server.access.gate import Gate
from server.access.tls import Tls
from server.asking import Asker
from server.engine.engine import NoModel, UnknownModel
from server.web import llamacpp, ollama, openai
from server.web.body import ClientDisconnect, Refused, read_as
from server.web.completing import DOORS, Completing, Door, Faces, refusal_of
from server.web.connection import LIMITS, Connection, Limits
from server.web.stream import JSON
from server.web.unread import Unread

RENEW_S = 1.0
"""Between two looks whether the certificate has changed."""


def app(faces: Faces) -> Starlette:
    """CORS is off: no page of another origin reads an answer."""
    routes = [Route(path, _door(faces, door, path), methods=["POST"]) for door in DOORS for path in door.paths]
    handlers: Any = {HTTPException: _http_error, Exception: _error}
    return Starlette(routes=[*routes, *_plain(faces)], exception_handlers=handlers)


def _door(faces: Faces, door: Door, path: str) -> Callable[[Http], Awaitable[Response]]:
    async def enter(http: Http) -> Response:
        try:
            return Completing(faces, door, await read_as(http, door.body), path)
        except Refused as error:
            return json(door.refusal(error.status, error.message), error.status)
        except ClientDisconnect:
            return Response(status_code=400)
        except asyncio.CancelledError:  # by uvicorn, of a body that has not come when the server ends
            if not faces.ending.is_set():
                raise
            return json(door.refusal(503, "the server is ending"), 503)

    return enter


def _plain(faces: Faces) -> list[Route]:
    """Routes that answer at once."""

    def get(path: str, content: Callable[[Http], object]) -> Route:
        async def answer(http: Http) -> Response:
            try:
                return json(content(http))
            except NoModel as error:
                return json(refusal_of(path)(503, str(error)), 503)
            except UnknownModel as error:
                return json(refusal_of(path)(404, str(error)), 404)

        return Route(path, answer, methods=["GET"])

    async def show(http: Http) -> Response:
        try:
            asked = await read_as(http, ollama.Show)
            return json(ollama.show(faces.named(asked.model or asked.name)[1], faces.since))
        except UnknownModel as error:
            return json(ollama.refusal(404, str(error)), 404)
        except Refused as error:
            return json(ollama.refusal(error.status, error.message), error.status)
        except NoModel as error:
            return json(ollama.refusal(503, str(error)), 503)

    def health(_: Http) -> object:
        return faces.served and {"status": "ok"}

    return [
        get("/health", health),
        get("/v1/health", health),
        get("/props", lambda _: llamacpp.props(faces.served)),
        get("/v1/models", lambda _: openai.models(faces.models, faces.since)),
        get("/v1/models/{name:path}", lambda http: openai.model(faces.named(http.path_params["name"])[0], faces.since)),
        get("/api/tags", lambda _: ollama.tags(faces.models, faces.since)),
        get("/api/version", lambda _: ollama.version()),
        get("/", lambda _: {"name": openai.MODEL}),
        Route("/api/show", show, methods=["POST"]),
    ]


def json(content: object, status: int = 200, headers: Any = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers, JSON)


async def _http_error(http: Http, error: Exception) -> Response:
    """404 and 405."""
    assert isinstance(error, HTTPException)
    path = http.url.path
    return json(refusal_of(path)(error.status_code, f"{http.method} {path}: {error.detail}"), error.status_code,
                error.headers)  # fmt: skip


async def _error(http: Http, error: Exception) -> Response:
    return json(refusal_of(http.url.path)(500, type(error).__name__), 500)


class _Uvicorn(uvicorn.Server):
    """Without signal handlers: the program has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Web:
    """`start`, then `stop`: the HTTP server inside of a running event loop."""

    def __init__(
        self, asker: Asker, listen: str, gate: Gate | None = None, tls: Tls | None = None, limits: Limits = LIMITS
    ) -> None:
        """`listen`: host:port; port 0 takes a free one."""
        self._faces, self._listen, self._gate = Faces(asker), listen, gate or Gate()
        self._tls, self._limits = tls, limits

    async def start(self) -> str:
        """Binds and answers; the address. Raises OSError."""
        host, _, port = self._listen.rpartition(":")
        bound = _bound(host.strip("[]"), int(port))
        inner = app(self._faces)
        routes = [route.path for route in inner.routes if isinstance(route, Route)]
        gated = Unread(GateMiddleware(inner, self._gate, refusal_of, routes))
        config = uvicorn.Config(
            gated, log_config=None, log_level="warning", access_log=False, lifespan="off", ws="none",
            server_header=False, proxy_headers=False, timeout_keep_alive=60,
            h11_max_incomplete_event_size=self._limits.head_bytes,
        )  # fmt: skip
        config.load()
        config.http_protocol_class = partial(Connection, self._limits)  # pyright: ignore[reportAttributeAccessIssue]
        config.ssl = self._tls and self._tls.context()
        self._server = _Uvicorn(config)
        self._renewing = asyncio.create_task(self._renew())
        self._serving = asyncio.create_task(self._server.serve([bound]))
        while not self._server.started:
            await asyncio.sleep(0.005)
        return f"{host}:{bound.getsockname()[1]}"

    async def _renew(self) -> None:
        """New connections have the certificate of the files."""
        while self._tls:
            await asyncio.sleep(RENEW_S)
            self._tls.refresh()

    async def stop(self, grace_s: float) -> None:
        """503 at once; requests that run get the grace, then their streams end."""
        self._faces.is_draining = True
        until = time.monotonic() + grace_s
        while self._faces.running and time.monotonic() < until:
            await asyncio.sleep(0.01)
        self._faces.ending.set()
        self._server.config.timeout_graceful_shutdown = 1
        self._server.should_exit = True
        await self._serving
        self._renewing.cancel()


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(place)
    except OSError:
        bound.close()
        raise
    bound.setblocking(False)
    return bound
