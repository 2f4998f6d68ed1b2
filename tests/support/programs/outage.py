"""A broker of one's own that is killed, and whose logs lose their tails while it is down."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from midstream.kafka.broker import Broker
from midstream.settings import cache_home
from streams.kafka.connection import Connection

PATIENCE_S = 60
PART = 30
"""Bytes of a batch that a power cut leaves of it."""


class Outage:
    """A context manager: the broker runs on one port for its life."""

    def __init__(self, folder: Path) -> None:
        self.kafka, self.port = Broker(folder, cache_home()), free_port()

    def __enter__(self) -> Outage:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.kafka.stop()

    @property
    def brokers(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        self.kafka.start(self.port)

    def kill(self) -> None:
        """SIGKILL: what it had not written down is gone."""
        running = self.kafka.status()
        assert running is not None
        os.kill(running.pid, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_S
        while self.kafka.status() is not None:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def cut(self, connection: Connection, topic: str, partition: int, batches: int) -> None:
        """Take the last batches off a log while the broker is down, and leave a part of the first of them."""
        path = self.kafka.folder / f"data/{connection.topic(topic)}-{partition}/{0:020}.log"
        starts = list(_starts(path.read_bytes()))
        os.truncate(path, starts[-batches] + PART)


def _starts(data: bytes) -> Iterator[int]:
    """Where each batch begins: eight bytes of offset, four of the length that follows."""
    at = 0
    while at + 12 <= len(data) and (length := int.from_bytes(data[at + 8 : at + 12], "big")) > 0:
        yield at
        at += 12 + length


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
