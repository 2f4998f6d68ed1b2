"""A Frame: the microbatch that is one Kafka record between two stages (architecture §1, §2.3)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from model.example import Example
from streams import sharing
from streams.document import Document, Origin, Source
from streams.sharing import shared_bytes

VERSION = 2
"""Of Frames, Backs and Rejections: new fields have defaults, so it changes only when an old reader would be wrong.
Version 2: a Frame with shared texts or with ranges in a tally; without them it is still written as version 1."""
MAX_DOCUMENTS = 256
MAX_BYTES = 2048 * 1024
"""A Frame closes at either bound, bytes as encoded; an event is never split, so a single larger one is a Frame of its
own. Every Frame costs a worker events, requests and wake-ups, whatever it holds."""
RUN = 3
"""So many indexes in a row are written as a range; fewer take no more bytes as they are."""


class Gap(RuntimeError):
    """Records are missing, and nothing here can go on without them."""


class NoFrame(ValueError):
    """No record of ours: somebody else wrote it into a topic of Frames, and no document is in it."""


class Damaged(RuntimeError):
    """A Frame whose head can be read and whose rest cannot: our own bug, or a disk's; the message says the way on."""

    def __init__(self, place: str, head: FrameHead) -> None:
        super().__init__(
            f"{place} holds a Frame of {head.source}, offsets {head.start} to {head.upto - 1}, that cannot be decoded. "
            "Stop the workers and run `midstream repair`: it passes over this record and brings back what was in it "
            "from the topics before it, or says what of it is lost"
        )


class NewerFormat(RuntimeError):
    """A record was written by a later version of Midstream; the message says so."""


class Tally(msgspec.Struct, omit_defaults=True):
    """What became of one source offset: the feed counts conservation from these alone (architecture §2.6)."""

    offset: int
    seen: int
    """Documents of the event before any filter; an event that died whole counts as one."""
    rejected: list[int | tuple[int, int]] = []
    """Indexes of the documents that a rule or the index dropped, ascending; a pair is a range, half open."""
    dead: list[int] = []
    """Indexes of the documents that could not be processed."""
    replaces: str = ""
    """The origin that this retry or removal replaces (architecture §2.8)."""

    @property
    def rejected_count(self) -> int:
        return sum(1 if isinstance(r, int) else r[1] - r[0] for r in self.rejected)

    @property
    def rejected_indexes(self) -> list[int]:
        return [i for r in self.rejected for i in ((r,) if isinstance(r, int) else range(*r))]

    def with_rejected(self, indexes: Iterable[int]) -> Tally:
        """The tally with these documents rejected, too."""
        return msgspec.structs.replace(self, rejected=ranges([*self.rejected_indexes, *indexes]))

    def with_dead(self, indexes: Iterable[int]) -> Tally:
        """The tally with these documents dead, too."""
        return msgspec.structs.replace(self, dead=[*self.dead, *indexes])


def ranges(indexes: Iterable[int]) -> list[int | tuple[int, int]]:
    """The indexes in ascending order, runs as half-open pairs."""
    runs: list[tuple[int, int]] = []
    for i in sorted(set(indexes)):
        if runs and runs[-1][1] == i:
            runs[-1] = (runs[-1][0], i + 1)
        else:
            runs.append((i, i + 1))
    written: list[int | tuple[int, int]] = []
    for first, end in runs:
        written += [(first, end)] if end - first >= RUN else range(first, end)
    return written


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
    texts: list[str] = []
    """Of an encoded Frame alone: what several parts say, each once; `Part.shared` counts them from 1."""
    lost: bool = False
    """The source no longer holds these offsets: `midstream repair` passed them, and the feed counts them as lost."""


class Back(msgspec.Struct, kw_only=True, tag="back", tag_field="t"):
    """A record of `candidates` that takes dedup's mark of one source back to `to`, and forgets nothing.

    `midstream repair` writes it where dedup took what the logs behind it no longer hold (architecture §2.10).
    """

    v: int = 1
    source: Source
    to: int


class FrameHead(msgspec.Struct):
    """A Frame or a Back without what makes it long: decoding passes over everything else."""

    source: Source
    v: int = 1
    t: str = "frame"
    """frame or back."""
    start: int = 0
    upto: int = 0
    to: int = 0
    """Of a Back."""


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
    """event: `value` is the source record's value; document: it is an encoded Document; foreign: there is none."""
    value: bytes
    whole: bool = False
    """The event died whole: it counts as one document."""
    length: int = 0
    """Bytes of the value where the letter does not hold it."""
    sha256: str = ""
    """Of the value, in hexadecimal digits, where the letter does not hold it."""
    id: bytes = b""
    """`Document.id`, where the letter does not hold the document: what it says and where it stands."""

    @property
    def complete(self) -> bool:
        return not self.sha256

    def without_value(self) -> DeadLetter:
        """Length and hash in place of a value that no record may hold."""
        if not self.complete:
            return self
        digest = hashlib.sha256(self.value).hexdigest()
        return msgspec.structs.replace(self, value=b"", length=len(self.value), sha256=digest)


@dataclass(frozen=True)
class Outcome:
    """What a stage makes of its input: the Frame to hand on and what fell out."""

    frame: Frame
    rejections: tuple[Rejection, ...] = ()
    dead: tuple[DeadLetter, ...] = field(default=())


_frames = msgspec.msgpack.Decoder(Frame)
_heads = msgspec.msgpack.Decoder(FrameHead)
_candidates = msgspec.msgpack.Decoder(Frame | Back)
_rejections = msgspec.msgpack.Decoder(Rejections)
_encoder = msgspec.msgpack.Encoder()
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def encode(value: Frame | Back | Rejections | Document) -> bytes:
    """The bytes of a record, or of a letter. Texts that several documents share stand in a Frame once."""
    return _encoder.encode(_written(value) if isinstance(value, Frame) else value)


def own_bytes(document: Document) -> int:
    """Bytes that the document adds to an encoded Frame in which the texts that it may share stand already."""
    return len(_encoder.encode(document)) - shared_bytes(document)


Versioned = TypeVar("Versioned", bound="Frame | FrameHead | Back | Rejections")


def decode(value: bytes | None, place: str = "a record") -> Frame:
    """Raises NoFrame, NewerFormat, and Damaged, which names the place."""
    try:
        return _read(_checked(_frames.decode(value or b"")))
    except _UNREADABLE as error:
        raise _damaged(value, place) from error


def decode_or_none(value: bytes | None, place: str = "a record") -> Frame | None:
    """As `decode`; None for what somebody else wrote."""
    try:
        return decode(value, place)
    except NoFrame:
        return None


def decode_head(value: bytes | None) -> FrameHead:
    """A Frame, or a Back, without its documents and examples. Raises NoFrame."""
    try:
        head = _heads.decode(value or b"")
    except _UNREADABLE as error:
        raise NoFrame(f"{len(value or b'')} bytes are no Frame") from error
    if head.t not in ("frame", "back"):
        raise NoFrame(f"a record of the form {head.t} is no Frame")
    return head


def decode_candidate(value: bytes, place: str = "a record") -> Frame | Back:
    """A record of `candidates` that is not empty. Raises as `decode`."""
    try:
        record = _checked(_candidates.decode(value))
    except _UNREADABLE as error:
        raise _damaged(value, place) from error
    return _read(record) if isinstance(record, Frame) else record


def is_damaged(value: bytes | None) -> bool:
    """Whether a record of which `decode_head` gives a head cannot be decoded. Raises NewerFormat."""
    try:
        _candidates.decode(value or b"")
    except _UNREADABLE:
        _checked(decode_head(value))
        return True
    return False


def _damaged(value: bytes | None, place: str) -> Damaged:
    """Raises NoFrame for what somebody else wrote, NewerFormat for what only a later version can decode."""
    return Damaged(place, _checked(decode_head(value)))


def decode_rejections(value: bytes) -> Rejections:
    """Raises as `decode`."""
    return _checked(_rejections.decode(value))


def decode_rejections_or_none(value: bytes | None) -> Rejections | None:
    """As `decode_rejections`; None for what somebody else wrote."""
    try:
        return decode_rejections(value or b"")
    except _UNREADABLE:
        return None


def _checked(record: Versioned) -> Versioned:
    if record.v > VERSION:
        raise NewerFormat(
            f"a record of version {record.v} was found, and this program reads up to {VERSION}: run the newer Midstream"
        )
    return record


def _written(frame: Frame) -> Frame:
    """The Frame with its shared texts beside the documents, and the version that it then needs."""
    documents, texts = sharing.apart(frame.documents)
    if not texts:
        ranged = any(not isinstance(r, int) for t in frame.tallies for r in t.rejected)
        return msgspec.structs.replace(frame, v=VERSION if ranged else 1)
    return msgspec.structs.replace(frame, v=VERSION, documents=documents, texts=texts)


def _read(frame: Frame) -> Frame:
    """The Frame with each shared text in the parts that say it."""
    if frame.texts:
        sharing.together(frame.documents, frame.texts)
        frame.texts = []
    return frame
