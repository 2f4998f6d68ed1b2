"""A plan carried out: records for `candidates`, then the groups' offsets. Done twice it does no harm."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from streams import frame as frames
from streams.frame import Back, Frame
from streams.index import signatures
from streams.kafka.connection import Connection, Offsets
from streams.kafka.log import read
from streams.kafka.positions import Expired
from streams.repair.steps import PassOver, Resend, Rewind, Skip, Step, TakeBack
from streams.stages import STAGE

PATIENCE_S = 30


def refuse_running(connection: Connection) -> None:
    """Raises GroupInUse while a worker runs: a group's offsets can be altered only when it has no member."""
    for stage in STAGE:
        group = connection.group(stage)
        connection.commit(group, connection.group_offsets(group))


def act(connection: Connection, steps: Sequence[Step]) -> None:
    """Raises GroupInUse when a worker runs; what was done before that stays right."""
    refuse_running(connection)
    records = [record for step in steps if (record := _record(connection, step)) is not None]
    if records:
        producer = connection.producer()
        try:
            for topic, value in records:
                producer.send(connection.topic(topic), value, partition=0).get(timeout=PATIENCE_S)
        finally:
            producer.close()
    offsets: defaultdict[str, Offsets] = defaultdict(dict)
    for step in steps:
        if isinstance(step, PassOver | Rewind):
            behind = isinstance(step, PassOver)
            offsets[step.stage][step.topic, step.partition] = step.offset + behind
    for stage, changes in offsets.items():
        connection.commit(connection.group(stage), changes)


def _record(connection: Connection, step: Step) -> tuple[str, bytes] | None:
    """A step's topic and record."""
    match step:
        case Resend():
            return "candidates", _standing(connection, step)
        case TakeBack(source, to):
            return "candidates", frames.encode(Back(source=source, to=to))
        case Skip(source, start, upto):
            frame = Frame(source=source, start=start, upto=upto, tallies=[], lost=True)
            return "candidates", frames.encode(frame)
        case PassOver("dedup"):
            return "signatures", signatures.encode(signatures.empty(step.offset))
        case PassOver() | Rewind():
            return None


def _standing(connection: Connection, step: Resend) -> bytes:
    """Raises Expired when retention was faster; nothing has been done then."""
    logged = next(read(connection, "candidates", 0, step.offset, step.offset + 1), None)
    if logged is None or not logged.value:
        raise Expired(f"candidates/0 {step.offset} was deleted by retention meanwhile: run `midstream repair` again")
    return logged.value
