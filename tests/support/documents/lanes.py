"""A small topic `examples` in memory: planned documents as Frames, some of them delivered again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from model.example import Example
from streams import frame as frames
from streams.document import Source
from streams.frame import Frame, Tally

ROW = 40
TOPICS = {"files": "f1" * 16, "retries": "e2" * 16}
TOKENIZER = "t" * 64


@dataclass(frozen=True)
class Planned:
    """A document: the tokens of its pieces, or none for one that was rejected or died."""

    pieces: tuple[int, ...] = ()
    dead: bool = False


@dataclass
class Log:
    """`examples` in memory, every partition's Frames in order."""

    frames: list[list[Frame]]
    at: list[int] = field(default_factory=list)

    @property
    def partitions(self) -> int:
        return len(self.frames)

    def poll(self, timeout_s: float, enough: set[int]) -> list[tuple[int, int, Frame]]:
        polled_frames: list[tuple[int, int, Frame]] = []
        for p in set(range(self.partitions)) - enough:
            polled_frames += [(p, o, wire(f)) for o, f in enumerate(self.frames[p]) if o >= self.at[p]]
            self.at[p] = len(self.frames[p])
        return polled_frames

    def ended(self, partition: int, position: int) -> bool:
        return position >= len(self.frames[partition])

    def find(self, partition: int, start: int, wanted: Callable[[Frame], bool]) -> int | None:
        return next((o for o, f in enumerate(self.frames[partition]) if o >= start and wanted(f)), None)

    def first(self, partition: int) -> int:
        return 0

    def earlier(self, partition: int, offset: int) -> tuple[bool, Frame | None]:
        return True, wire(self.frames[partition][offset])

    def lag(self, positions: list[int]) -> int:
        return sum(len(f) - o for f, o in zip(self.frames, positions, strict=True))


def wire(frame: Frame) -> Frame:
    return frames.decode(frames.encode(frame))


def frame(source: Source, start: int, events: list[list[Planned]], replaces: dict[int, str]) -> Frame:
    """The Frame of events at the offsets from `start`."""
    made = Frame(source=source, start=start, upto=start + len(events), tallies=[], tokenizer=TOKENIZER)
    for offset, event in enumerate(events, start):
        gone = [i for i, d in enumerate(event) if not d.pieces]
        dead = [i for i in gone if event[i].dead]
        rejected = [i for i in gone if not event[i].dead]
        made.tallies.append(Tally(offset, len(event), rejected, dead, replaces.get(offset, "")))
        for index, document in enumerate(event):
            made.examples += [
                Example(
                    offset=offset, index=index, ids=np.zeros(size, "<u2").tobytes(), text_bytes=size, piece=n,
                    pieces=len(document.pieces), bulk=index % 2 == 0,
                )
                for n, size in enumerate(document.pieces)
            ]  # fmt: skip
    return made


pieces = st.lists(st.integers(1, ROW), min_size=1, max_size=4).map(tuple)
documents = st.one_of(pieces.map(Planned), pieces.map(Planned), st.builds(Planned, dead=st.booleans()))
events = st.lists(documents, min_size=1, max_size=3)
lane = st.lists(st.tuples(st.lists(events, min_size=1, max_size=3), st.booleans(), st.booleans()), max_size=6)
"""Frames of one partition: their events, whether the topic is `retries`, and whether it is delivered again later."""


def logs(lanes: list[Any]) -> list[list[Frame]]:
    """With repeats: the same Frame, or one that reaches back over the one before it."""
    made: list[list[Frame]] = []
    for partition, planned in enumerate(lanes):
        log: list[Frame] = []
        seen: dict[str, list[list[Planned]]] = {"files": [], "retries": []}
        for found, retried, again in planned:
            topic = "retries" if retried else "files"
            source = Source(topic, TOPICS[topic], partition)
            replaces = {n: f"{TOPICS['files']}:{partition}:{n}:0" for n in range(9)} if retried else {}
            start = len(seen[topic])
            seen[topic] += found
            log.append(frame(source, start, found, replaces))
            if again:
                back = max(0, start - 2)
                log += [log[0], frame(source, back, seen[topic][back:], replaces)]
        made.append(log)
    return made


def expected(log: list[list[Frame]]) -> Counter[tuple[str, int, int, int, int]]:
    """Every piece once, however often it was delivered."""
    examples = ((f.source.topic_id, p, e) for p, lane in enumerate(log) for f in lane for e in f.examples)
    return Counter({(topic_id, p, e.offset, e.index, e.piece): 1 for topic_id, p, e in examples})


def some(partitions: int = 4, count: int = 9) -> list[list[Frame]]:
    """Documents of one to four pieces in every partition."""
    sizes = [(7, 40, 13), (22,), (31, 5), (40, 40, 40, 9), (3,), (18, 18)]
    lanes = [[([[Planned(sizes[(p + n) % 6])], [Planned(sizes[n % 6])]], False, n % 4 == 1) for n in range(count)]
             for p in range(partitions)]  # fmt: skip
    return logs(lanes)
