"""A trace replayed as an editor asks: a wait after each key, then a request, which the next key ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from itertools import takewhile

from common.serving.sides import Question, Side
from common.serving.typing_traces import Key
from lsp.context import several_lines
from lsp.options import LspOptions
from lsp.trim import end_of_block, strip_leading, trim

DEBOUNCE_S = 0.05
"""VS Code waits so long after a key before it asks; `midstream lsp` waits no more."""
SHOWN_S = 0.65
"""After a key; what comes later is not shown."""
OPTIONS = LspOptions()


@dataclass
class Asked:
    """What became of one key. Seconds."""

    key: Key
    late: float
    """Of the key itself: this program's own delay."""
    asked: bool = False
    """The next key did not come before the editor's wait was over."""
    shown: float | None = None
    """From the key to a whole first line; None: the next key came before."""
    first: str = ""
    """The line, as it is shown."""
    failed: str = ""

    @property
    def is_right(self) -> bool:
        rest = self.key.rest.rstrip()
        return bool(rest) and self.shown is not None and self.shown <= SHOWN_S and self.first.rstrip() == rest


Ask = Callable[[int, Key], Question]


def as_editor(user: int, key: Key) -> Question:
    """As `midstream lsp` asks: one line, or several where a block begins."""
    context = key.context(f"user-{user}")
    several = several_lines(context, OPTIONS)
    most = OPTIONS.multi_line_tokens if several else OPTIONS.single_line_tokens
    return Question(user, context, most, not several)


async def user(number: int, keys: Iterable[Key], side: Side, began: float, question: Ask) -> list[Asked]:
    """All of one user's keys, at their times after `began`, on the clock of time.monotonic."""
    done: list[Asked] = []
    running: asyncio.Task[None] | None = None
    for key in keys:
        await asyncio.sleep(max(0.0, began + key.at - time.monotonic()))
        if running is not None:
            running.cancel()
        asked = Asked(key, time.monotonic() - began - key.at)
        done.append(asked)
        running = asyncio.create_task(_ask(number, asked, side, question))
    if running is not None:
        await asyncio.wait([running])
    return done


async def _ask(number: int, asked: Asked, side: Side, question: Ask) -> None:
    pressed = time.monotonic()
    await asyncio.sleep(DEBOUNCE_S)
    wanted = question(number, asked.key)
    asked.asked = True
    try:
        await read(wanted, side, asked, pressed)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        asked.failed = type(error).__name__


async def read(wanted: Question, side: Side, asked: Asked, pressed: float) -> None:
    """To the answer's end, or the end of the block that the cursor stands in."""
    context, text = wanted.context, ""
    line = context.line_before
    async with aclosing(side.ask(wanted)) as pieces:
        async for piece in pieces:
            text += piece
            if asked.shown is None and _has_line(text):
                _show(asked, context, text, pressed)
            if not wanted.single_line and end_of_block(line, strip_leading(line, text)) is not None:
                break
    if asked.shown is None:
        _show(asked, context, text, pressed)


def _has_line(text: str) -> bool:
    """A whole line that is not empty."""
    return bool(text.rpartition("\n")[0].strip())


def _show(asked: Asked, context: object, text: str, pressed: float) -> None:
    asked.shown = time.monotonic() - pressed
    asked.first = trim(context.prefix, text, context.suffix).partition("\n")[0]  # pyright: ignore


async def replay(side: Side, traces: dict[int, list[Key]], question: Ask = as_editor) -> list[Asked]:
    """All users' keys at once."""
    began = time.monotonic() + 0.1
    found = await asyncio.gather(*(user(number, keys, side, began, question) for number, keys in traces.items()))
    return [asked for each in found for asked in each]


def until(keys: Iterable[Key], seconds: float) -> list[Key]:
    return list(takewhile(lambda key: key.at < seconds, keys))
