"""No silent jumps: what retention deleted before it was read is named, and records out of order stop the worker."""

from __future__ import annotations

from contextlib import closing

import pytest
from kafka import TopicPartition

from streams.document import Source
from streams.feed.examples import ExamplesLog
from streams.index.signatures import Applied, Form, encode
from streams.kafka.connection import Connection
from streams.kafka.positions import Expired, Jump, Positions
from streams.stages import SOURCES, STAGE
from streams.worker.settle import settle

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
    assert settle(connection, "prepare") == {}
    deleted(connection, "files", 3)
    with pytest.raises(Expired, match="files/0 offsets 0 to 2"):
        settle(connection, "prepare")


def test_an_offset_beyond_the_end_is_set_to_the_end(connection, caplog):
    produced(connection, "unique", 2)
    group = connection.group("redact")
    connection.commit(group, {("unique", 0): 7})
    assert settle(connection, "redact") == {("unique", 0): 2}
    assert connection.group_offsets(group)["unique", 0] == 2
    assert "unique/0 ends at 2, below the committed offset 7" in caplog.text


def applied(offset: int, upto: int, topic_id: str, form: Form = "frame") -> bytes:
    return encode(Applied(offset=offset, source=Source("files", topic_id, 0), upto=upto, fingerprint="f", form=form))


def test_groups_without_offsets_begin_where_their_marks_say(connection):
    """As after a broker that lost its group offsets: prepare at dedup's mark, dedup at its last record."""
    produced(connection, "files", 5)
    produced(connection, "candidates", 4)
    produced(connection, "clean", 3)
    deleted(connection, "clean", 2)
    topic_id = connection.topic_ids(["files"])["files"]
    with connection.producer() as producer:
        log = [(0, 2, "frame"), (1, 2, "passed"), (2, 4, "frame"), (2, 5, "frame"), (3, 3, "back")]
        for offset, upto, form in log:
            value = applied(offset, upto, topic_id, form)
            producer.send(connection.topic("signatures"), value, partition=0).get(timeout=10)
    with connection.admin() as admin:
        admin.delete_groups([connection.group(stage) for stage in STAGE])
    assert settle(connection, "prepare") == {
        (t, p): 3 if (t, p) == ("files", 0) else 0 for t in SOURCES for p in (0, 1)
    }
    assert settle(connection, "dedup") == {("candidates", 0): 3}
    assert settle(connection, "pack") == {("clean", 0): 2, ("clean", 1): 0}
    assert all(settle(connection, stage) == {} for stage in ("prepare", "dedup", "pack"))


def test_the_trainer_names_them_too_and_goes_on_behind_them(connection, caplog):
    """What is left is held against the marks."""
    produced(connection, "examples", 4)
    deleted(connection, "examples", 2)
    with closing(ExamplesLog(connection, [0, 0], closed=True)) as log:
        assert (
            "examples/0: offsets 0 to 1 were deleted before they were trained on. Reading goes on at 2" in caplog.text
        )
        assert log.lag([0, 0]) == 2 and not log.ended(0, 0) and log.ended(0, 4)
    deleted(connection, "examples", 4)
    with closing(ExamplesLog(connection, [0, 0], closed=True)) as log:
        assert log.lag([0, 0]) == 0 and log.ended(0, 0)  # nothing is known of what is gone


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


def test_one_question_tells_of_all_partitions_of_the_group(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    ask = Connection.group_offsets
    monkeypatch.setattr(Connection, "group_offsets", lambda self, group: asked.append(group) or ask(self, group))
    positions = Positions(connection, connection.group("prepare"))
    positions.reached("files", 1, 5)
    assert [positions.next("files", 0), positions.next("files", 1), positions.next("commits", 1)] == [0, 5, 0]
    assert len(asked) == 1
    with pytest.raises(Jump, match="no committed offset"):
        positions.next("files", 99)
