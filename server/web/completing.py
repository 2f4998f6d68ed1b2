"""A route that completes: it asks the engine, and writes what comes as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from server.access.call import CALL
from server.access.gate import allowed
from server.asking import Answer, Asker
from server.engine.engine import NoModel, UnknownModel
from server.request import Finish, Piece, Request
from server.served import Served
from server.web import llamacpp, mistral, ollama, openai
from server.web.stream import Out, Shape, Totals, line, streamed, while_there, whole

logger = logging.getLogger("midstream.server")

MOST_WARMING = 8
"""Prompts that are read for the cache alone, at most; the oldest are ended."""
Refusal = Callable[[int, str], object]


@dataclass(frozen=True)
class Caller:
    """Who asks."""

    host: str
    arrived: float
    """On the clock of time.monotonic."""


@dataclass(frozen=True)
class Door:
    """A route that completes."""

    paths: tuple[str, ...]
    body: type[Any]
    asked: Callable[[Any, Served, Caller], Request]
    copies: Callable[[Any], int]
    shape: Callable[[Any], Shape]
    refusal: Refusal


def _one(_: object) -> int:
    return 1


def _openai(body: openai.Completion, served: Served, _: Caller) -> Request:
    return openai.asked(body, served)


def _mistral(body: mistral.Fim, served: Served, _: Caller) -> Request:
    return mistral.asked(body, served)


def _llamacpp(body: llamacpp.Completion, served: Served, caller: Caller) -> Request:
    return llamacpp.asked(body, served, caller.host, caller.arrived)


def _ollama(body: ollama.Generate, served: Served, _: Caller) -> Request:
    return ollama.asked(body, served)


DOORS = (
    Door(("/v1/completions", "/beta/completions"), openai.Completion, _openai, openai.copies, openai.Shape,
         openai.refusal),
    Door(("/v1/fim/completions", "/fim/completions"), mistral.Fim, _mistral, _one, mistral.Shape, mistral.refusal),
    Door(("/infill",), llamacpp.Infill, _llamacpp, llamacpp.copies, llamacpp.Shape, llamacpp.refusal),
    Door(("/completion", "/completions"), llamacpp.Completion, _llamacpp, llamacpp.copies, llamacpp.Shape,
         llamacpp.refusal),
    Door(("/api/generate",), ollama.Generate, _ollama, _one, ollama.Shape, ollama.refusal),
)  # fmt: skip


def refusal_of(path: str) -> Refusal:
    """In the shape of the protocol that the path belongs to."""
    if path.startswith("/api/"):
        return ollama.refusal
    if "/fim/" in path:
        return mistral.refusal
    return openai.refusal if path.startswith(("/v1/", "/beta/")) else llamacpp.refusal


class Faces:
    """The routes' state: what is asked, and whether the server is ending."""

    def __init__(self, asker: Asker) -> None:
        self.asker = asker
        self.since = int(time.time())
        self.is_draining = False
        self.ending = asyncio.Event()
        """Set when the grace is over."""
        self.running = 0
        self._warming: dict[asyncio.Task[None], Answer] = {}

    @property
    def served(self) -> Served:
        """Raises NoModel."""
        return self.named(None)[1]

    @property
    def models(self) -> dict[str, Served]:
        """Those that are loaded and that who asks may ask, by name."""
        models = self.asker.engine.models
        return {name: models[name] for name in allowed(models)}

    def named(self, asked: str | None) -> tuple[str, Served]:
        """The model that a client asks for. Where there is one alone, any name is its: clients have names of their own.
        Raises NoModel, and UnknownModel."""
        engine = self.asker.engine
        if self.is_draining:
            raise NoModel("the server is ending")
        name = _name(asked or "", engine.names) if len(engine.names) > 1 else ""
        try:
            return name, engine.named(name, allowed(engine.names))
        except NoModel:
            raise NoModel("Loading model") from None

    def warm(self, answer: Answer) -> None:
        """The prompt is read, and nothing is said of what would follow it."""
        while len(self._warming) >= MOST_WARMING:
            self._warming.pop(next(iter(self._warming))).close()
        task = asyncio.create_task(_taken(answer))
        self._warming[task] = answer
        task.add_done_callback(lambda ended: self._warming.pop(ended, None))


def _name(asked: str, names: Collection[str]) -> str:
    """Without what Ollama's clients put behind it."""
    return asked if asked in names else asked.removesuffix(":latest")


async def _taken(answer: Answer) -> None:
    with contextlib.suppress(Exception):  # the engine has logged it
        async for _ in answer:
            pass


class Completing(Response):
    """The response of a door: it asks, and writes pieces as they come."""

    def __init__(self, faces: Faces, door: Door, body: Any, route: str) -> None:
        self._faces, self._door, self._body, self._route = faces, door, body, route
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        out = Out(send)
        caller = Caller((scope.get("client") or ("",))[0], time.monotonic())
        self._faces.running += 1
        try:
            done = await while_there(lambda: self._answer(out, caller), receive, self._faces.ending)
            if not done and self._faces.ending.is_set():
                await self._fail(out, 503, "the server is ending")
        finally:
            self._faces.running -= 1

    async def _answer(self, out: Out, caller: Caller) -> None:
        try:
            copies = self._door.copies(self._body)
            answer = await self._faces.asker.ask(lambda: self._asked(caller))
            try:
                await self._write(answer, Totals.of(answer, copies, caller.arrived), out)
            except BaseException:
                answer.close()
                raise
        except NoModel as error:
            await self._fail(out, 503, str(error))
        except UnknownModel as error:
            await self._fail(out, 404, str(error))
        except ValueError as error:
            await self._fail(out, 400, str(error))
        except Exception as error:
            logger.error("%s failed: %s", self._route, type(error).__name__)
            await self._fail(out, 500, type(error).__name__)

    def _asked(self, caller: Caller) -> Request:
        name, served = self._faces.named(self._body.model)
        return replace(self._door.asked(self._body, served, caller), model=name)

    async def _write(self, answer: Answer, totals: Totals, out: Out) -> None:
        shape = self._door.shape(self._body)
        write = streamed if self._body.stream else whole
        if answer.prepared.request.max_tokens == 0:
            self._faces.warm(answer)
            totals.end()
            return await write(_nothing(answer), shape, totals, out)
        await write(answer, shape, totals, out)
        return answer.close()

    async def _fail(self, out: Out, status: int, message: str) -> None:
        """A stream that has begun ends with the refusal as its last part."""
        content = self._door.refusal(status, message)
        if not out.status:
            await out.json(status, content)
        elif not out.is_whole:
            if call := CALL.get():
                call.refused = f"http_{status}"
            await out.write(line(content, out.media), more=False)


async def _nothing(answer: Answer) -> AsyncIterator[Piece]:
    """Of a request that has a prompt read: each alternative ends at its limit."""
    for piece in answer.prepared.nothing():
        yield replace(piece, finish=Finish.LENGTH)
