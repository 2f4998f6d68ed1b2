"""A step on every document of a Frame: what one raises is that document's dead letter alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from streams import letter as letters
from streams.document import Document
from streams.frame import DeadLetter, Frame, Outcome, Tally

Call = Callable[..., Any]
"""call(step, *arguments) -> the step's value; raises what the step raises."""


def directly(step: Callable[..., Any], *arguments: Any) -> Any:
    return step(*arguments)


def _nothing(document: Document) -> tuple[Any, ...]:
    return ()


def each(
    frame: Frame, stage: str, call: Call, step: Callable[..., Any],
    more: Callable[[Document], tuple[Any, ...]] = _nothing,
) -> Outcome:  # fmt: skip
    """The step on every document of the Frame, with `more` arguments; an exception dead-letters that one."""
    results: list[Any] = []
    dead: list[DeadLetter] = []
    for document in frame.documents:
        try:
            results.append(call(step, document, *more(document)))
        except Exception as error:
            dead.append(letters.of_document(frame.source, document, stage, error))
    tallies = _with_dead(frame.tallies, dead)
    return Outcome(msgspec.structs.replace(frame, documents=results, tallies=tallies), dead=tuple(dead))


def _with_dead(tallies: list[Tally], dead: list[DeadLetter]) -> list[Tally]:
    if not dead:
        return tallies
    by_offset: dict[int, list[int]] = {}
    for d in dead:
        by_offset.setdefault(d.origin.offset, []).append(d.origin.index)
    return [t.with_dead(by_offset[t.offset]) if t.offset in by_offset else t for t in tallies]
