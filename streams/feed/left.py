"""Where a new run may begin when retention has deleted what came first: at what is left (`--from-what-is-left`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from streams import frame as frames
from streams.feed.examples import TOPIC
from streams.feed.state import FeedState, fresh
from streams.frame import FrameHead
from streams.index.signatures import decode_head_or_none
from streams.kafka.connection import Connection, Offsets
from streams.kafka.log import read
from streams.kafka.topics import Genesis, check

UNDER_WAY = (("clean", "pack"), ("unique", "redact"))
"""Topics between dedup and `examples`, each with the stage that has not taken its last records yet."""
LOGS = (TOPIC, *(topic for topic, _ in UNDER_WAY))


class Lost(RuntimeError):
    """Frames with which a new checkpoint folder would begin are gone; the message says what to do."""


class WorkersAtWork(RuntimeError):
    """A stage moved on while the topics were looked through; the message says what to do."""


class Stretch(NamedTuple):
    """The source offsets that a Frame covers: [start, upto)."""

    start: int
    upto: int


def first_state(connection: Connection, tokenizer: str) -> FeedState:
    """The state of a new run, from the Genesis.

    Raises Lost when `examples` no longer begins there and what is left does not lead on from there either, as it does
    where the same documents were packed again; or when that cannot be told while the workers move on.
    """
    genesis = check(connection)
    starts, first = genesis.topics[TOPIC].starts, connection.beginning_offsets([TOPIC])
    gone = [p for p, start in enumerate(starts) if first[TOPIC, p] > start]
    if not gone:
        return fresh(tokenizer, starts, genesis.marks)
    with suppress(WorkersAtWork):
        state = state_of_what_is_left(connection, tokenizer)
        if not state.began:
            return state
    raise Lost(
        "; ".join(f"{TOPIC}/{p}: offsets {starts[p]} to {first[TOPIC, p] - 1}" for p in gone)
        + " were deleted by retention, and a new checkpoint folder begins at the first. End the workers, and run "
        "`midstream repair` to bring back what can be had; or train with --from-what-is-left to begin at what is left."
    )


def state_of_what_is_left(connection: Connection, tokenizer: str) -> FeedState:
    """The state of a new run that begins at what is left; `began` are the marks of sources that begin later.

    The workers must be at rest: raises WorkersAtWork when they were not.
    """
    genesis = check(connection)
    before, first = _positions(connection), connection.beginning_offsets(LOGS)
    stretches: defaultdict[str, list[Stretch]] = defaultdict(list)
    for head in _left(connection, first, before):
        stretches[head.source.key].append(Stretch(head.start, head.upto))
    dedup = _dedup_marks(connection) if genesis.marks.keys() - stretches.keys() else {}
    if _positions(connection) != before:
        raise WorkersAtWork("The workers are at work: end them, and start training with --from-what-is-left again.")
    begin = {**dedup, **{key: lowest(own) for key, own in stretches.items()}}
    marks = {key: begin.get(key, mark) for key, mark in genesis.marks.items()}
    state = fresh(tokenizer, [first[TOPIC, p] for p in range(len(genesis.topics[TOPIC].starts))], marks)
    state.began = {key: mark for key, mark in sorted(marks.items()) if mark > genesis.marks[key]}
    return state


def beginnings(state: FeedState, genesis: Genesis) -> Iterator[str]:
    """A line for each source that begins later than its topic did."""
    names = {start.id: name for name, start in genesis.topics.items()}
    for key, mark in state.began.items():
        topic_id, _, partition = key.rpartition(":")
        yield f"{names.get(topic_id, topic_id)}/{partition}: training begins at offset {mark}"


def lowest(stretches: Sequence[Stretch]) -> int:
    """The lowest start from which the stretches, taken in this order, lead to the highest end.

    A stretch moves a mark that lies in it to its end, and is passed over by one below it. So, from the last one
    backwards, the marks that lead there are kept as half-open intervals.
    """
    top = max(s.upto for s in stretches)
    leading = [Stretch(top, top + 1)]
    for stretch in reversed(stretches):
        if _holds(leading, stretch.upto):
            leading = _with(leading, stretch)
        else:
            leading = [rest for one in leading for rest in _without(one, stretch)]
    return min(s.start for s in stretches if _holds(leading, s.start))


def _holds(intervals: Iterable[Stretch], mark: int) -> bool:
    return any(start <= mark < upto for start, upto in intervals)


def _with(intervals: list[Stretch], other: Stretch) -> list[Stretch]:
    """The intervals and one more, joined with those that it touches."""
    touching = [one for one in intervals if one.start <= other.upto and one.upto >= other.start]
    apart = [one for one in intervals if one not in touching]
    ends = [*touching, other]
    return [*apart, Stretch(min(one.start for one in ends), max(one.upto for one in ends))]


def _without(one: Stretch, other: Stretch) -> Iterator[Stretch]:
    """What of one interval is not in the other."""
    for start, upto in ((one.start, min(one.upto, other.start)), (max(one.start, other.upto), one.upto)):
        if start < upto:
            yield Stretch(start, upto)


def _positions(connection: Connection) -> tuple[list[Offsets], Offsets]:
    """What the stages have committed, and where the topics between them end."""
    committed = [connection.group_offsets(connection.group(stage)) for _, stage in UNDER_WAY]
    return committed, connection.end_offsets(LOGS)


def _left(connection: Connection, first: Offsets, positions: tuple[list[Offsets], Offsets]) -> Iterator[FrameHead]:
    """The Frames in `examples`, then those under way, each partition in order."""
    committed, ends = positions
    for topic, at in zip(LOGS, ({}, *committed), strict=True):
        for key in sorted(key for key in first if key[0] == topic):
            for logged in read(connection, *key, max(first[key], at.get(key, 0)), ends[key]):
                with suppress(frames.NoFrame):
                    yield frames.decode_head(logged.value)


def _dedup_marks(connection: Connection) -> dict[str, int]:
    """Dedup's mark of every source that it has seen."""
    marks: dict[str, int] = {}
    for logged in read(connection, "signatures", 0):
        if logged.key is None and (head := decode_head_or_none(logged.value, logged.offset)):
            marks[head.source.key] = head.upto
    return marks
