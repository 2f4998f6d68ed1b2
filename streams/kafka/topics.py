"""The reviewed table of topics and consumer groups, their creation, and the Genesis that fixes their identity."""

# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# kafka-python builds its admin client and its exports at run time.

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import msgspec
from kafka.errors import TopicAlreadyExistsError

from streams.event import MAX_RECORD_BYTES
from streams.kafka.connection import Connection, Offsets, Unreachable

KIB = 1024
MIB = 1024 * KIB
DAY_MS = 24 * 3600 * 1000
BATCH_OVERHEAD = 4 * KIB
"""Headers and framing of a batch that holds one record at its limit."""
FRAME_BYTES = 24 * MIB
"""A Frame made of one source record at its limit, with what the stages add."""


class TopicsError(Exception):
    """The cluster's topics are not those that this data was made with; the message says what to do."""


@dataclass(frozen=True)
class Topic:
    """A row of the table."""

    name: str
    partitions: Literal["P"] | int
    """"P": the count that `topics create` was given, the same for all of them."""
    days: int | None
    """Kept by time; None: for ever."""
    max_bytes: int
    """The largest record, key and value together."""
    holds: str
    """For people."""

    def count(self, partitions: int) -> int:
        return partitions if self.partitions == "P" else self.partitions

    def configs(self) -> dict[str, str]:
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(-1 if self.days is None else self.days * DAY_MS),
            "retention.bytes": "-1",
            "max.message.bytes": str(self.max_bytes + BATCH_OVERHEAD),
            "message.timestamp.type": "LogAppendTime",  # with CreateTime, old records are deleted at once
            "compression.type": "producer",
        }


SOURCES = ("commits", "issues", "notebooks", "files", "retries")
"""The topics of public events, in the table's order."""

TOPICS: tuple[Topic, ...] = (
    Topic("commits", "P", 7, MAX_RECORD_BYTES, "commit events"),
    Topic("issues", "P", 7, MAX_RECORD_BYTES, "issue events, whole threads"),
    Topic("notebooks", "P", 7, MAX_RECORD_BYTES, "notebook events"),
    Topic("files", "P", 7, MAX_RECORD_BYTES, "file events"),
    Topic("retries", "P", 7, MAX_RECORD_BYTES, "events that replace a dead origin, and removals"),
    Topic("candidates", 1, 7, FRAME_BYTES, "Frames from prepare; one partition: first seen means one thing"),
    Topic("signatures", 1, None, FRAME_BYTES, "Genesis, then one record for every Frame that dedup took"),
    Topic("unique", "P", 7, FRAME_BYTES, "Frames from dedup"),
    Topic("clean", "P", 7, FRAME_BYTES, "Frames from redact"),
    Topic("examples", "P", 30, FRAME_BYTES, "Frames from pack; training and replay read them"),
    Topic("rejected", "P", 30, FRAME_BYTES + 64 * KIB, "what a rule or the index dropped, with its reason"),
    Topic("deadletters", 1, 30, FRAME_BYTES + 64 * KIB, "what could not be processed, its bytes untouched"),
)

GROUPS: dict[str, tuple[str, ...]] = {
    "prepare": SOURCES,
    "dedup": ("candidates",),
    "redact": ("unique",),
    "pack": ("clean",),
}
"""Stage to the topics that its consumer group reads; the group's full name is `connection.group(stage)`."""


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


GENESIS_KEY = b"genesis"
READ_MS = 15_000
_genesis = msgspec.msgpack.Decoder(Genesis)


def create(connection: Connection, partitions: int, replication: int = 1) -> Genesis:
    """Makes what is missing, commits the groups' first offsets, writes the Genesis once; idempotent.

    Raises TopicsError on a changed partition count or a topic that was deleted or made again.
    """
    existing = connection.topics()
    _refuse_other_counts(existing, {topic.name: topic.count(partitions) for topic in TOPICS})
    begun = "signatures" in existing and connection.end_offsets(["signatures"])["signatures", 0] > 0
    if begun:
        check(connection)
    else:
        _make(connection, [topic for topic in TOPICS if topic.name not in existing], partitions, replication)
    _commit_first_offsets(connection)
    if not begun:
        _write_genesis(connection)
    return check(connection)


def genesis(connection: Connection) -> Genesis:
    """Raises TopicsError when the topics were never created."""
    if "signatures" not in connection.topics() or not connection.end_offsets(["signatures"])["signatures", 0]:
        raise TopicsError(f"No topics under {connection.prefix!r} yet. Make them with `midstream topics create`.")
    consumer = connection.consumer({("signatures", 0): 0}, max_poll_records=1)
    try:
        for records in consumer.poll(timeout_ms=READ_MS).values():
            return _genesis.decode(records[0].value)
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
    _refuse_other_counts(existing, {name: len(start.starts) for name, start in first.topics.items()})
    return first


_START_OVER = (
    "so the data is not whole. Start over: delete all topics of this prefix and the state folder, "
    "or choose another prefix ([kafka] prefix), then run `midstream topics create`."
)


def _full(connection: Connection, names: Iterable[str]) -> str:
    return ", ".join(connection.topic(name) for name in names)


def _refuse_other_counts(existing: dict[str, tuple[str, int]], wanted: dict[str, int]) -> None:
    for name, count in wanted.items():
        if name in existing and existing[name][1] != count:
            raise TopicsError(
                f"Topic {name} has {existing[name][1]} partitions, not {count}. A partition count never changes: "
                f"set [kafka] partitions = {existing[name][1]}, or choose another prefix for new topics."
            )


def _make(connection: Connection, missing: list[Topic], partitions: int, replication: int) -> None:
    wanted = {
        connection.topic(topic.name): {
            "num_partitions": topic.count(partitions),
            "replication_factor": replication,
            "configs": topic.configs(),
        }
        for topic in missing
    }
    if not wanted:
        return
    with connection.admin() as admin:
        with suppress(TopicAlreadyExistsError):  # another `topics create` at the same time
            admin.create_topics(wanted)
        admin.wait_for_topics(list(wanted))


def _commit_first_offsets(connection: Connection) -> None:
    starts = connection.beginning_offsets(sorted({name for names in GROUPS.values() for name in names}))
    for stage, names in GROUPS.items():
        group = connection.group(stage)
        committed = connection.group_offsets(group)
        first: Offsets = {key: at for key, at in starts.items() if key[0] in names and key not in committed}
        connection.commit(group, first)


def _write_genesis(connection: Connection) -> None:
    names = [topic.name for topic in TOPICS]
    ids, starts = connection.topic_ids(names), connection.beginning_offsets(names)
    first = Genesis(
        topics={
            name: TopicStart(ids[name], [at for (topic, _), at in sorted(starts.items()) if topic == name])
            for name in names
        }
    )
    producer = connection.producer()
    try:
        value = msgspec.msgpack.encode(first)
        producer.send(connection.topic("signatures"), key=GENESIS_KEY, value=value, partition=0).get(timeout=30)
    finally:
        producer.close()
