"""Faust's Kafka transport with one change: its consumer reads committed records alone (architecture §2.12)."""

from __future__ import annotations

from typing import Any

from faust.transport.drivers import aiokafka as driver


class CommittedThread(driver.AIOKafkaConsumerThread):
    """Faust reads uncommitted records unless it writes in transactions itself, and has no setting for that."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # read when it starts, which is after this
        return consumer

    def stable_end(self, partition: Any) -> int | None:
        """One past the last offset below every open transaction, as the last fetch told; None: not known yet."""
        consumer = self._ensure_consumer()
        if partition not in consumer.assignment():
            return None
        offset = consumer.last_stable_offset(partition)
        return offset if offset is not None and offset >= 0 else None


class CommittedConsumer(driver.Consumer):
    def _new_consumer_thread(self) -> CommittedThread:
        return CommittedThread(self, loop=self.loop, beacon=self.beacon)


class CommittedTransport(driver.Transport):
    """Of an app: `app.transport = CommittedTransport(app.conf.broker_consumer, app)`."""

    Consumer = CommittedConsumer
