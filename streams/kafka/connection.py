"""How to reach the cluster, and the few questions that every part asks it.

Names given and returned are those of the topic table, without the prefix. A method that needs the
cluster raises Unreachable within some five seconds when no broker answers.
"""

# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# kafka-python builds its admin client and its exports at run time.

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from kafka import (
    IsolationLevel,
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    OffsetSpec,
    TopicPartition,
)
from kafka.errors import (
    BrokerResponseError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    UnknownMemberIdError,
)
from kafka.net.compat import KafkaNetClient
from kafka.structs import OffsetAndMetadata

T = TypeVar("T")
Offsets = dict[tuple[str, int], int]
"""(topic without prefix, partition) to offset."""

MAX_REQUEST_BYTES = 26 * 1024 * 1024
"""More than the largest record of the topic table with its headers and batch overhead."""
BATCH_BYTES = 256 * 1024
BOOTSTRAP_MS = 4_000
SETTLE_SECONDS = 15.0
"""How long a fresh cluster may answer «not yet» (no leader, no coordinator)."""


class Unreachable(Exception):
    """No broker answered; the message says what to do."""

    def __init__(self, brokers: str, protocol: str = "") -> None:
        """`protocol`: what was spoken with something that listens there."""
        if protocol:
            super().__init__(
                f"What listens at {brokers} does not answer as a Kafka broker over {protocol}. It may be starting; "
                "else see [kafka] security_protocol and its SASL and SSL settings."
            )
            return
        super().__init__(
            f"No Kafka broker answers at {brokers}. Start the local one with `midstream broker start`, "
            f"or name a cluster with --brokers host:port (or [kafka] brokers in midstream.toml)."
        )


class GroupInUse(Exception):
    """A consumer group has members, so its offsets cannot be altered from outside."""


@dataclass(frozen=True)
class Security:
    """TLS and SASL, as Kafka clients name them."""

    protocol: str = "PLAINTEXT"
    mechanism: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    cafile: str = ""
    certfile: str = ""
    keyfile: str = ""

    @property
    def encrypted(self) -> bool:
        return self.protocol in ("SSL", "SASL_SSL")

    def ssl_context(self) -> ssl.SSLContext | None:
        """None unless the protocol is an encrypted one."""
        if not self.encrypted:
            return None
        context = ssl.create_default_context(cafile=self.cafile or None)
        if self.certfile:
            context.load_cert_chain(self.certfile, self.keyfile or None)
        return context


@dataclass(frozen=True)
class Connection:
    """A cluster and a prefix: cheap to make and to pass around; every client is made anew."""

    brokers: str = "127.0.0.1:29092"
    prefix: str = "midstream."
    security: Security = Security()

    def topic(self, name: str) -> str:
        """The topic's full name."""
        return self.prefix + name

    def group(self, stage: str) -> str:
        """The consumer group of a stage: the prefix with dots as dashes, then the stage."""
        return self.prefix.replace(".", "-") + stage

    def client_settings(self) -> dict[str, Any]:
        """Keyword arguments that kafka-python's and aiokafka's clients both take."""
        settings: dict[str, Any] = {"bootstrap_servers": self.brokers.split(",")}
        settings["security_protocol"] = self.security.protocol
        if self.security.encrypted:
            settings["ssl_context"] = self.security.ssl_context()
        if self.security.mechanism:
            settings["sasl_mechanism"] = self.security.mechanism
            settings["sasl_plain_username"] = self.security.username
            settings["sasl_plain_password"] = self.security.password
        return settings

    def producer_settings(self) -> dict[str, Any]:
        """Idempotent, acknowledged by all, zstd: for kafka-python's and aiokafka's producers alike."""
        return {
            "acks": "all",
            "enable_idempotence": True,
            "compression_type": "zstd",
            "max_request_size": MAX_REQUEST_BYTES,
            "linger_ms": 5,
        }

    def admin(self) -> KafkaAdminClient:
        """A context manager; close it."""
        return self._reach(KafkaAdminClient)

    def producer(self, **changes: Any) -> KafkaProducer:
        """Every delivery's future must be asked for its result by the caller."""
        settings = {**self.producer_settings(), "batch_size": BATCH_BYTES, **changes}
        return self._reach(KafkaProducer, allow_auto_create_topics=False, **settings)

    def consumer(self, starts: Mapping[tuple[str, int], int] | None = None, **changes: Any) -> KafkaConsumer:
        """A consumer without a group, assigned to the keys of `starts` and put at their offsets.

        An offset out of range raises when polled: nothing is ever skipped silently. A record larger
        than the fetch sizes still arrives: Kafka always returns at least one whole batch.
        """
        settings: dict[str, Any] = {
            "group_id": None,
            "enable_auto_commit": False,
            "auto_offset_reset": "none",
            "isolation_level": "read_committed",
            "allow_auto_create_topics": False,
            "max_partition_fetch_bytes": 4 * 1024 * 1024,
            "fetch_max_bytes": 16 * 1024 * 1024,
        }
        consumer = self._reach(KafkaConsumer, **{**settings, **changes})
        if starts:
            consumer.assign([self._partition(key) for key in starts])
            for key, offset in starts.items():
                consumer.seek(self._partition(key), offset)
        return consumer

    def ready(self) -> bool:
        """Whether a broker answers and knows its controller. Never raises Unreachable."""
        try:
            with self._reach(KafkaAdminClient, bootstrap_timeout_ms=500) as admin:
                description = admin.describe_cluster()
        except (Unreachable, KafkaError):
            return False
        return description["controller_id"] >= 0 and bool(description["brokers"])

    def reach(self) -> None:
        """Raises Unreachable while no broker answers."""
        with self.admin():
            pass

    def topics(self) -> dict[str, tuple[str, int]]:
        """The cluster's topics under our prefix: name to (topic id as 32 hex digits, partitions)."""
        with self._asking() as admin:
            descriptions = [t for t in admin.describe_topics() if t["name"].startswith(self.prefix)]
        return {
            topic["name"].removeprefix(self.prefix): (UUID(str(topic["topic_id"])).hex, len(topic["partitions"]))
            for topic in descriptions
        }

    def topic_ids(self, names: Iterable[str]) -> dict[str, str]:
        """Each topic's id as 32 hex digits. Raises KeyError for a topic that does not exist."""
        known = self.topics()
        return {name: known[name][0] for name in names}

    def beginning_offsets(self, names: Iterable[str]) -> Offsets:
        """The first offset that is still there, of every partition of the topics."""
        return self._offsets(names, OffsetSpec.EARLIEST)

    def end_offsets(self, names: Iterable[str], committed: bool = True) -> Offsets:
        """One past the last acknowledged offset, of every partition of the topics.

        `committed`: below every open transaction, which is as far as anybody here reads.
        """
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        return self._offsets(names, OffsetSpec.LATEST, level)

    def group_offsets(self, group: str) -> Offsets:
        """What the group (its full name) has committed; partitions without a commit are left out."""
        with self._asking() as admin:
            answer = self._settled(lambda: admin.list_group_offsets(group))[group]
        return {
            (key.topic.removeprefix(self.prefix), key.partition): value.offset
            for key, value in answer.items()
            if value.offset >= 0 and key.topic.startswith(self.prefix)
        }

    def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        """Commits for a group that has no member. Raises GroupInUse when it has one, KafkaError when a commit fails."""
        positions = {self._partition(key): OffsetAndMetadata(offset, "", -1) for key, offset in offsets.items()}
        if not positions:
            return

        def attempt() -> None:
            for error in admin.alter_group_offsets(group, positions).values():
                if issubclass(error, UnknownMemberIdError):
                    raise GroupInUse(f"group {group} has members: stop the workers first")
                if error.errno:
                    raise error(f"group {group}")

        with self._asking() as admin:
            self._settled(attempt)

    def _partition(self, key: tuple[str, int]) -> TopicPartition:
        return TopicPartition(self.topic(key[0]), key[1])

    def _offsets(self, names: Iterable[str], spec: OffsetSpec, level: Any = IsolationLevel.READ_COMMITTED) -> Offsets:
        known = self.topics()
        keys = [(name, partition) for name in names for partition in range(known[name][1])]
        if not keys:
            return {}
        with self._asking() as admin:
            specs = {self._partition(key): spec for key in keys}
            answer = self._settled(lambda: admin.list_partition_offsets(specs, level))
        return {key: answer[self._partition(key)].offset for key in keys}

    @contextmanager
    def _asking(self) -> Iterator[KafkaAdminClient]:
        """An admin client whose lost connections are Unreachable."""
        with self.admin() as admin:
            try:
                yield admin
            except (KafkaConnectionError, KafkaTimeoutError) as error:
                raise Unreachable(self.brokers) from error

    def _reach(self, client: Callable[..., T], **settings: Any) -> T:
        if not any(_accepts(broker) for broker in self.brokers.split(",")):  # kafka-python would leak its sockets
            raise Unreachable(self.brokers)
        opened: list[KafkaNetClient] = []

        def network(**config: Any) -> KafkaNetClient:
            opened.append(KafkaNetClient(**config))
            return opened[-1]

        own = {"bootstrap_timeout_ms": BOOTSTRAP_MS, "kafka_client": network}
        try:
            return client(**{**self.client_settings(), **own, **settings})
        except BaseException as error:
            for half_open in opened:  # its thread and its sockets: a constructor that raises leaves them
                half_open.close()
            if isinstance(error, (KafkaConnectionError, KafkaTimeoutError)):
                raise Unreachable(self.brokers, self.security.protocol) from error
            raise

    def _settled(self, ask: Callable[[], T]) -> T:
        """The answer, asked again while a fresh cluster says «not yet»."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            try:
                return ask()
            except BrokerResponseError as error:
                if not getattr(error, "retriable", False) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def _accepts(broker: str) -> bool:
    host, _, port = broker.strip().rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), BOOTSTRAP_MS / 1000):
            return True
    except (OSError, ValueError):
        return False
