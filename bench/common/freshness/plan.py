"""In which Batches a stream is trained on, and after how many of them a commit finds the model.

Nothing is ahead of its time: a row holds what has arrived when it is complete. What waits for a keyed order or for
its row to fill waits there until later arrivals push it out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from common.freshness.sizes import Ways
from common.freshness.world import Arrival, both_forms
from model.example import Batch, Example
from model.training.batch import collate
from model.training.bins import Bins
from streams.draw import unit
from streams.pack.pack import Packer

OPEN_BINS = 4
"""Few, so that little waits: the stream is in order."""
PAST_BINS = 64

Row = list[Example]


@dataclass
class Plan:
    """Batches in the order of training."""

    batches: list[Batch] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    """By Batch: the place in the stream of the commit that completed it."""

    def state(self, upto: int) -> int:
        """Batches that hold nothing of a commit behind place `upto`; -1: before the stream."""
        return bisect_right(self.arrived, upto)


class Shuffled:
    """What arrives waits among `window` others; each arrival pushes one out that a keyed hash chooses."""

    def __init__(self, window: int, seed: int) -> None:
        self._waiting: list[Example] = []
        self._window, self._seed, self._count = window, seed, 0

    def push(self, example: Example) -> Iterator[Example]:
        self._waiting.append(example)
        if len(self._waiting) >= self._window:
            yield self._pop()

    def rest(self) -> Iterator[Example]:
        while self._waiting:
            yield self._pop()

    def _pop(self) -> Example:
        self._count += 1
        at = int(unit(self._count.to_bytes(8, "little"), "order", self._seed) * len(self._waiting))
        return self._waiting.pop(at)


def shuffled_rows(examples: Sequence[Example], row_tokens: int, seed: int) -> list[Row]:
    """All of them once, in a keyed order."""
    bins: Bins[Example] = Bins(row_tokens, PAST_BINS)
    keys = [unit(n.to_bytes(8, "little"), "pass", seed) for n in range(len(examples))]
    for n in np.argsort(np.array(keys), kind="stable").tolist():
        bins.add(examples[n].tokens, examples[n])
    bins.flush()
    return list(bins.rows)


def endless(examples: Sequence[Example], row_tokens: int, seed: int) -> Iterator[Row]:
    """The past, again and again, each time in another keyed order."""
    number = 0
    while True:
        yield from shuffled_rows(examples, row_tokens, seed * 1000 + number)
        number += 1


def batches(rows: Sequence[Row], ways: Ways) -> Iterator[Batch]:
    """Of rows that stand in order; the last may have fewer of them."""
    for at in range(0, len(rows), ways.rows):
        yield collate(rows[at : at + ways.rows], ways.row_tokens, capacity=ways.rows * ways.row_tokens)


def of_stream(
    stream: Sequence[Arrival], past: Sequence[Example], packer: Packer, ways: Ways, most: int, seed: int
) -> Plan:
    """New rows in order, and among them rows of the past and second times of the stream by keyed draws."""
    planner = _Planner(endless(past, ways.row_tokens, seed + 7), ways, seed)
    shuffled = Shuffled(ways.window, seed)
    for place, arrival in enumerate(stream):
        examples = both_forms(arrival, packer, most) if ways.both else arrival.examples
        for example in examples:
            for released in shuffled.push(example):
                planner.add(released, place)
    for released in shuffled.rest():
        planner.add(released, len(stream) - 1)
    planner.end(len(stream) - 1)
    return planner.plan


def of_control(like: Plan, past: Sequence[Example], ways: Ways, seed: int) -> Plan:
    """As many Batches of as many rows, all of the past, at the same moments."""
    old = endless(past, ways.row_tokens, seed + 13)
    made = [
        collate([next(old) for _ in range(len(batch.ids_BT))], ways.row_tokens, capacity=ways.rows * ways.row_tokens)
        for batch in like.batches
    ]
    return Plan(made, list(like.arrived))


class _Planner:
    def __init__(self, old: Iterator[Row], ways: Ways, seed: int) -> None:
        self.plan = Plan()
        self._old, self._ways, self._seed = old, ways, seed
        self._bins: Bins[Example] = Bins(ways.row_tokens, OPEN_BINS)
        self._rows: list[Row] = []
        self._before: list[Row] = []
        self._new = 0

    def add(self, example: Example, place: int) -> None:
        self._bins.add(example.tokens, example)
        self._take(place)

    def end(self, place: int) -> None:
        self._bins.flush()
        self._take(place)
        if self._rows:
            self._emit(place)

    def _take(self, place: int) -> None:
        while self._bins.rows:
            row = self._bins.rows.popleft()
            self._row(row, place)
            self._new += 1
            share, again = self._ways.replay, self._ways.repeat
            for _ in range(self._draws("replay", share / (1 - share - again))):
                self._row(next(self._old), place)
            for number in range(self._draws("repeat", again / (1 - share - again))):
                if self._before:
                    self._row(self._before[self._pick(number)], place)
            self._before.append(row)

    def _draws(self, what: str, rate: float) -> int:
        """So many rows beside this one that they come to `rate` a row."""
        return int(rate) + (unit(self._new.to_bytes(8, "little"), what, self._seed) < rate % 1)

    def _pick(self, number: int) -> int:
        key = self._new.to_bytes(8, "little") + number.to_bytes(2, "little")
        return int(unit(key, "again", self._seed) * len(self._before))

    def _row(self, row: Row, place: int) -> None:
        self._rows.append(row)
        if len(self._rows) == self._ways.rows:
            self._emit(place)

    def _emit(self, place: int) -> None:
        capacity = self._ways.rows * self._ways.row_tokens
        self.plan.batches.append(collate(self._rows, self._ways.row_tokens, capacity=capacity))
        self.plan.arrived.append(place)
        self._rows = []
