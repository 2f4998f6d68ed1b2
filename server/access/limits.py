"""How often and how many at once: a bucket for the rate and a count for what runs, both by the token's name."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from server.access.tokens import Token

AGAIN_S = 1.0
"""When to try again where too many run: nobody knows when one of them ends."""


class TooMany(Exception):
    """The limit is reached; the message is for the client."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s

    @property
    def seconds(self) -> int:
        """Whole ones, as headers have them."""
        return max(1, math.ceil(self.retry_after_s))


@dataclass
class _Bucket:
    left: float
    at: float
    """On the clock, when so much was left."""


class Limits:
    """In one thread; state is kept by name, so that a file that is read again resets nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._running: Counter[str] = Counter()

    def take(self, token: Token) -> None:
        """Counts one request. Raises TooMany."""
        if not token.rate:
            return
        now = self._clock()
        bucket = self._buckets.setdefault(token.name, _Bucket(token.burst, now))
        bucket.left = min(token.burst, bucket.left + (now - bucket.at) * token.rate)
        bucket.at = now
        if bucket.left < 1 - 1e-9:
            wait = (1 - bucket.left) / token.rate
            raise TooMany(f"too many requests: try again in {max(1, math.ceil(wait))} s", wait)
        bucket.left -= 1

    @contextmanager
    def running(self, token: Token) -> Iterator[None]:
        """While one runs. Raises TooMany."""
        if token.concurrent and self._running[token.name] >= token.concurrent:
            raise TooMany(f"{token.concurrent} requests run, which is the most at once: try again", AGAIN_S)
        self._running[token.name] += 1
        try:
            yield
        finally:
            self._running[token.name] -= 1
