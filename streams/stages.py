"""The two reviewed tables: the topics, and the stages that join them (architecture §1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from streams.event import MAX_RECORD_BYTES

KIB = 1024
MIB = 1024 * KIB
DAY_MS = 24 * 3600 * 1000
BATCH_OVERHEAD = 4 * KIB
"""Headers and framing of a batch that holds one record at its limit."""
REPLICAS = 3
"""Copies from which an append is safe in the memories of two brokers, whatever happens to the third."""
FRAME_BYTES = 24 * MIB
"""A Frame made of one source record at its limit, with what the stages add."""


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
    flushed: bool = False
    """Every append reaches the disk before it is acknowledged: nothing could bring it back."""

    def count(self, partitions: int) -> int:
        return partitions if self.partitions == "P" else self.partitions

    def configs(self, replication: int = 1) -> dict[str, str]:
        return {
            **self.durability(replication),
            "cleanup.policy": "delete",
            "retention.ms": str(-1 if self.days is None else self.days * DAY_MS),
            "retention.bytes": "-1",
            "max.message.bytes": str(self.max_bytes + BATCH_OVERHEAD),
            "message.timestamp.type": "LogAppendTime",  # with CreateTime, old records are deleted at once
            "compression.type": "producer",
        }

    def durability(self, replication: int) -> dict[str, str]:
        """One broker's disk must hold an append, or two brokers' memories."""
        if replication >= REPLICAS:
            return {"min.insync.replicas": "2", "unclean.leader.election.enable": "false"}
        return {"flush.messages": "1"} if self.flushed else {}


SOURCES = ("commits", "issues", "notebooks", "files", "retries")
"""The topics of public events, in the table's order."""

TOPICS: tuple[Topic, ...] = (
    Topic("commits", "P", 7, MAX_RECORD_BYTES, "commit events", flushed=True),
    Topic("issues", "P", 7, MAX_RECORD_BYTES, "issue events, whole threads", flushed=True),
    Topic("notebooks", "P", 7, MAX_RECORD_BYTES, "notebook events", flushed=True),
    Topic("files", "P", 7, MAX_RECORD_BYTES, "file events", flushed=True),
    Topic("retries", "P", 7, MAX_RECORD_BYTES, "events that replace a dead origin, and removals", flushed=True),
    Topic("candidates", 1, 7, FRAME_BYTES, "Frames from prepare; one partition: first seen means one thing"),
    Topic("signatures", 1, None, FRAME_BYTES, "Genesis, then one record for every Frame that dedup took", flushed=True),
    Topic("unique", "P", 7, FRAME_BYTES, "Frames from dedup"),
    Topic("clean", "P", 7, FRAME_BYTES, "Frames from redact"),
    Topic("examples", "P", 30, FRAME_BYTES, "Frames from pack; training and replay read them"),
    Topic("rejected", "P", 30, FRAME_BYTES + 64 * KIB, "what a rule or the index dropped, with its reason"),
    Topic("deadletters", 1, 30, FRAME_BYTES + 64 * KIB, "what could not be processed, its bytes untouched"),
)


TOPIC: dict[str, Topic] = {topic.name: topic for topic in TOPICS}


@dataclass(frozen=True)
class StageRow:
    """A stage: one process, one consumer group."""

    name: str
    reads: tuple[str, ...]
    """Topics."""
    writes: str
    """The topic of its Frames. Any stage may also write to `rejected` and `deadletters`, dedup to `signatures`."""


STAGES: tuple[StageRow, ...] = (
    StageRow("prepare", SOURCES, "candidates"),
    StageRow("dedup", ("candidates",), "unique"),
    StageRow("redact", ("unique",), "clean"),
    StageRow("pack", ("clean",), "examples"),
)
"""In the order of the path. Groups, programs, choices and what `status` shows are made from it."""

STAGE: dict[str, StageRow] = {stage.name: stage for stage in STAGES}
FRAMES = tuple(stage.writes for stage in STAGES)
"""The topics that hold Frames."""
