"""The topics on a cluster: their creation from the table, and the Genesis that fixes their identity."""

# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# kafka-python builds its admin client and its exports at run time.

from __future__ import annotations

from collections.abc import Collection, Iterable

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
    """A later record of `signatures`: all topics that later versions of the table added to an existing cluster, and
    those of DERIVED that were deleted and made again, as they are now."""

    v: int = 1
    topics: dict[str, TopicStart]


DERIVED = ("candidates", "unique", "clean", "examples")
"""Topics of Frames: what is lost with one of them comes again from what lies before it (architecture §2.10)."""
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

    On a cluster that has a Genesis, topics that the table has gained, and those of DERIVED that were deleted, are made
    and named in an Addition. Raises TopicsError on a changed partition count, or any other topic that was deleted or
    made again.
    """
    existing = connection.topics()
    begun = "signatures" in existing and connection.end_offsets(["signatures"])["signatures", 0] > 0
    known = genesis(connection).topics if begun else {}
    anew = {name for name in DERIVED if name in known and existing.get(name, ("", 0))[0] != known[name].id}
    _refuse_others(connection, {name: start for name, start in known.items() if name not in anew}, existing)
    _refuse_other_settings(known, partitions)
    _refuse_other_counts(existing, partitions)
    missing = [topic for topic in TOPICS if topic.name not in known or topic.name in anew]
    _make(connection, [topic for topic in missing if topic.name not in existing], partitions, replication)
    if begun:
        _configure(connection, [topic for topic in TOPICS if topic.name in known], replication, anew)
    _commit_first_offsets(connection, anew)
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
    ids = {name: start.id for name, start in first.topics.items()}
    if all(existing[name][0] == ids.get(name) for topic in TOPICS if (name := topic.name) in existing):
        return first
    addition = _addition(connection)
    if addition is None:
        return first
    again = {name: start for name, start in addition.topics.items() if name not in ids or name in DERIVED}
    return msgspec.structs.replace(first, topics={**first.topics, **again})


def first_genesis(connection: Connection) -> Genesis:
    """Without what Additions name. Raises TopicsError when the first record is another."""
    try:
        return _genesis.decode(_identity(connection, 0))
    except msgspec.DecodeError as error:
        raise TopicsError(
            f"The first record of {connection.topic('signatures')} is none that `midstream topics create` wrote. "
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
    _refuse_others(connection, first.topics, connection.topics())
    return first


def _refuse_others(
    connection: Connection, known: dict[str, TopicStart], existing: dict[str, tuple[str, int]]
) -> None:  # fmt: skip
    """Raises TopicsError for topics that are not there, or not those that are known."""
    gone = [name for name in known if name not in existing]
    if gone:
        raise TopicsError(f"{_full(connection, gone)} was deleted. {_way_on(gone)}")
    others = [name for name, start in known.items() if existing[name][0] != start.id]
    if others:
        raise TopicsError(
            f"{_full(connection, others)} was deleted and made again (another topic id): offsets that the "
            f"index and the checkpoints hold mean other records now. {_way_on(others)}"
        )
    for name, start in known.items():
        if existing[name][1] != len(start.starts):
            raise TopicsError(
                f"Topic {connection.topic(name)} has {existing[name][1]} partitions now, and this stream was made with "
                f"{len(start.starts)}. Kafka takes no partition away again, and what is written into the new ones is "
                "never read: choose another prefix ([kafka] prefix), run `midstream topics create`, and read the "
                "sources again."
            )


def _way_on(names: Iterable[str]) -> str:
    """What a person can do about topics that are gone, or that somebody else made again."""
    return _MAKE_AGAIN if set(names) <= set(DERIVED) else _START_OVER


_MAKE_AGAIN = (
    "Stop the workers and the trainer, run `midstream topics create`, which takes it as a new one, and then `midstream "
    "repair`, which has what was in it and was not taken yet come again."
)
_START_OVER = (
    "What was in it cannot be had back. Start over with another prefix ([kafka] prefix) and a new state folder "
    "([paths] state), and run `midstream topics create`. Keep the old state folder: it holds the checkpoints, and with "
    "[model] weights naming the newest of them training goes on from its weights."
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


def _commit_first_offsets(connection: Connection, anew: Collection[str]) -> None:
    """Of topics that were made again a group begins where its mark says (streams/worker/settle.py)."""
    starts = connection.beginning_offsets(sorted({name for stage in STAGES for name in stage.reads}))
    for stage in STAGES:
        group = connection.group(stage.name)
        committed = connection.group_offsets(group)
        own = [key for key in starts if key[0] in stage.reads and key[0] not in anew and key not in committed]
        first: Offsets = {key: starts[key] for key in own}
        connection.commit(group, first)


def _configure(connection: Connection, topics: list[Topic], replication: int, anew: Collection[str]) -> None:
    """What the table says of topics that an earlier version made, or somebody else."""
    resources = [
        ConfigResource(
            ConfigResourceType.TOPIC, connection.topic(t.name),
            configs=t.configs(replication) if t.name in anew else t.durability(replication),
        )
        for t in topics
    ]  # fmt: skip
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
