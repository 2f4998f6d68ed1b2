"""Dead letters: what is in the topic, and the records that retry or discard one (architecture §2.8).

A retry is a new event in `retries` whose key names the origin that it replaces, so that the origin
is known even when the value cannot be parsed. What may be retried is the feed's list, not the
topic's content: a letter that a later run overruled is void.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streams.document import Origin
from streams.kafka.connection import Connection
from streams.kafka.log import Logged, read
from streams.pipeline import FORM

HEADER = "__midstream.errors."
TOPIC = "deadletters"


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


@dataclass(frozen=True)
class Retry:
    """A record for the topic `retries`; without a value it is a removal."""

    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes]]
    partition: int


def parse(logged: Logged) -> Letter:
    def header(name: str) -> str:
        return logged.headers.get(HEADER + name, b"").decode(errors="replace")

    return Letter(
        origin=(logged.key or b"").decode(), topic=header("topic"), stage=header("stage"), error=header("exception"),
        form=header("form"), offset=logged.offset, value=logged.value or b"", time_ms=logged.time_ms,
    )  # fmt: skip


def letters(connection: Connection) -> Iterator[Letter]:
    """All that the topic still holds, oldest first."""
    for logged in read(connection, TOPIC, 0):
        yield parse(logged)


def newest(found: Iterator[Letter], wanted: set[str]) -> dict[str, Letter]:
    """The last letter of each wanted origin: repeats of a Frame leave several."""
    return {letter.origin: letter for letter in found if letter.origin in wanted}


def retry(origin: str, form: str, value: bytes) -> Retry:
    """The letter's bytes again, as a new event in its origin's partition."""
    return Retry(origin.encode(), value, [(FORM, form.encode())], Origin.parse(origin).partition)


def removal(origin: str) -> Retry:
    """Dedup forgets the origin and the feed no longer offers it; nothing is trained on."""
    return Retry(origin.encode(), None, [], Origin.parse(origin).partition)
