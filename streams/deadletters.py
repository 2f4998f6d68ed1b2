"""Dead letters: what is in the topic, and the records that retry or discard one (architecture §2.8).

A retry is a new event in `retries` whose key names the origin that it replaces, so that the origin
is known even when the value cannot be parsed. What may be retried is the feed's list, not the
topic's content: a letter that a later run overruled is void.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from streams.document import Document, Origin
from streams.event import MAX_RECORD_BYTES
from streams.frame import encode
from streams.kafka.connection import Connection
from streams.kafka.log import Logged, read
from streams.letter import FOREIGN
from streams.pipeline import FORM, REMOVAL, Record, expand_record
from streams.prepare.expand import Expansion

HEADER = "__midstream.errors."
TOPIC = "deadletters"


HINT = "give an event in its place with --fixed FILE, or discard it"


class RefusedLetter(ValueError):
    """The letter cannot be sent once more; the message says why and what else may be done."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}: {HINT}")


class NoEvent(ValueError):
    """A value that prepare could not read as an event; the message says why."""


SourceLog = Callable[[str, Origin], "Record | None"]
"""(topic, origin) -> the source record that the origin names; None when the topic no longer holds it."""


@dataclass(frozen=True)
class Letter:
    """A record of `deadletters`."""

    origin: str
    topic: str
    stage: str
    error: str
    form: str
    offset: int
    value: bytes
    time_ms: int
    incomplete: bool = False
    """No record could hold the value: the letter has its length and hash alone."""
    bytes: int = 0
    """Length of the value."""
    sha256: str = ""
    """Of a value that the letter does not hold, hexadecimal."""
    id: str = ""
    """`Document.id` of a document that the letter does not hold, hexadecimal."""


@dataclass(frozen=True)
class Retry:
    """A record for the topic `retries`."""

    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]
    partition: int


def parse(logged: Logged) -> Letter:
    """The letter, and for a record that somebody else wrote a foreign one that is named by its place."""

    def header(name: str) -> str:
        return logged.headers.get(HEADER + name, b"").decode(errors="replace")

    value, incomplete = logged.value or b"", header("incomplete") == "true"
    origin, size = (logged.key or b"").decode(errors="replace"), header("bytes")
    if not Origin.is_one(origin) or (incomplete and not size.isdigit()):
        place = f"{TOPIC}/0/{logged.offset}"
        return Letter(place, "", "", "", FOREIGN, logged.offset, b"", logged.time_ms, bytes=len(value))
    return Letter(
        origin=origin, topic=header("topic"), stage=header("stage"), error=header("exception"),
        form=header("form"), offset=logged.offset, value=value, time_ms=logged.time_ms,
        incomplete=incomplete, bytes=int(size) if incomplete else len(value),
        sha256=header("sha256"), id=header("id"),
    )  # fmt: skip


def letters(connection: Connection) -> Iterator[Letter]:
    """All that the topic still holds, oldest first."""
    for logged in read(connection, TOPIC, 0):
        yield parse(logged)


def newest(letters: Iterator[Letter], origins: set[str]) -> dict[str, Letter]:
    """The last letter of each wanted origin: repeats of a Frame leave several."""
    return {letter.origin: letter for letter in letters if letter.origin in origins}


def again(letter: Letter, log: SourceLog) -> Retry:
    """The letter once more. Raises RefusedLetter when neither it nor its source topic holds what died."""
    return retry(letter.origin, letter.form, _value(letter, log) if letter.incomplete else letter.value)


def retry(origin: str, form: str, value: bytes) -> Retry:
    """The value as a new event in its origin's partition. Raises RefusedLetter when prepare would not read it."""
    if not value:
        raise RefusedLetter("its value is empty")
    if len(value) > MAX_RECORD_BYTES:
        raise RefusedLetter(
            f"its value has {len(value):,} bytes, more than the {MAX_RECORD_BYTES:,} of a source record"
        )
    return Retry(origin.encode(), value, [(FORM, form.encode())], Origin.parse(origin).partition)


def fixed(origin: str, value: bytes) -> Retry:
    """An event in the place of what died. Raises RefusedLetter, and NoEvent unless prepare could read all of it."""
    record = retry(origin, "event", value)
    try:
        expansion = expand_record("retries", Record(0, record.key, value, dict(record.headers)))
    except Exception as error:
        raise NoEvent(str(error) or type(error).__name__) from error
    if expansion.broken:
        raise NoEvent(f"file {expansion.broken[0].index}, counted from 0, cannot be read: {expansion.broken[0].error}")
    if not expansion.documents:
        raise NoEvent("it holds no document")
    return record


def under_way(connection: Connection, marks: Mapping[str, int]) -> set[str]:
    """The origins that records of `retries` replace at or above the marks, by `Source.key`: retried or discarded, and
    not yet counted."""
    topic_id, first = connection.topic_ids(["retries"])["retries"], connection.beginning_offsets(["retries"])
    return {
        logged.key.decode(errors="replace")
        for (topic, p), at in sorted(first.items())
        for logged in read(connection, topic, p, max(at, marks.get(f"{topic_id}:{p}", 0)))
        if logged.key
    }


def removal(origin: str) -> Retry:
    """Dedup forgets the origin and the feed no longer offers it; nothing is trained on."""
    return Retry(origin.encode(), None, [(FORM, REMOVAL)], Origin.parse(origin).partition)


def source_log(connection: Connection) -> SourceLog:
    """Reads single records of the source topics."""

    def look(topic: str, origin: Origin) -> Record | None:
        key = (topic, origin.partition)
        if connection.topic_ids([topic])[topic] != origin.topic_id:
            return None
        if origin.offset < connection.beginning_offsets([topic])[key]:
            return None
        for record in read(connection, *key, origin.offset, origin.offset + 1):
            return Record(record.offset, record.key, record.value, record.headers)
        return None

    return look


def _value(letter: Letter, log: SourceLog) -> bytes:
    """What died, from its source topic. Raises RefusedLetter."""
    origin = Origin.parse(letter.origin)
    record = log(letter.topic, origin)
    if record is None:
        raise RefusedLetter(f"the letter does not hold its {letter.bytes:,} bytes, and {letter.topic} no longer does")
    if _hash(record.value or b"") == letter.sha256:
        return record.value or b""
    try:
        expansion = expand_record(letter.topic, record)
    except Exception as error:
        raise _Another(letter) from error
    if letter.form == "document":
        return encode(_document(letter, expansion, origin.index))
    for broken in expansion.broken:
        if broken.index == origin.index and _hash(broken.value) == letter.sha256:
            return broken.value
    raise _Another(letter)


def _document(letter: Letter, expansion: Expansion, index: int) -> Document:
    """The event's document of this index, if it says what the one that died said. Raises RefusedLetter."""
    from streams.prepare.prepare import identity  # with numba, 1.4 s that nothing else here needs

    for document in expansion.documents:
        if document.index == index and identity(document).hex() == letter.id:
            return document
    raise _Another(letter)


class _Another(RefusedLetter):
    def __init__(self, letter: Letter) -> None:
        super().__init__(f"the record in {letter.topic} is not the one that died")


def _hash(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()
