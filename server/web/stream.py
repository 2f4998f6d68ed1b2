"""An answer on its way out: whole, as server-sent events, or as lines of JSON. A client that goes away ends it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec
from starlette.types import Receive, Send

from server.asking import Answer
from server.request import Finish, Piece

SSE, NDJSON, JSON = "text/event-stream", "application/x-ndjson", "application/json"
STALL_S = 60.0
"""A reader that takes nothing for so long is gone."""


@dataclass
class Totals:
    """What of an answer has come so far. Seconds are on the clock of time.monotonic."""

    prompt_tokens: int = 0
    version: str = ""
    model: str = ""
    """The name of one of several."""
    copies: int = 1
    texts: list[list[str]] = field(default_factory=list)
    last: list[Piece] = field(default_factory=list)
    logprobs: list[list[float]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    first: float = 0.0
    """When the first piece came; 0: none has."""
    ended: float = 0.0

    @classmethod
    def of(cls, answer: Answer, copies: int, began: float) -> Totals:
        """Nothing has come yet."""
        prepared, nothing = answer.prepared, answer.prepared.nothing()
        size, version = len(prepared.prompt.ids), prepared.served.version
        texts, logprobs = [[] for _ in nothing], [[] for _ in nothing]
        return cls(size, version, prepared.request.model, copies, texts, nothing, logprobs, began)

    def add(self, piece: Piece) -> None:
        self.first = self.first or time.monotonic()
        self.texts[piece.alternative].append(piece.text)
        self.logprobs[piece.alternative] += piece.logprobs
        self.last[piece.alternative] = piece

    def end(self) -> None:
        """Idempotent."""
        self.ended = self.ended or time.monotonic()
        self.first = self.first or self.ended

    @property
    def tokens(self) -> int:
        return sum(piece.tokens for piece in self.last)

    def choices(self) -> Iterator[tuple[str, Piece, list[float]]]:
        """Text, last piece and log-probabilities of each, copies as well."""
        for copy in range(self.copies):
            for text, piece, logprobs in zip(self.texts, self.last, self.logprobs, strict=True):
                yield "".join(text), replace(piece, alternative=piece.alternative + copy), logprobs


class Shape(Protocol):
    """How a protocol writes one answer."""

    @property
    def media(self) -> str:
        """Of a stream."""
        ...

    def piece(self, piece: Piece, totals: Totals) -> object | None:
        """A part of the stream; None: nothing is said of it."""
        ...

    def end(self, totals: Totals) -> list[object]:
        """The stream's last parts."""
        ...

    def whole(self, totals: Totals) -> object:
        """The answer as one."""
        ...


class Done(msgspec.Struct):
    """The end of a stream of server-sent events, as OpenAI marks it."""


def line(part: object, media: str) -> bytes:
    """Compact: one client of llama.cpp looks for `"content":"`."""
    if isinstance(part, Done):
        return b"data: [DONE]\n\n"
    data = msgspec.json.encode(part)
    return b"data: " + data + b"\n\n" if media == SSE else data + b"\n"


class Out:
    """One response, written part by part."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0
        """0: not begun."""
        self.media = JSON
        self.is_whole = False

    async def json(self, status: int, content: object) -> None:
        """A whole response."""
        data = msgspec.json.encode(content)
        await self.begin(status, JSON, (b"content-length", str(len(data)).encode()))
        await self.write(data, more=False)

    async def begin(self, status: int, media: str, *headers: tuple[bytes, bytes]) -> None:
        self.status, self.media = status, media
        given = [(b"content-type", media.encode()), (b"cache-control", b"no-cache"), *headers]
        await self._send({"type": "http.response.start", "status": status, "headers": given})

    async def write(self, data: bytes, more: bool = True) -> None:
        """Waits while the reader is slow; pieces that come meanwhile are merged. Raises TimeoutError."""
        self.is_whole = not more
        async with asyncio.timeout(STALL_S):
            await self._send({"type": "http.response.body", "body": data, "more_body": more})


async def whole(answer: AsyncIterable[Piece], shape: Shape, totals: Totals, out: Out) -> None:
    async for piece in answer:
        totals.add(piece)
    totals.end()
    await out.json(200, shape.whole(totals))


async def streamed(answer: AsyncIterable[Piece], shape: Shape, totals: Totals, out: Out) -> None:
    await out.begin(200, shape.media)
    async for piece in answer:
        totals.add(piece)
        for copy in range(totals.copies):
            part = shape.piece(replace(piece, alternative=piece.alternative + copy), totals)
            if part is not None:
                await out.write(line(part, shape.media))
    totals.end()
    await out.write(b"".join(line(part, shape.media) for part in shape.end(totals)), more=False)


async def while_there(work: Callable[[], Awaitable[None]], receive: Receive, ending: asyncio.Event) -> bool:
    """Does the work, unless the client goes away or the server ends first, which cancels it. Whether it was done."""
    doing = asyncio.ensure_future(work())
    others = [asyncio.ensure_future(_gone(receive)), asyncio.ensure_future(ending.wait())]
    try:
        await asyncio.wait([doing, *others], return_when=asyncio.FIRST_COMPLETED)
        is_done = doing.done()
    finally:
        for task in (doing, *others):
            task.cancel()
        await asyncio.gather(doing, *others, return_exceptions=True)
    if is_done:
        doing.result()
    return is_done


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


STOPPED = (Finish.END_OF_TEXT, Finish.STOP, Finish.CONFIDENCE)


def reason(piece: Piece) -> str | None:
    """`stop` or `length`, as OpenAI, Mistral and Ollama say it; None: it goes on."""
    if piece.finish is Finish.NONE:
        return None
    return "stop" if piece.finish in STOPPED else "length"
