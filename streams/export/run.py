"""From the topic `clean` into an Export: every partition from where the last run ended to the present end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256

import msgspec

from streams import frame as frames
from streams.document import Source
from streams.export.export import Export, fresh
from streams.export.state import ExportOrigin, ExportState
from streams.frame import Frame
from streams.kafka.connection import Connection, Offsets
from streams.kafka.log import Logged, read
from streams.kafka.positions import Expired
from streams.kafka.topics import Genesis

log = logging.getLogger("midstream.streams")

TOPIC = "clean"


def fingerprint(genesis: Genesis) -> str:
    """Of the identity alone: the topics that hold the Genesis and the Frames. An Addition leaves it as it is."""
    return sha256(f"{genesis.topics['signatures'].id} {genesis.topics[TOPIC].id}".encode()).hexdigest()


def former_fingerprint(genesis: Genesis) -> str:
    """As it was written before: of all topics, so that every Addition changed it."""
    return sha256(msgspec.json.encode(genesis, order="deterministic")).hexdigest()


def renew(state: ExportState, genesis: Genesis, first: Genesis) -> None:
    """What an earlier version, or a run before an Addition, left out of an export of the same topics.

    `first`: the Genesis without its Additions.
    """
    if state.origin.genesis in (former_fingerprint(genesis), former_fingerprint(first)):
        state.origin = msgspec.structs.replace(state.origin, genesis=fingerprint(genesis))
    if state.origin.genesis == fingerprint(genesis):
        state.marks = {**genesis.marks, **state.marks}


def begin(origin: ExportOrigin, genesis: Genesis) -> ExportState:
    return fresh(origin, list(genesis.topics[TOPIC].starts), genesis.marks)


def run(
    connection: Connection, export: Export, pass_gaps: bool, stopped: Callable[[], bool], progress: Callable[[], None]
) -> None:
    """Returns at the end that `clean` had when it began, or soon after `stopped()`; all that was taken is on disk.

    Raises Gap when offsets of a source are missing and Expired when retention has deleted what was not read, unless
    `pass_gaps`.
    """
    ends = connection.end_offsets([TOPIC])
    _check_expired(connection, export.state, pass_gaps)
    returns = _Returns(connection, ends)
    for partition, start in enumerate(list(export.state.offsets)):
        with _explained(connection, export.state, partition):
            for logged in read(connection, TOPIC, partition, start, ends[TOPIC, partition]):
                frame = _frame(partition, logged)
                if frame is None or (not pass_gaps and returns.after(export, partition, logged.offset, frame)):
                    export.pass_over(partition, logged.offset)
                else:
                    export.take(partition, logged.offset, frame)
                progress()
                if stopped():
                    break
        export.commit()
        progress()
        if stopped():
            return


def _frame(partition: int, logged: Logged) -> Frame | None:
    """None for what brings nothing, with a line in the log; what was in a damaged record shows as a gap behind it."""
    place = f"{TOPIC}/{partition} at {logged.offset}"
    try:
        frame = frames.decode_or_none(logged.value, place)
    except frames.Damaged as error:
        log.error("%s", error)
        return None
    if frame is None:
        log.error("%s is no Frame: it is passed over", place)
    return frame


class _Returns:
    """Whether what is missing before a Frame stands behind it: `midstream repair` sends it again."""

    def __init__(self, connection: Connection, ends: Offsets) -> None:
        self._connection, self._ends = connection, ends
        self._at: dict[str, int] = {}
        """By `Source.key`, the offset of the Frame that was looked up last."""

    def after(self, export: Export, partition: int, offset: int, frame: Frame) -> bool:
        missing = export.missing(frame)
        if missing is None:
            return False
        key = frame.source.key
        if self._at.get(key, -1) <= offset:
            self._at[key] = self._find(partition, offset + 1, frame.source, missing[0])
        return self._at[key] > offset

    def _find(self, partition: int, start: int, source: Source, mark: int) -> int:
        """The first Frame from `start` on that carries the mark on; -1: there is none."""
        for logged in read(self._connection, TOPIC, partition, start, self._ends[TOPIC, partition]):
            frame = _frame(partition, logged)
            if frame and frame.source == source and frame.start <= mark < frame.upto:
                return logged.offset
        return -1


def _check_expired(connection: Connection, state: ExportState, pass_gaps: bool) -> None:
    first = connection.beginning_offsets([TOPIC])
    lost = {
        p: f"{TOPIC}/{p}: offsets {offset} to {first[TOPIC, p] - 1}"
        for p, offset in enumerate(state.offsets)
        if offset < first[TOPIC, p]
    }
    if lost and not pass_gaps:
        raise Expired(
            f"Deleted by retention before they were exported: {'; '.join(lost.values())}. "
            "With --pass-gaps the export goes on without them and names them in its data card."
        )
    for p, offsets in lost.items():
        state.offsets[p] = first[TOPIC, p]
        state.gaps.append(offsets)


@contextmanager
def _explained(connection: Connection, state: ExportState, partition: int) -> Iterator[None]:
    """Retention may delete what is being read: the client's error says less than the offsets do."""
    try:
        yield
    except Exception:
        if connection.beginning_offsets([TOPIC])[TOPIC, partition] > state.offsets[partition]:
            _check_expired(connection, state, pass_gaps=False)
        raise
