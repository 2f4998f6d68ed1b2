"""One pass of hyperscan over the text, and what the detectors make of its matches."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import hyperscan
from xxhash import xxh3_128_intdigest

from streams.redact.detector import Detector, Span, Text
from streams.redact.finders.addresses import ADDRESSES
from streams.redact.finders.assigned import ASSIGNED
from streams.redact.finders.blocks import BLOCKS
from streams.redact.finders.calls import CALLS
from streams.redact.finders.carried import CARRIED
from streams.redact.finders.commands import COMMANDS
from streams.redact.finders.emails import EMAILS
from streams.redact.finders.numbers import NUMBERS
from streams.redact.finders.persons import PERSONS
from streams.redact.finders.providers import PROVIDERS

MANY = 64
"""Matches of one detector from which on it is remembered what was seen."""
BEFORE, BEHIND = 420, 1_000
"""Bytes around the begin of a match on which a detector's answer depends."""
LONG = 4_200
"""The same on either side, of a detector that looks far."""
DETECTORS: dict[str, Detector] = {
    detector.name: detector
    for detector in (
        *BLOCKS,
        *PROVIDERS,
        *CARRIED,
        ASSIGNED,
        *CALLS,
        *COMMANDS,
        *EMAILS,
        *ADDRESSES,
        *NUMBERS,
        *PERSONS,
    )
}
"""By name, in the order in which they are asked."""
NAMES = tuple(DETECTORS)


@cache
def _database() -> tuple[Any, tuple[int, ...]]:
    """The compiled triggers, and the place of the detector that each is of."""
    rows = [(trigger, name) for name, detector in DETECTORS.items() for trigger in detector.triggers]
    database = hyperscan.Database()
    database.compile(
        expressions=[trigger.encode() for trigger, _ in rows],
        ids=list(range(len(rows))),
        elements=len(rows),
        flags=[hyperscan.HS_FLAG_SOM_LEFTMOST] * len(rows),
    )
    rank = {name: at for at, name in enumerate(NAMES)}
    return database, tuple(rank[name] for _, name in rows)


def find(text: Text) -> list[Span]:
    """All finds; they may overlap."""
    return [span for span, _ in named(text)]


def named(text: Text) -> Iterator[tuple[Span, str]]:
    """As `find`, each with the detector that found it."""
    for name, matches in triggered(text.data).items():
        confirmed = _confirmed if len(matches) <= MANY else _remembered
        for span in confirmed(text, DETECTORS[name], matches):
            yield span, name


def _confirmed(text: Text, detector: Detector, matches: dict[int, int]) -> Iterator[Span]:
    """What lies within a find is passed over."""
    over, confirm = 0, detector.confirm
    for start in sorted(matches):
        if start >= over:
            for span in confirm(text, start, matches[start]):
                over = max(over, span[1])
                yield span


def _remembered(text: Text, detector: Detector, matches: dict[int, int]) -> Iterator[Span]:
    """As `_confirmed`. What stands around a match decides alone, so those in the same surroundings are looked at
    once."""
    seen: dict[int, tuple[Span, ...]] = {}
    data, over = memoryview(text.data), 0
    before, behind = LONG if detector.looks_back else BEFORE, LONG if detector.is_long else BEHIND
    for start in sorted(matches):
        if start < over:
            continue
        around = xxh3_128_intdigest(data[start - before : start + behind]) if start >= before else -1
        moved = seen.get(around)
        if moved is None:
            spans = tuple(detector.confirm(text, start, matches[start]))
            if around >= 0:
                seen[around] = tuple((first - start, last - start, kind) for first, last, kind in spans)
        elif moved:
            spans = tuple((first + start, last + start, kind) for first, last, kind in moved)
        else:
            continue
        for span in spans:
            over = max(over, span[1])
            yield span


def triggered(data: bytes) -> dict[str, dict[int, int]]:
    """By detector, from each match's start to its end; of several ends the first."""
    database, ranks = _database()
    first: dict[int, dict[int, int]] = {}

    def on_match(number: int, start: int, end: int, flags: int, context: object) -> None:
        rank = ranks[number]
        if rank in first:
            first[rank].setdefault(start, end)
        else:
            first[rank] = {start: end}

    database.scan(data, match_event_handler=on_match)
    return {NAMES[rank]: first[rank] for rank in sorted(first)}
