"""The index's own log: one Applied record for every record of `candidates` (architecture §4).

It is the truth of what dedup took. An offset of `candidates` that has a record is never judged anew, and the first
record of an offset is the only one that counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

from streams.document import Source
from streams.frame import Back, Frame, NewerFormat

log = logging.getLogger("midstream.streams")

VERSION = 3
"""Version 2: an insertion with a thread's version; without one it was written as version 1. Version 3: sets of
shingles, and verdicts that only an index which compares them gives again; every record but the empty ones."""
NOWHERE = Source("", "", 0)
"""The source of a record of `candidates` that is empty."""

Form = Literal["frame", "passed", "back", "empty"]
"""What the record of `candidates` was: a Frame that was taken, one that began above the mark, a Back, nothing."""


class Insertion(msgspec.Struct, array_like=True):
    """A document that was kept. array_like: there is one for every document ever kept, so add only at the end."""

    offset: int
    index: int
    kind: int
    exact: bytes
    path: int
    signature: bytes
    version: int = 0
    """Of a thread: it takes the place of the version before it (`streams.index.rows.version`)."""
    shingles: bytes = b""
    """The set of its shingles (`streams.index.shingles`); empty: it is compared by its signature alone."""


class Head(msgspec.Struct, kw_only=True, omit_defaults=True, tag="applied", tag_field="t"):
    """What dedup made of one record of `candidates`, without what makes it long."""

    v: int = 1
    offset: int
    """The record's offset in `candidates`."""
    source: Source
    upto: int
    """Dedup's mark of the source partition afterwards."""
    form: Form = "frame"
    frame_start: int = -1
    """Where the Frame began; -1 in records from before this field, which `names` takes for any start."""
    frame_upto: int = -1
    time_ms: int = 0
    """Append time of the record in `candidates`, milliseconds since 1970; 0: not written down."""

    def names(self, candidate: Frame | Back | None, time_ms: int) -> bool:
        """Whether the record of `candidates` that stands at the offset now is the one that was applied."""
        if self.time_ms and self.time_ms != time_ms:
            return False
        if isinstance(candidate, Frame):
            known = self.frame_start < 0 or (self.frame_start, self.frame_upto) == (candidate.start, candidate.upto)
            return self.form in ("frame", "passed") and known and self.source == candidate.source
        if isinstance(candidate, Back):
            return self.form == "back" and self.source == candidate.source
        return self.form == "empty"


class Applied(Head, kw_only=True, omit_defaults=True, tag="applied", tag_field="t"):
    """A whole record of the log."""

    fingerprint: str
    insertions: list[Insertion] = []
    removals: list[str] = []
    """Origins that retries and removals replaced, and those that did not come again after a Back."""


def empty(offset: int) -> Applied:
    """The record of an offset of `candidates` at which nothing was taken, made without the index."""
    return Applied(offset=offset, source=NOWHERE, upto=0, form="empty", fingerprint="")


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Applied)
_heads = msgspec.msgpack.Decoder(Head)


def encode(record: Applied) -> bytes:
    return _encoder.encode(record)


def decode(value: bytes) -> Applied:
    """Raises NewerFormat on a record of a later version."""
    record = _decoder.decode(value)
    _check(record.v)
    return record


def decode_head(value: bytes) -> Head:
    """The same without insertions and removals, many times faster. Raises NewerFormat."""
    record = _heads.decode(value)
    _check(record.v)
    return record


def decode_or_none(value: bytes | None, offset: int) -> Applied | None:
    """As `decode`; None for what is no record of ours, which is said with the log's offset.

    Dedup begins again at an offset of `candidates` whose record is missing, so nothing is lost by it.
    """
    return _or_none(decode, value, offset)


def decode_head_or_none(value: bytes | None, offset: int) -> Head | None:
    """As `decode_head`, in the same way."""
    return _or_none(decode_head, value, offset)


HeadT = TypeVar("HeadT", bound=Head)


def _or_none(decode: Callable[[bytes], HeadT], value: bytes | None, offset: int) -> HeadT | None:
    try:
        return decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        log.error("signatures: %d bytes at %d are no record of the index: passed over", len(value or b""), offset)
        return None


def _check(version: int) -> None:
    if version > VERSION:
        raise NewerFormat(f"`signatures` holds a record of version {version}: run the newer Midstream")
