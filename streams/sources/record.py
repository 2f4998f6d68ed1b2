"""From an event to the records that carry it: each within the size limit, a commit split by file if need be."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from streams.event import MAX_RECORD_BYTES, ChangedFile, Commit, Event, Files, SourceFile, encode
from streams.sources.texts.text import Counts

SLACK = 1024
"""Bytes kept free for what grows when an event is split: separators and part numbers."""


def records(event: Event, left_out: Counts, limit: int = MAX_RECORD_BYTES) -> Iterator[bytes]:
    """The values of one event, each with its key within `limit` bytes.

    Files are spread over several records; what cannot be split, and a file too large for a record
    by itself, is counted in `left_out`.
    """
    value = encode(event)
    room = limit - len(event.repository.key.encode())
    if len(value) <= room:
        yield value
    elif isinstance(event, Commit | Files):
        yield from _split(event, room, left_out)
    else:
        left_out[f"{type(event).__name__.lower()} too large for a record"] += 1


def _split(event: Commit | Files, room: int, left_out: Counts) -> Iterator[bytes]:
    base = len(encode(msgspec.structs.replace(event, files=[]))) + SLACK
    groups: list[list[ChangedFile | SourceFile]] = []
    filled = room
    for file in event.files:
        size = len(msgspec.json.encode(file)) + 1
        if base + size > room:
            left_out["file too large for a record"] += 1
            continue
        if filled + size > room:
            groups.append([])
            filled = base
        groups[-1].append(file)
        filled += size
    for number, files in enumerate(groups):
        part = {"part": number, "parts": len(groups)} if isinstance(event, Commit) and event.parts == 1 else {}
        yield encode(msgspec.structs.replace(event, files=files, **part))
