"""A sample of the stream to train a tokenizer on: texts of `clean`, chosen by keyed hash."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator

import xxhash

from streams import frame as frames
from streams.document import Document
from streams.kafka.connection import Connection
from streams.kafka.log import read
from streams.kafka.topics import genesis

log = logging.getLogger("midstream.streams")


def texts(
    connection: Connection, size: int, share: float = 1.0, seed: int = 0, patience_s: float | None = 30.0
) -> Iterator[str]:
    """What `documents` gives, the parts of each as one text."""
    for document in documents(connection, size, share, seed, patience_s):
        yield text_of(document)


def text_of(document: Document) -> str:
    return "\n".join(part.text for part in document.parts)


def documents(
    connection: Connection, size: int, share: float = 1.0, seed: int = 0, patience_s: float | None = 30.0
) -> Iterator[Document]:
    """The first documents of `clean` whose keyed hash falls into `share`, until `size` characters.

    Ends before that when nothing new has come for `patience_s` seconds, counted from the first document on; None: at
    the log's present end. What retention has deleted is passed over. In the log's order, partition by partition in
    turn, so the same log gives the same sample.
    """
    starts, first = genesis(connection).topics["clean"].starts, connection.beginning_offsets(["clean"])
    positions = {partition: max(start, first["clean", partition]) for partition, start in enumerate(starts)}
    left, last, warned = size, math.inf, False
    while left > 0:
        ends = connection.end_offsets(["clean"])
        for partition, position in positions.items():
            for logged in read(connection, "clean", partition, position, ends["clean", partition]):
                positions[partition] = logged.offset + 1
                frame = frames.decode_or_none(logged.value, f"clean/{partition} at {logged.offset}")
                for document in frame.documents if frame else ():
                    last = time.monotonic()
                    if left > 0 and chosen(document, share, seed):
                        left -= document.size
                        yield document
        if patience_s is None or time.monotonic() - last > patience_s:
            return
        if math.isinf(last) and not warned:
            log.warning("waiting for the first document in clean")
            warned = True
        if all(positions[p] >= ends["clean", p] for p in positions):
            time.sleep(0.5)


def chosen(document: Document, share: float, seed: int) -> bool:
    return xxhash.xxh3_64_intdigest(document.id, seed) < share * 2**64
