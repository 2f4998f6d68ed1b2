"""No silent jumps: what retention deleted before it was read is named, and records out of order stop the worker."""

from __future__ import annotations

import pytest
from kafka import TopicPartition

from streams.feed.examples import ExamplesLog, Lost
from streams.kafka.positions import Expired, Jump, Positions, check_committed
from streams.stages import STAGE

pytestmark = pytest.mark.broker


def produced(connection, topic: str, count: int) -> None:
    with connection.producer() as producer:
        for n in range(count):
            producer.send(connection.topic(topic), b"%d" % n, partition=0).get(timeout=10)


def deleted(connection, topic: str, below: int) -> None:
    with connection.admin() as admin:
        admin.delete_records({TopicPartition(connection.topic(topic), 0): below})


def test_records_that_were_deleted_unread_are_named(connection):
    produced(connection, "files", 5)
    group = connection.group("prepare")
    check_committed(connection, group, STAGE["prepare"].reads)
    deleted(connection, "files", 3)
    with pytest.raises(Expired, match="files/0 offsets 0 to 2"):
        check_committed(connection, group, STAGE["prepare"].reads)


def test_the_trainer_names_them_too(connection):
    produced(connection, "examples", 4)
    deleted(connection, "examples", 2)
    with pytest.raises(Lost, match="examples/0: offsets 0 to 1"):
        ExamplesLog(connection, [0, 0], closed=True)


def test_a_frame_begins_at_the_committed_offset(connection):
    produced(connection, "files", 5)
    positions = Positions(connection, connection.group("prepare"))
    assert positions.start("files", 0, 0) == 0
    positions.reached("files", 0, 2)
    assert positions.start("files", 0, 2) == 2
    with pytest.raises(Jump, match="the record at 4 came before the one at 2"):
        positions.start("files", 0, 4)
    positions.forget()
    connection.commit(connection.group("prepare"), {("files", 0): 3})
    assert positions.start("files", 0, 3) == 3


def test_offsets_that_hold_no_record_are_no_gap(connection):
    """A transaction's markers take offsets; records were compacted or aborted between."""
    produced(connection, "files", 2)
    with connection.producer(transactional_id="t") as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(connection.topic("files"), b"x", partition=0)
        producer.commit_transaction()
    produced(connection, "files", 1)
    positions = Positions(connection, connection.group("prepare"))
    positions.reached("files", 0, 3)
    assert connection.end_offsets(["files"])["files", 0] == 5
    assert positions.start("files", 0, 4) == 3
