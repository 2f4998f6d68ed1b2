"""A keyed, bounded shuffle between the log and the rows: repositories that came one behind the other are trained mixed.

Every example waits for a part of the window that a hash of its origin draws, counted in the tokens that enter behind
it. So it leaves at the latest when a window of tokens has come, the order depends on what entered and on nothing else,
and what is inside is all of the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from math import inf

from streams.draw import unit
from streams.feed.state import BinItem, Delayed

LIVE_SHARE = 64
"""What is live waits for one part in so many of the window: of a followed repository the order is worth more."""


class Shuffle:
    """Items in the order that they leave in. Times are the owner's, never go back, and are no state."""

    def __init__(self, window: int, seed: int = 0, held: Iterable[Delayed] = (), now: float = 0.0) -> None:
        """`window`: tokens; 0: everything leaves at once, in its order. `held`: the state of the run before."""
        self.window, self._seed = window, seed
        self._entered = 0
        """Tokens, since this shuffle was made: what is due is told against it."""
        self._number = 0
        self._heap: list[tuple[int, int, float, BinItem]] = []
        for delayed in held:
            self._heap.append((delayed.left, self._number, now, delayed.item))
            self._number += 1
        heapify(self._heap)
        self.tokens = sum(item.example.tokens for *_, item in self._heap)
        """Inside."""

    def add(self, item: BinItem, now: float) -> None:
        tokens = item.example.tokens
        self._entered += tokens
        window = self.window if item.example.bulk else self.window // LIVE_SHARE
        due = self._entered + int(unit(_key(item), "shuffle", self._seed) * window) if window else self._entered
        heappush(self._heap, (due, self._number, now, item))
        self._number += 1
        self.tokens += tokens

    def due(self) -> Iterator[tuple[BinItem, float]]:
        """What leaves now, each with the moment at which it entered."""
        while self._heap and self._heap[0][0] <= self._entered:
            yield self._pop()

    def flush(self, before: float = inf) -> list[tuple[BinItem, float]]:
        """What is live and entered before this moment; all of it where that is infinite. In the order that it would
        leave in, as `due`."""
        leaves = [e for e in sorted(self._heap) if e[2] < before and (before == inf or not e[3].example.bulk)]
        if leaves:
            gone = {number for _, number, *_ in leaves}
            self._heap = [e for e in self._heap if e[1] not in gone]
            heapify(self._heap)
            self.tokens = sum(item.example.tokens for *_, item in self._heap)
        return [(item, at) for *_, at, item in leaves]

    @property
    def oldest_live(self) -> float:
        """When the first live example inside entered; infinity without one."""
        return min((at for _, _, at, item in self._heap if not item.example.bulk), default=inf)

    @property
    def held(self) -> list[Delayed]:
        """The state: in the order that they leave in, with the tokens that must enter before."""
        return [Delayed(item, max(0, due - self._entered)) for due, _, _, item in sorted(self._heap)]

    def __len__(self) -> int:
        return len(self._heap)

    def _pop(self) -> tuple[BinItem, float]:
        *_, at, item = heappop(self._heap)
        self.tokens -= item.example.tokens
        return item, at


def _key(item: BinItem) -> bytes:
    return f"{item.origin}:{item.example.piece}".encode()
