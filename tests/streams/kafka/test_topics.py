"""Topics on a real broker: made once, never changed, and recognised when someone made them again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kafka import TopicPartition

from streams.kafka.connection import Connection, Unreachable
from streams.kafka.topics import TopicsError, check, create, genesis
from streams.stages import SOURCES, STAGES, TOPICS

pytestmark = pytest.mark.broker


def test_creating_twice_changes_nothing(bare_connection):
    first = create(bare_connection, 2)
    before = bare_connection.topics()
    assert create(bare_connection, 2) == first
    assert bare_connection.topics() == before
    assert bare_connection.end_offsets(["signatures"]) == {("signatures", 0): 1}


def test_every_row_of_the_table_has_its_partitions(connection):
    topics = connection.topics()
    assert {name: partitions for name, (_, partitions) in topics.items()} == {t.name: t.count(2) for t in TOPICS}


def test_a_record_with_an_old_timestamp_gets_the_brokers(connection, read_all):
    with connection.producer() as producer:
        producer.send(connection.topic("files"), b"{}", timestamp_ms=1_420_000_000_000).get(timeout=10)
    (record,) = read_all("files")
    assert record.timestamp_type == 1
    assert record.timestamp > 1_700_000_000_000


def test_genesis_holds_every_topics_identity(connection):
    first = genesis(connection)
    assert {name: start.id for name, start in first.topics.items()} == connection.topic_ids(t.name for t in TOPICS)
    assert first.topics["commits"].starts == [0, 0]
    assert first.topics["candidates"].starts == [0]
    assert check(connection) == first


def test_each_group_begins_at_the_first_offset(connection):
    for stage, names in ((s.name, s.reads) for s in STAGES):
        starts = connection.beginning_offsets(names)
        assert connection.group_offsets(connection.group(stage)) == starts
    assert len(connection.group_offsets(connection.group("prepare"))) == len(SOURCES) * 2


def test_a_groups_progress_survives_another_create(connection):
    group = connection.group("dedup")
    connection.commit(group, {("candidates", 0): 5})
    create(connection, 2)
    assert connection.group_offsets(group) == {("candidates", 0): 5}


def test_two_prefixes_share_no_group(broker):
    one, other = Connection(broker, "a."), Connection(broker, "a.b.")
    assert one.group("prepare") == "a-prepare"
    assert other.group("prepare") == "a-b-prepare"


def test_a_changed_partition_count_is_refused(connection):
    with pytest.raises(TopicsError, match=r"2 partitions, not 3.*partitions = 2"):
        create(connection, 3)


def test_added_partitions_are_named_and_no_setting_is_said_to_help(connection):
    """Kafka takes none away, so the only way on is another prefix."""
    with connection.admin() as admin:
        admin.create_partitions({connection.topic("commits"): 3})
    for attempt in (check, lambda connection: create(connection, 2)):
        with pytest.raises(TopicsError, match=r"commits has 3 partitions now.*made with 2.*another prefix") as refused:
            attempt(connection)
        assert "partitions =" not in str(refused.value)


@pytest.mark.parametrize(("prefix", "replication"), [("c.", 3), ("a_b.", 1)])
def test_what_kafka_refuses_is_a_sentence(bare_connection, prefix: str, replication: int):
    create(replace(bare_connection, prefix=f"{bare_connection.prefix}x.a.b."), 2)
    with pytest.raises(TopicsError, match=r"Kafka refused to make the topics .*replication = \d"):
        create(
            replace(
                bare_connection,
                prefix=f"{bare_connection.prefix}x.{prefix}",
            ),
            2,
            replication,
        )


@pytest.mark.parametrize("lost", ["files", "rejected"])
def test_a_topic_made_again_is_refused(connection, lost: str):
    """What a source held, or the reasons that stood in `rejected`, nothing brings back; no checkpoint is given up."""
    name = connection.topic(lost)
    with connection.admin() as admin:
        admin.delete_topics([name])
        for attempt in (check, lambda connection: create(connection, 2)):
            with pytest.raises(TopicsError, match=r"was deleted\. .*another prefix.*Keep the old state.*weights"):
                attempt(connection)
        admin.create_topics({name: {"num_partitions": 2, "replication_factor": 1}})
        admin.wait_for_topics([name])
    for attempt in (check, lambda connection: create(connection, 2)):
        with pytest.raises(TopicsError, match=f"{name} was deleted and made again.*Start over"):
            attempt(connection)


def test_a_deleted_topic_of_frames_is_made_again_under_its_new_id(connection):
    first, names = genesis(connection), [connection.topic("unique"), connection.topic("clean")]
    with connection.admin() as admin:
        admin.delete_topics(names)
        with pytest.raises(TopicsError, match=r"unique, \S+clean was deleted\. .*`midstream topics create`.*repair`"):
            check(connection)
        admin.create_topics({names[0]: {"num_partitions": 2, "replication_factor": 1}})  # by somebody else
        admin.wait_for_topics(names[:1])
    with pytest.raises(TopicsError, match="topics create"):
        check(connection)
    made = create(connection, 2)
    changed = {name for name, start in made.topics.items() if start != first.topics[name]}
    assert changed == {"unique", "clean"} and check(connection) == made == create(connection, 2)
    assert {name: start.id for name, start in made.topics.items()} == connection.topic_ids(made.topics)
    with connection.admin() as admin:
        admin.delete_topics([connection.topic("examples")])
    again = create(connection, 2)
    assert {name for name, start in again.topics.items() if start != made.topics[name]} == {"examples"}


def test_without_topics_the_message_says_how_to_make_them(bare_connection):
    with pytest.raises(TopicsError, match="midstream topics create"):
        check(bare_connection)


def test_an_offset_that_is_gone_stops_the_reader(connection):
    with connection.producer() as producer:
        for _ in range(3):
            producer.send(connection.topic("files"), b"{}", partition=0).get(timeout=10)
    with connection.admin() as admin:
        admin.delete_records({TopicPartition(connection.topic("files"), 0): 2})
    consumer = connection.consumer({("files", 0): 0})
    with pytest.raises(Exception, match=r"(?i)out.?of.?range"):
        for _ in range(20):
            consumer.poll(timeout_ms=500)
    consumer.close()
    assert connection.beginning_offsets(["files"])[("files", 0)] == 2


def test_no_broker_is_one_clear_sentence():
    with pytest.raises(Unreachable, match="midstream broker start"):
        Connection("127.0.0.1:1").topics()
