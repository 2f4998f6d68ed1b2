"""Making a dead letter of what could not be processed (architecture §2.7)."""

from __future__ import annotations

import logging
import traceback

from streams.document import Document, Origin, Source
from streams.frame import DeadLetter, NoFrame, encode

log = logging.getLogger("midstream.streams")

FOREIGN = "foreign"
"""The form of a letter that holds no event and no document: length and hash of somebody else's record."""


def of_event(source: Source, offset: int, value: bytes, error: Exception) -> DeadLetter:
    """An event that died whole, its value as it came: it counts as one document, whatever it held."""
    origin = Origin(source.topic_id, source.partition, offset, 0)
    log.warning("prepare: %s died whole: %s", origin, where(error))
    return DeadLetter(origin=origin, stage="prepare", error=type(error).__name__, form="event", value=value, whole=True)


def of_element(source: Source, offset: int, index: int, value: bytes, error: Exception) -> DeadLetter:
    """A file of an event that could not be read; `value` is an event that holds it alone."""
    origin = Origin(source.topic_id, source.partition, offset, index)
    log.warning("prepare: %s died: %s", origin, where(error))
    return DeadLetter(origin=origin, stage="prepare", error=type(error).__name__, form="event", value=value)


def of_document(source: Source, document: Document, stage: str, error: Exception) -> DeadLetter:
    log.warning("%s: %s died: %s", stage, document.origin(source), where(error))
    return DeadLetter(
        origin=document.origin(source), stage=stage, error=type(error).__name__, form="document",
        value=encode(document), id=document.id,
    )  # fmt: skip


def of_foreign(source: Source, offset: int, value: bytes, stage: str) -> DeadLetter:
    """A record that somebody else wrote into a topic of Frames, by its length and hash; `source` is that topic.

    No document is in it, so nobody counts or retries it.
    """
    origin = Origin(source.topic_id, source.partition, offset, 0)
    log.error("%s: %s at %d is no Frame (%d bytes): it is passed over", stage, source, offset, len(value))
    letter = DeadLetter(origin=origin, stage=stage, error=NoFrame.__name__, form=FOREIGN, value=value)
    return letter.without_value()


def where(error: Exception) -> str:
    """The error's class and the line that raised it; never its message, which may hold a user's text."""
    name, frames = type(error).__name__, traceback.extract_tb(error.__traceback__)
    if not frames:
        return name
    last = frames[-1]
    return f"{name} in {last.name} ({last.filename.rsplit('/', 1)[-1]}:{last.lineno})"
