"""One pass of hyperscan over the text, and what the detectors make of its matches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import hyperscan

from streams.redact.addresses import ADDRESSES
from streams.redact.assigned import ASSIGNED
from streams.redact.blocks import BLOCKS
from streams.redact.carried import CARRIED
from streams.redact.commands import COMMANDS
from streams.redact.detector import Detector, Span, Text
from streams.redact.emails import EMAILS
from streams.redact.numbers import NUMBERS
from streams.redact.persons import PERSONS
from streams.redact.providers import PROVIDERS

DETECTORS: dict[str, Detector] = {
    detector.name: detector
    for detector in (*BLOCKS, *PROVIDERS, *CARRIED, ASSIGNED, *COMMANDS, *EMAILS, *ADDRESSES, *NUMBERS, *PERSONS)
}
"""By name, in the order in which they are asked."""


@cache
def _database() -> tuple[Any, tuple[str, ...]]:
    """The compiled triggers, and which detector each is of."""
    rows = [(trigger, name) for name, detector in DETECTORS.items() for trigger in detector.triggers]
    database = hyperscan.Database()
    database.compile(
        expressions=[trigger.encode() for trigger, _ in rows],
        ids=list(range(len(rows))),
        elements=len(rows),
        flags=[hyperscan.HS_FLAG_SOM_LEFTMOST] * len(rows),
    )
    return database, tuple(name for _, name in rows)


def find(text: Text) -> Iterator[Span]:
    """All finds, in any order; they may overlap."""
    for name, start, end in triggered(text.data):
        yield from DETECTORS[name].confirm(text, start, end)


def named(text: Text) -> Iterator[tuple[Span, str]]:
    """As `find`, each with the detector that found it."""
    for name, start, end in triggered(text.data):
        yield from ((span, name) for span in DETECTORS[name].confirm(text, start, end))


def triggered(data: bytes) -> list[tuple[str, int, int]]:
    """(detector, start, end), each start once."""
    database, names = _database()
    first: dict[tuple[str, int], int] = {}

    def on_match(number: int, start: int, end: int, flags: int, context: object) -> None:
        first.setdefault((names[number], start), end)

    database.scan(data, match_event_handler=on_match)
    return [(name, start, end) for (name, start), end in first.items()]
