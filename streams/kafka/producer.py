"""What a stage delivers before it acknowledges: an idempotent producer of our own, every delivery awaited."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from streams.document import Document, Source
from streams.fit import fit, fit_rejections, shorten
from streams.frame import DeadLetter, Frame, Outcome, Rejections, encode
from streams.kafka.connection import Connection
from streams.stages import KIB, TOPIC

log = logging.getLogger("midstream.streams")

HEADER = "__midstream.errors."
RECORD_BYTES = 4 * KIB
"""A record's key and headers: an origin, and the facts of a dead letter."""
LEAST_BYTES = 128 * KIB
"""A cluster that refuses records of this size is set up wrongly."""


class TooNarrow(RuntimeError):
    """The cluster refuses a record that cannot be made smaller; the message says what to set."""


@dataclass(frozen=True)
class SendLimits:
    """The largest values, bytes as encoded and not compressed: then whatever a cluster counts is within its limit."""

    frame: int
    rejected: int
    letter: int

    def halved(self) -> SendLimits:
        """Raises MessageSizeTooLargeError at a limit that no Frame of one document need fit."""
        if self.frame < LEAST_BYTES:
            raise MessageSizeTooLargeError(f"the cluster takes no record of {LEAST_BYTES:,} bytes")
        return SendLimits(self.frame // 2, self.rejected // 2, self.letter // 2)


def limits(output: str) -> SendLimits:
    """Of a stage that writes its Frames to `output`, from the topics' table."""
    return SendLimits(*(TOPIC[name].max_bytes - RECORD_BYTES for name in (output, "rejected", "deadletters")))


Headers = list[tuple[str, bytes]]


class Sink(Protocol):
    """Where records go. `send` returns when the record is acknowledged, and raises when it is not."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def send(self, topic: str, value: bytes, key: bytes | None, partition: int, headers: Headers) -> None: ...


class KafkaSink:
    """A `Sink` on Kafka: an idempotent producer. Topics are named without the prefix."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(
            **{**self._connection.client_settings(), **self._connection.producer_settings(), "linger_ms": 0}
        )
        await self._producer.start()

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def send(self, topic: str, value: bytes, key: bytes | None, partition: int, headers: Headers) -> None:
        """Raises MessageSizeTooLargeError for what the cluster does not take."""
        if self._producer is None:
            raise RuntimeError("start() first")
        name = self._connection.topic(topic)
        await self._producer.send_and_wait(name, value, key=key, partition=partition, headers=headers)


class Delivery:
    """Partition p stays partition p; what falls out goes before the Frame (architecture §2.1)."""

    def __init__(self, sink: Sink, stage: str, output: str) -> None:
        self._sink = sink
        self._stage = stage
        self._output = output
        self._limits = limits(output)

    async def start(self) -> None:
        await self._sink.start()

    async def stop(self) -> None:
        await self._sink.stop()

    async def outcome(self, outcome: Outcome, partition: int, given: Sequence[Document] = ()) -> list[Outcome]:
        """Deliver all of it: what falls out, then the Frame, or the Frames that it had to be cut into; returns these.

        `given`: the documents as the stage got them. Any failure raises, and the worker ends unacknowledged.
        """
        value: bytes | None = encode(outcome.frame)
        while True:
            if value is not None and len(value) > self._limits.frame:
                value = None
            parts = [outcome] if value is not None else fit(outcome, self._limits.frame, given, self._stage)
            try:
                await self._fallen(parts)
                for part in parts:
                    await self._frame(part.frame, value or encode(part.frame), partition)
                return parts
            except MessageSizeTooLargeError:
                self._limits = self._limits.halved()
                log.warning("%s: the cluster takes no records as large as its table says: tried with half", self._stage)
                await self._start_again()

    async def _fallen(self, parts: Sequence[Outcome]) -> None:
        source, limits = parts[0].frame.source, self._limits
        items = [rejection for part in parts for rejection in part.rejections]
        values = fit_rejections(Rejections(source=source, items=items), limits.rejected) if items else []
        sends = [self._send("rejected", value, str(source).encode(), source.partition) for value in values]
        sends += [self._dead(source, letter) for part in parts for letter in shorten(part.dead, limits.letter)]
        await asyncio.gather(*sends)

    async def _start_again(self) -> None:
        """With a new producer id: after a batch that was refused the old one's numbers have a gap."""
        await self.stop()
        await self.start()

    async def frame(self, frame: Frame, partition: int) -> None:
        await self._frame(frame, encode(frame), partition)

    async def _frame(self, frame: Frame, value: bytes, partition: int) -> None:
        """`value`: the Frame as encoded, which is done once, for measuring and sending."""
        await self._send(self._output, value, str(frame.source).encode(), partition)

    async def letter(self, source: Source, letter: DeadLetter) -> None:
        """A dead letter that belongs to no Frame."""
        await self._dead(source, letter)

    async def record(self, topic: str, value: bytes, key: bytes | None = None, partition: int = 0) -> None:
        """A record that is whole or nothing. Raises TooNarrow."""
        try:
            await self._send(topic, value, key, partition)
        except MessageSizeTooLargeError as error:
            raise TooNarrow(
                f"the cluster takes no record of {len(value):,} bytes in {topic}: set max.message.bytes of that topic "
                f"to {TOPIC[topic].configs()['max.message.bytes']} again, and {self._stage} goes on. Nothing is lost"
            ) from error

    async def _dead(self, source: Source, letter: DeadLetter) -> None:
        facts = {
            "topic": source.topic, "partition": source.partition, "offset": letter.origin.offset,
            "index": letter.origin.index, "stage": letter.stage, "exception": letter.error, "form": letter.form,
            "ts": int(time.time() * 1000),
        }  # fmt: skip
        if not letter.complete:
            facts |= {"incomplete": "true", "bytes": letter.length, "sha256": letter.sha256, "id": letter.id.hex()}
        headers = [(HEADER + name, str(value).encode()) for name, value in facts.items()]
        await self._send("deadletters", letter.value, str(letter.origin).encode(), 0, headers)

    async def _send(
        self, topic: str, value: bytes, key: bytes | None, partition: int, headers: Headers | None = None
    ) -> None:
        await self._sink.send(topic, value, key, partition, headers or [])
