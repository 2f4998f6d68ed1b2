"""What a repair can do, each as a record that says what it does (architecture §2.10)."""

from __future__ import annotations

from dataclasses import dataclass

from streams.document import Source


@dataclass(frozen=True)
class Rewind:
    """Set a stage's group to an offset."""

    stage: str
    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.stage} begins again at {self.topic}/{self.partition} {self.offset}"


@dataclass(frozen=True)
class PassOver:
    """Set a stage's group behind a damaged record. In dedup's log the offset gets an empty record."""

    stage: str
    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.stage} passes over {self.topic}/{self.partition} {self.offset}, a Frame that is damaged"


@dataclass(frozen=True)
class TakeBack:
    """Write a Back to `candidates`: dedup's mark of the source goes down to `to`."""

    source: Source
    to: int

    def __str__(self) -> str:
        return f"dedup's mark of {self.source} goes back to {self.to}"


@dataclass(frozen=True)
class Skip:
    """Write an empty Frame over [start, upto) to `candidates`: the source no longer holds these offsets."""

    source: Source
    start: int
    upto: int

    def __str__(self) -> str:
        return f"{self.source}: offsets {self.start} to {self.upto - 1} are lost: the topic no longer holds them"


@dataclass(frozen=True)
class Resend:
    """Write the record at `offset` of `candidates` once more, at the end: a Frame over [start, upto) that dedup does
    not take there, or has to take again, and that the source no longer holds."""

    source: Source
    offset: int
    start: int
    upto: int

    def __str__(self) -> str:
        return f"{self.source}: offsets {self.start} to {self.upto - 1} are sent again from candidates/0 {self.offset}"


Step = Rewind | PassOver | TakeBack | Resend | Skip
