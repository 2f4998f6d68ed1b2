"""A Frame: the microbatch that is one Kafka record between two stages (architecture §1, §2.3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from model.example import Example
from streams.document import Document, Origin, Source

VERSION = 1
"""Of Frames, Backs and Rejections: new fields have defaults, so it changes only when an old reader would be wrong."""
MAX_DOCUMENTS = 256
MAX_BYTES = 512 * 1024
"""A Frame closes at either bound; an event is never split, so a single larger one is a Frame of its own."""


class Gap(RuntimeError):
    """Records are missing, and nothing here can go on without them."""


class NewerFormat(RuntimeError):
    """A record was written by a later version of Midstream; the message says so."""


class Tally(msgspec.Struct, omit_defaults=True):
    """What became of one source offset: the feed counts conservation from these alone (architecture §2.6)."""

    offset: int
    seen: int
    """Documents of the event before any filter; an event that died whole counts as one."""
    rejected: list[int] = []
    """Indexes of the documents that a rule or the index dropped."""
    dead: list[int] = []
    """Indexes of the documents that could not be processed."""
    replaces: str = ""
    """The origin that this retry or removal replaces (architecture §2.8)."""


class Frame(msgspec.Struct, kw_only=True, omit_defaults=True, tag="frame", tag_field="t"):
    """Documents of the source offsets [start, upto). Decoding ignores unknown fields."""

    v: int = 1
    source: Source
    start: int
    upto: int
    tallies: list[Tally]
    documents: list[Document] = []
    examples: list[Example] = []
    tokenizer: str = ""
    """Hash of the tokenizer that made the examples."""
    packing: str = ""
    """How the examples were made (`model.packing`); empty: by a pack that did not say it."""
    time_ms: int = 0
    """Log-append time of the oldest source record, milliseconds since 1970."""
    lost: bool = False
    """The source no longer holds these offsets: `midstream repair` passed them, and the feed counts them as lost."""


class Back(msgspec.Struct, kw_only=True, tag="back", tag_field="t"):
    """A record of `candidates` that takes dedup's mark of one source back to `to`, and forgets nothing.

    `midstream repair` writes it where dedup took what the logs behind it no longer hold (architecture §2.10).
    """

    v: int = 1
    source: Source
    to: int


class Rejection(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Why a document is not trained on. Holds no text."""

    origin: Origin
    stage: str
    rule: str
    reason: str
    measure: float = 0.0
    kind: str = ""
    repository: str = ""
    path: str = ""
    matched: str = ""
    """The origin that a duplicate matched."""
    similarity: float = 0.0


class Rejections(msgspec.Struct, kw_only=True, tag="rejections", tag_field="t"):
    """All rejections of one Frame at one stage: one record of the topic `rejected`."""

    v: int = 1
    source: Source
    items: list[Rejection]


class DeadLetter(msgspec.Struct, kw_only=True):
    """A document, or a whole event (form `event`, index 0), that could not be processed."""

    origin: Origin
    stage: str
    error: str
    """The exception's class name, never its message."""
    form: str
    """event: `value` is the source record's value; document: it is an encoded Document."""
    value: bytes
    whole: bool = False
    """The event died whole: it counts as one document."""


@dataclass(frozen=True)
class Outcome:
    """What a stage makes of its input: the Frame to hand on and what fell out."""

    frame: Frame
    rejections: tuple[Rejection, ...] = ()
    dead: tuple[DeadLetter, ...] = field(default=())


_frames = msgspec.msgpack.Decoder(Frame)
_candidates = msgspec.msgpack.Decoder(Frame | Back)
_rejections = msgspec.msgpack.Decoder(Rejections)
_encoder = msgspec.msgpack.Encoder()


def encode(value: Frame | Back | Rejections | Document) -> bytes:
    return _encoder.encode(value)


Versioned = TypeVar("Versioned", bound="Frame | Back | Rejections")


def decode(value: bytes) -> Frame:
    """Raises NewerFormat, and msgspec.DecodeError: what cannot be decoded is our own bug, and stops the worker."""
    return _checked(_frames.decode(value))


def decode_candidate(value: bytes) -> Frame | Back:
    """A record of `candidates` that is not empty. Raises as `decode`."""
    return _checked(_candidates.decode(value))


def decode_rejections(value: bytes) -> Rejections:
    """Raises as `decode`."""
    return _checked(_rejections.decode(value))


def _checked(record: Versioned) -> Versioned:
    if record.v > VERSION:
        raise NewerFormat(
            f"a record of version {record.v} was found, and this program reads up to {VERSION}: run the newer Midstream"
        )
    return record
