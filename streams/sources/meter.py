"""How far training is behind the sources, in seconds: by it the present tree and the past are metered, so that a new
commit never waits behind more of them than that (docs/architecture.md section 2.14)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Literal

from streams.pace import Pace

Lane = Literal["live", "present", "past"]

FIRST_BYTES = 32 * 1024
"""Of records that are sent before a trainer has made its first steps: enough for it to find its pace."""
LOOK_S = 0.5
"""How often the trainer's file is read."""
TOKENS_A_BYTE = 0.3
"""Of a record that is kept whole, about: where most were rejected the next one may be."""
LEAST_TOKENS_A_BYTE = 0.1
"""Of what is on its way, at least: where most was rejected a trainer would starve if all of it counted as kept, and
where all of it is kept after all, training is behind by three times as much as was meant, once."""
IDLE_S = 1.0
"""With less on its way the trainer is about to have nothing to do."""
MEASURED_BYTES = 64 * 1024
"""Of records that passed, from which on the measured share counts."""


@dataclass
class Flight:
    """A record on its way to the trainer."""

    lane: Lane
    bytes: int
    sent: float
    source: str = ""
    """`topic id:partition`, once it is acknowledged."""
    offset: int = -1


class Meter:
    """Knows what was sent and not yet taken by the trainer."""

    def __init__(
        self,
        read: Callable[[], Pace | None],
        room_s: float,
        most_s: float = inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`room_s`: seconds of training that may be on their way. `most_s`: that one thing may take by itself."""
        self._read, self._room_s, self._most_s, self._clock = read, room_s, most_s, clock
        self._flights: deque[Flight] = deque()
        self._pace: Pace | None = None
        self._looked = -1e9
        self._first: tuple[int, int] | None = None
        """Tokens that the trainer had taken, and bytes that had passed, when it was first seen."""
        self._passed = 0

    def send(self, lane: Lane, size: int) -> Flight:
        flight = Flight(lane, size, self._clock())
        self._flights.append(flight)
        return flight

    @property
    def under_way(self) -> list[Flight]:
        return list(self._flights)

    @property
    def tokens_a_byte(self) -> float:
        if self._pace is None or self._first is None:
            return TOKENS_A_BYTE
        tokens, passed = self._pace.tokens - self._first[0], self._passed - self._first[1]
        return max(LEAST_TOKENS_A_BYTE, tokens / passed) if passed > MEASURED_BYTES else TOKENS_A_BYTE

    @property
    def tokens_per_s(self) -> float:
        """While the trainer trains; 0: it has not told its pace."""
        return self._pace.tokens_per_s if self._pace and self._pace.fresh else 0.0

    def behind_s(self) -> float | None:
        """Seconds of training on their way, as the trainer goes now; None: no trainer has told its pace."""
        self._look()
        pace = self._pace
        if pace is None or not pace.fresh or not pace.tokens_per_s:
            return None
        size = sum(flight.bytes for flight in self._flights)
        return (size * self.tokens_a_byte + pace.ready) / pace.tokens_per_s

    def has_room(self, size: int = 0) -> bool:
        """Whether a metered lane may send so many bytes now. What is larger than the room is sent when nothing else is
        on its way."""
        behind, under_way = self.behind_s(), sum(flight.bytes for flight in self._flights)
        if behind is None:
            return (self._pace is None or self._pace.fresh) and (not under_way or under_way + size <= FIRST_BYTES)
        return behind + self._cost_s(size) <= self._room_s or behind < IDLE_S

    def fits(self, size: int, times: float = 1.0) -> bool:
        """Whether so many bytes may ever be sent at once: training on them would not take longer than a new commit is
        to wait, so many times over."""
        return self.behind_s() is None or self._cost_s(size) <= times * self._most_s

    def _cost_s(self, size: int) -> float:
        assert self._pace is not None
        return size * max(TOKENS_A_BYTE, self.tokens_a_byte) / self._pace.tokens_per_s

    def lag_s(self, *lanes: Lane) -> float:
        """For how long the oldest record of these lanes has been on its way to the trainer's rows."""
        self._look()
        now = self._clock()
        return max((now - flight.sent for flight in self._flights if flight.lane in lanes), default=0.0)

    def _look(self) -> None:
        now = self._clock()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        pace = self._read()
        if pace is None:
            return
        if self._pace is None or pace.tokens < self._pace.tokens:  # a trainer that began anew counts from 0
            self._first = pace.tokens, self._passed
        self._pace = pace
        left = deque(f for f in self._flights if not (f.source and f.offset < pace.marks.get(f.source, 0)))
        self._passed += sum(f.bytes for f in self._flights) - sum(f.bytes for f in left)
        self._flights = left


class Unmetered:
    """For who has no trainer beside: everything is sent as fast as it is read."""

    def send(self, lane: Lane, size: int) -> Flight | None:
        return None

    def has_room(self, size: int = 0) -> bool:
        return True

    def fits(self, size: int, times: float = 1.0) -> bool:
        return True

    def behind_s(self) -> float | None:
        return None

    def lag_s(self, *lanes: Lane) -> float:
        return 0.0
