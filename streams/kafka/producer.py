"""What a stage delivers before it acknowledges: an idempotent producer of our own, every delivery awaited."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.document import Source
from streams.frame import DeadLetter, Frame, Outcome, Rejections, encode
from streams.kafka.connection import Connection

HEADER = "__midstream.errors."


class Delivery:
    """Partition p stays partition p; what falls out goes before the Frame (architecture §2.1)."""

    def __init__(self, connection: Connection, stage: str, output: str) -> None:
        self._connection = connection
        self._stage = stage
        self._output = output
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        self._producer = AIOKafkaProducer(
            **{**self._connection.client_settings(), **self._connection.producer_settings(), "linger_ms": 0}
        )
        await self._producer.start()

    async def stop(self) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def outcome(self, outcome: Outcome, partition: int) -> None:
        """Deliver all of it. Any failure raises, and the worker ends unacknowledged."""
        source = outcome.frame.source
        sends: list[Any] = []
        if outcome.rejections:
            value = encode(Rejections(source=source, items=list(outcome.rejections)))
            sends.append(self._send("rejected", value, str(source).encode(), source.partition))
        sends += [self._dead(source, letter) for letter in outcome.dead]
        await asyncio.gather(*sends)
        await self.frame(outcome.frame, partition)

    async def frame(self, frame: Frame, partition: int) -> None:
        await self._send(self._output, encode(frame), str(frame.source).encode(), partition)

    async def record(self, topic: str, value: bytes, key: bytes | None = None, partition: int = 0) -> None:
        await self._send(topic, value, key, partition)

    async def _dead(self, source: Source, letter: DeadLetter) -> None:
        facts = {
            "topic": source.topic, "partition": source.partition, "offset": letter.origin.offset,
            "index": letter.origin.index, "stage": letter.stage, "exception": letter.error, "form": letter.form,
            "ts": int(time.time() * 1000),
        }  # fmt: skip
        headers = [(HEADER + name, str(value).encode()) for name, value in facts.items()]
        await self._send("deadletters", letter.value, str(letter.origin).encode(), 0, headers)

    async def _send(
        self,
        topic: str,
        value: bytes,
        key: bytes | None,
        partition: int,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        if self._producer is None:
            raise RuntimeError("start() first")
        await self._producer.send_and_wait(
            self._connection.topic(topic), value, key=key, partition=partition, headers=headers or []
        )
