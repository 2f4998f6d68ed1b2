"""What happens to topics and groups: offsets deleted, topics made twice, transactions aborted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from streams.kafka.connection import Connection
from streams.kafka.log import read
from streams.kafka.topics import GENESIS_KEY
from tests.support.programs.crew import ENVIRONMENT, STAGES, Crew

PATIENCE_S = 120


def delete_offsets(connection: Connection) -> None:
    """As a broker's recovery may, whose disk was full."""
    with connection.admin() as admin:
        admin.delete_groups([connection.group(stage) for stage in STAGES])
    assert not any(connection.group_offsets(connection.group(stage)) for stage in STAGES)


def make_topics_twice_at_once(broker: str, prefix: str, folder: Path) -> list[int]:
    """Exit codes of two real `topics create`."""
    config = folder / f"{prefix}toml"
    config.write_text(f'[kafka]\nbrokers = "{broker}"\nprefix = "{prefix}"\npartitions = 2\n')
    command = [sys.executable, "-m", "midstream", "topics", "create", "--config", str(config)]
    both = [subprocess.Popen(command, env={**os.environ, **ENVIRONMENT}, stdout=subprocess.DEVNULL) for _ in range(2)]
    return [process.wait(timeout=PATIENCE_S) for process in both]


def write_another_genesis(connection: Connection) -> None:
    """As the slower of two programs may do."""
    first = next(iter(read(connection, "signatures", 0)))
    with connection.producer() as producer:
        producer.send(connection.topic("signatures"), first.value, key=GENESIS_KEY, partition=0).get(timeout=30)


def in_transactions(crew: Crew, story: list[tuple[str, bytes]]) -> list[int]:
    """One record a transaction, each ended by `commit` or `abort`; the records' offsets."""
    offsets: list[int] = []
    with crew.connection.producer(transactional_id=crew.connection.prefix) as producer:
        producer.init_transactions()
        for end, value in story:
            producer.begin_transaction()
            sent = producer.send(crew.connection.topic("files"), value, key=b"local/r", partition=0)
            offsets.append(sent.get(timeout=30).offset)
            producer.commit_transaction() if end == "commit" else producer.abort_transaction()
    return offsets
