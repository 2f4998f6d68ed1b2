"""An event of several files of which some cannot be read: each of those dies by itself, the others go on.

msgspec refuses a text with half a surrogate pair, as the escape `\\ud800` or as raw bytes, and a file that lacks a
field, and with it the whole event. Here the event is cut into its files first. What would stop the cut is covered
with as many harmless bytes, so that places are the same in both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from streams import event as events

_ESCAPES = re.compile(
    rb"\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""Whatever begins with a backslash and could be mistaken, so that `half` is only half a pair."""
_NO_UTF8 = re.compile("[\udc80-\udcff]")
"""Bytes that are no UTF-8, as `surrogateescape` decodes them."""


class _Files(events.Files, frozen=True, kw_only=True, tag_field="kind", tag="files"):
    files: list[msgspec.Raw]  # type: ignore[assignment]


class _Commit(events.Commit, frozen=True, kw_only=True, tag_field="kind", tag="commit"):
    files: list[msgspec.Raw]  # type: ignore[assignment]


_decoder = msgspec.json.Decoder(_Files | _Commit)


UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises at a value that is none, or is nested too deep."""


@dataclass(frozen=True)
class Broken:
    """A file that cannot be read."""

    index: int
    value: bytes
    """An event that holds this file alone, its bytes as they came."""
    error: Exception


@dataclass(frozen=True)
class Salvage:
    """An event without its broken files."""

    event: events.Event
    indexes: list[int]
    """Of the event's files, their place in the event as it came."""
    broken: list[Broken]


def salvage(value: bytes) -> Salvage:
    """The readable files of an event that `streams.event.decode` refused.

    Raises one of UNREADABLE when it is not the files alone that cannot be read.
    """
    covered = _cover(value)
    envelope = _decoder.decode(covered)
    places = [_place(covered, raw) for raw in envelope.files]
    if _beside(covered, places) != _beside(value, places):
        raise msgspec.DecodeError("what stands beside the files cannot be read")
    kind = events.ChangedFile if isinstance(envelope, _Commit) else events.SourceFile
    files: list[events.ChangedFile | events.SourceFile] = []
    indexes: list[int] = []
    broken: list[Broken] = []
    for index, place in enumerate(places):
        try:
            files.append(msgspec.json.decode(value[place], type=kind))
            indexes.append(index)
        except UNREADABLE as error:
            alone = msgspec.structs.replace(envelope, files=[msgspec.Raw(value[place])])
            broken.append(Broken(index, msgspec.json.encode(alone), error))
    return Salvage(_event(envelope, files), indexes, broken)


def _cover(value: bytes) -> bytes:
    """As many bytes, in which whatever msgspec refuses inside a text is something that it takes."""
    text = _NO_UTF8.sub("?", value.decode("utf-8", "surrogateescape"))
    return _ESCAPES.sub(lambda m: b"\\u0020" if m["half"] else m[0], text.encode())


def _place(message: bytes, raw: msgspec.Raw) -> slice:
    """Where in the message the raw value, which is a view of it, stands."""
    first, size = _address(raw) - _address(message), len(memoryview(raw))
    return slice(first, first + size)


def _address(data: bytes | msgspec.Raw) -> int:
    return int(np.frombuffer(data, np.uint8).__array_interface__["data"][0])


def _beside(value: bytes, places: Sequence[slice]) -> list[bytes]:
    """What stands before, between and behind the places."""
    ends = [0, *(place.stop for place in places)]
    starts = [*(place.start for place in places), len(value)]
    return [value[end:start] for end, start in zip(ends, starts, strict=True)]


def _event(envelope: _Files | _Commit, files: Sequence[events.ChangedFile | events.SourceFile]) -> events.Event:
    kind = events.Commit if isinstance(envelope, _Commit) else events.Files
    fields = {name: getattr(envelope, name) for name in kind.__struct_fields__}
    return kind(**{**fields, "files": files})
