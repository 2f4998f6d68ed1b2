"""Suggestions, one document at a time: a newer request supersedes the older, and what was typed along a suggestion is
answered from it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from lsp.context import Context
from lsp.trim import end_of_block, strip_leading, trim
from server.client import Piece, ServerError

KEPT_S = 30.0
"""A suggestion is not used after so long: by then another model may be served."""
GRACE_S = 0.2
"""A request that nobody waits for ends after so long. An editor cancels at every key and asks again right after, and
the new request may want the same text."""
CLOSERS = ")]}\"'`"
"""What editors type by themselves."""

Ask = Callable[[Context, bool], AsyncGenerator[Piece]]
"""A context, and whether several lines are wanted, to the pieces of the answer."""


@dataclass(frozen=True)
class Suggestion:
    """Text to insert at the cursor."""

    text: str
    model: str


class Generation:
    """A request to the server and what it has brought so far."""

    def __init__(self, context: Context, several: bool, ask: Ask, news: Callable[[], None]) -> None:
        self.context = context
        self.text, self.model = "", ""
        self.error: ServerError | None = None
        self.done = False
        self.began = time.monotonic()
        self._several, self._news = several, news
        self._task = asyncio.create_task(self._run(ask(context, several)))

    def cancel(self) -> None:
        self._task.cancel()

    async def _run(self, pieces: AsyncGenerator[Piece]) -> None:
        line, raw = self.context.line_before, ""
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    raw += piece.text
                    self.text, self.model = strip_leading(line, raw), piece.model_version
                    if self._several and (end := end_of_block(line, self.text)) is not None:
                        self.text = self.text[:end]
                        break
                    self._news()
            if self._several:
                self.text = self.text[: end_of_block(line, self.text, final=True)]
        except ServerError as error:
            self.error = error
        finally:
            self.done = True
            self._news()

    def typed(self, context: Context) -> str | None:
        """What was typed since, when this generation says how it goes on; else None."""
        if self.error or time.monotonic() - self.began > KEPT_S:
            return None
        typed = context.prefix[len(self.context.prefix) :]
        if self.context.prefix + typed != context.prefix or not self._same_suffix(context.suffix, len(typed)):
            return None
        if self.text.startswith(typed):
            return typed if not typed or not self.done or self.text[len(typed) :].strip() else None
        return typed if not self.done and typed.startswith(self.text) else None

    def _same_suffix(self, suffix: str, typed: int) -> bool:
        """The suffix of before, behind at most as many brackets and quotes as there are typed characters."""
        added = suffix.removesuffix(self.context.suffix)
        return suffix.endswith(self.context.suffix) and len(added) <= typed and not added.strip(CLOSERS)

    def suggestion(self, context: Context, typed: str) -> Suggestion | None:
        """What is ready: whole lines, when it is not done and has one."""
        text = self.text[len(typed) :]
        if not self.done and "\n" in text.strip():
            text = text[: text.rindex("\n")]
        text = trim(context.prefix, text, context.suffix)
        return Suggestion(text, self.model) if text else None


class _Slot:
    """A document's generation and the event of the request that waits for it, the newest one."""

    def __init__(self) -> None:
        self.generation: Generation | None = None
        self.waiter: asyncio.Event | None = None

    def news(self) -> None:
        if self.waiter:
            self.waiter.set()

    def wait_as_newest(self) -> asyncio.Event:
        self.news()
        self.waiter = asyncio.Event()
        return self.waiter

    def end(self) -> None:
        if self.generation:
            self.generation.cancel()
        self.generation = None


class Inline:
    """`suggest` for every request of the editor, `close` for every document that it closes."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._slots: dict[str, _Slot] = {}

    async def suggest(self, context: Context, several: bool, limit_s: float, fresh: bool = False) -> Suggestion | None:
        """What is ready when the generation has ended or after `limit_s`; None when there is nothing, or when a newer
        request for the document has come. After the limit the generation goes on, for the request after this.

        fresh: nothing finished earlier is used. Raises ServerError.
        """
        slot = self._slots.setdefault(context.uri, _Slot())
        mine = slot.wait_as_newest()
        if fresh and slot.generation and slot.generation.done:
            slot.end()
        try:
            return await self._awaited(slot, mine, context, several, time.monotonic() + limit_s)
        except asyncio.CancelledError:
            self._left(slot, mine)
            raise
        finally:
            if slot.waiter is mine:
                slot.waiter = None

    async def _awaited(
        self, slot: _Slot, mine: asyncio.Event, context: Context, several: bool, limit: float
    ) -> Suggestion | None:
        while True:
            typed = slot.generation.typed(context) if slot.generation else None
            if slot.generation is None or typed is None:
                slot.end()
                slot.generation, typed = Generation(context, several, self._ask, slot.news), ""
            generation = slot.generation
            left = limit - time.monotonic()
            if not generation.done and left > 0:
                await _set_or_late(mine, left)
            if slot.waiter is not mine:
                return None
            if generation.error:
                raise generation.error
            if generation.done or time.monotonic() >= limit:
                typed = generation.typed(context)
                if typed is not None:
                    return generation.suggestion(context, typed)
                if time.monotonic() >= limit:
                    return None

    def _left(self, slot: _Slot, mine: asyncio.Event) -> None:
        """The request was cancelled; unless another takes its place, its generation ends soon."""
        generation = slot.generation
        if slot.waiter is not mine or generation is None:
            return

        def end() -> None:
            if slot.generation is generation and slot.waiter is None:
                slot.end()

        asyncio.get_running_loop().call_later(GRACE_S, end)

    def close(self, uri: str) -> None:
        slot = self._slots.pop(uri, None)
        if slot:
            slot.wait_as_newest()
            slot.end()

    def close_all(self) -> None:
        for uri in list(self._slots):
            self.close(uri)


async def _set_or_late(event: asyncio.Event, seconds: float) -> None:
    """Returns when the event is set, which it no longer is then, or after so long."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
