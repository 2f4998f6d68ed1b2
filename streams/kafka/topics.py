"""The topics on a cluster: their creation from the table, and the Genesis that fixes their identity."""

# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# kafka-python builds its admin client and its exports at run time.

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import BrokerResponseError, TopicAlreadyExistsError

from streams.kafka.connection import Connection, Offsets, Unreachable
from streams.kafka.log import read
from streams.stages import STAGES, TOPICS, Topic


class TopicsError(Exception):
    """The cluster's topics are not those that this data was made with; the message says what to do."""


class TopicStart(msgspec.Struct, frozen=True):
    """A topic's identity."""

    id: str
    """32 hex digits."""
    starts: list[int]
    """Each partition's first offset when the topics were created: where the marks begin (architecture §2.4)."""


class Genesis(msgspec.Struct, frozen=True, kw_only=True, tag="genesis", tag_field="t"):
    """The first record of `signatures`: which topics this data was made with."""

    v: int = 1
    topics: dict[str, TopicStart]

    @property
    def marks(self) -> dict[str, int]:
        """Where every mark begins, by `Source.key`."""
        return {f"{t.id}:{p}": offset for t in self.topics.values() for p, offset in enumerate(t.starts)}


class Addition(msgspec.Struct, frozen=True, kw_only=True, tag="addition", tag_field="t"):
    """A later record of `signatures`: all topics that later versions of the table added to an existing cluster."""

    v: int = 1
    topics: dict[str, TopicStart]


GENESIS_KEY = b"genesis"
"""Records of `signatures` with a key are identities; those without one are the index's."""
ADDITION_KEY = b"addition"
ADDITIONS = "additions"
"""The group whose commit says where the newest Addition stands."""
READ_MS = 15_000
_genesis = msgspec.msgpack.Decoder(Genesis)
_identities = msgspec.msgpack.Decoder(Genesis | Addition)


def create(connection: Connection, partitions: int, replication: int = 1) -> Genesis:
    """Makes what is missing, commits the groups' first offsets, writes the Genesis once; idempotent.

    On a cluster that has a Genesis, topics that the table has gained are made and named in an Addition. Raises
    TopicsError on a changed partition count or a topic that was deleted or made again.
    """
    existing = connection.topics()
    begun = "signatures" in existing and connection.end_offsets(["signatures"])["signatures", 0] > 0
    known = check(connection).topics if begun else {}
    _refuse_other_settings(known, partitions)
    _refuse_other_counts(existing, partitions)
    missing = [topic for topic in TOPICS if topic.name not in known]
    _make(connection, [topic for topic in missing if topic.name not in existing], partitions, replication)
    if begun:
        _configure(connection, [topic for topic in TOPICS if topic.name in known], replication)
    _commit_first_offsets(connection)
    if missing:
        _write_identity(connection, [topic.name for topic in missing], begun)
    return check(connection)


def genesis(connection: Connection) -> Genesis:
    """The topics as they were made: the first record of `signatures`, and what Additions name.

    Another Genesis behind the first (two `topics create` at once) does not count. Raises TopicsError when the topics
    were never created.
    """
    existing = connection.topics()
    if "signatures" not in existing or not connection.end_offsets(["signatures"])["signatures", 0]:
        raise TopicsError(f"No topics under {connection.prefix!r} yet. Make them with `midstream topics create`.")
    first = first_genesis(connection)
    if not {topic.name for topic in TOPICS} & existing.keys() - first.topics.keys():
        return first
    addition = _addition(connection)
    return msgspec.structs.replace(first, topics={**addition.topics, **first.topics}) if addition else first


def first_genesis(connection: Connection) -> Genesis:
    """Without what Additions name. Raises TopicsError when the first record is another."""
    try:
        return _genesis.decode(_identity(connection, 0))
    except msgspec.DecodeError as error:
        raise TopicsError(
            f"The first record of {connection.topic('signatures')} is none that `midstream topics create` wrote, "
            f"{_START_OVER}"
        ) from error


def _addition(connection: Connection) -> Addition | None:
    """The newest Addition, which names all topics that the Genesis lacks; None: `topics create` has not been run since.

    A commit says where it stands. Without that the log is looked through, which may take minutes.
    """
    noted = connection.group_offsets(connection.group(ADDITIONS)).get(("signatures", 0))
    values = [_identity(connection, noted)] if noted else [r.value for r in read(connection, "signatures", 0) if r.key]
    additions = [record for value in values if (record := _identity_or_none(value))]
    return next((record for record in reversed(additions) if isinstance(record, Addition)), None)


def _identity_or_none(value: bytes | None) -> Genesis | Addition | None:
    """None for what somebody else wrote."""
    try:
        return _identities.decode(value or b"")
    except msgspec.DecodeError:
        return None


def _identity(connection: Connection, offset: int) -> bytes:
    """The value of one record of `signatures`."""
    consumer = connection.consumer({("signatures", 0): offset}, max_poll_records=1)
    try:
        for records in consumer.poll(timeout_ms=READ_MS).values():
            return records[0].value
        raise Unreachable(connection.brokers)
    finally:
        consumer.close()


def check(connection: Connection) -> Genesis:
    """The Genesis, after holding the cluster's topics against it. Raises TopicsError when they differ."""
    first = genesis(connection)
    existing = connection.topics()
    gone = [name for name in first.topics if name not in existing]
    if gone:
        raise TopicsError(f"{_full(connection, gone)} was deleted, {_START_OVER}")
    others = [name for name, start in first.topics.items() if existing[name][0] != start.id]
    if others:
        raise TopicsError(
            f"{_full(connection, others)} was deleted and made again (another topic id): offsets that the "
            f"index and the checkpoints hold mean other records now, {_START_OVER}"
        )
    for name, start in first.topics.items():
        if existing[name][1] != len(start.starts):
            raise TopicsError(
                f"Topic {connection.topic(name)} has {existing[name][1]} partitions now, and this stream was made with "
                f"{len(start.starts)}. Kafka takes no partition away again, and what is written into the new ones is "
                "never read: choose another prefix ([kafka] prefix), run `midstream topics create`, and read the "
                "sources again."
            )
    return first


_START_OVER = (
    "so the data is not whole. Start over: delete all topics of this prefix and the state folder, "
    "or choose another prefix ([kafka] prefix), then run `midstream topics create`."
)


def _full(connection: Connection, names: Iterable[str]) -> str:
    return ", ".join(connection.topic(name) for name in names)


def _refuse_other_settings(known: dict[str, TopicStart], partitions: int) -> None:
    """A stream keeps the partitions that it was made with."""
    for topic in TOPICS:
        made = len(known[topic.name].starts) if topic.name in known else topic.count(partitions)
        if made != topic.count(partitions):
            raise TopicsError(
                f"This stream was made with {made} partitions, not {partitions}, and their count never changes: set "
                f"[kafka] partitions = {made}, or choose another prefix ([kafka] prefix) for new topics."
            )


def _refuse_other_counts(existing: dict[str, tuple[str, int]], partitions: int) -> None:
    """Topics that an earlier `topics create` made and did not come to its end with."""
    for topic in TOPICS:
        if topic.name in existing and existing[topic.name][1] != topic.count(partitions):
            raise TopicsError(
                f"Topic {topic.name} is there already, with {existing[topic.name][1]} partitions, not "
                f"{topic.count(partitions)}: set [kafka] partitions = {existing[topic.name][1]}, or choose another "
                "prefix ([kafka] prefix) for new topics."
            )


def _make(connection: Connection, missing: list[Topic], partitions: int, replication: int) -> None:
    specs = {
        connection.topic(topic.name): {
            "num_partitions": topic.count(partitions),
            "replication_factor": replication,
            "configs": topic.configs(replication),
        }
        for topic in missing
    }
    if not specs:
        return
    with connection.admin() as admin:
        try:
            admin.create_topics(specs)
        except TopicAlreadyExistsError:  # another `topics create` at the same time
            pass
        except BrokerResponseError as error:
            raise _refused(error, partitions, replication) from error
        admin.wait_for_topics(list(specs))


def _refused(error: BrokerResponseError, partitions: int, replication: int) -> TopicsError:
    """What Kafka said, with the settings that it may be about."""
    return TopicsError(
        f"Kafka refused to make the topics ({type(error).__name__}: {error}). The settings are [kafka] partitions = "
        f"{partitions}, replication = {replication} (no more than there are brokers), and prefix (no topic may differ "
        "from another one by dots and underscores alone)."
    )


def _commit_first_offsets(connection: Connection) -> None:
    starts = connection.beginning_offsets(sorted({name for stage in STAGES for name in stage.reads}))
    for stage in STAGES:
        group = connection.group(stage.name)
        committed = connection.group_offsets(group)
        first: Offsets = {key: at for key, at in starts.items() if key[0] in stage.reads and key not in committed}
        connection.commit(group, first)


def _configure(connection: Connection, topics: list[Topic], replication: int) -> None:
    """What the table says of topics that an earlier version made."""
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, connection.topic(t.name), configs=t.durability(replication))
        for t in topics
    ]
    with connection.admin() as admin:
        admin.alter_configs([r for r in resources if r.configs])


def _write_identity(connection: Connection, names: list[str], begun: bool) -> None:
    """The Genesis, or an Addition that also repeats what the one before it named."""
    ids, starts = connection.topic_ids(names), connection.beginning_offsets(names)
    topics = {
        name: TopicStart(ids[name], [at for (topic, _), at in sorted(starts.items()) if topic == name])
        for name in names
    }
    record: Genesis | Addition = Genesis(topics=topics)
    if begun:
        earlier = _addition(connection)
        record = Addition(topics={**(earlier.topics if earlier else {}), **topics})
    producer = connection.producer()
    try:
        value, key = msgspec.msgpack.encode(record), ADDITION_KEY if begun else GENESIS_KEY
        sent = producer.send(connection.topic("signatures"), key=key, value=value, partition=0).get(timeout=30)
    finally:
        producer.close()
    if begun:
        connection.commit(connection.group(ADDITIONS), {("signatures", 0): sent.offset})
