"""The index's own log: one Applied record a candidates Frame, also one without insertions (architecture §4)."""

from __future__ import annotations

import msgspec

from streams.document import Source


class Insertion(msgspec.Struct, array_like=True):
    """A document that was kept. array_like: there is one for every document ever kept, so add only at the end."""

    offset: int
    index: int
    kind: int
    exact: bytes
    path: int
    signature: bytes


class Applied(msgspec.Struct, kw_only=True, tag="applied", tag_field="t"):
    v: int = 1
    offset: int
    """The Frame's offset in `candidates`."""
    source: Source
    upto: int
    """The mark of the source partition afterwards."""
    fingerprint: str
    insertions: list[Insertion] = []
    removals: list[str] = []
    """Origins that retries and removals replaced."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Applied)


def encode(record: Applied) -> bytes:
    return _encoder.encode(record)


def decode(value: bytes) -> Applied:
    return _decoder.decode(value)
