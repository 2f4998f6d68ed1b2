"""Repositories read side by side: each has its turn in every round, and none more than its share of the stream."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from streams.sources.git.reader import METERED, Reader

OPEN = 32
"""Histories open at a time, each with two programs and ten or so files; a further one opens when one is read."""
SHARED_BYTES = 1 << 20
"""Below this no repository's share is looked at."""
METER_S = 0.25
"""How often the meter is asked for room."""


def rounds(
    readers: Sequence[Reader], stop: threading.Event, follow: bool, interval: float, share: float = 1.0
) -> Iterator[None]:
    """Gives every reader its turn, round after round, until all are done or `stop` is set.

    With `follow` those at their end look for new commits and those that failed try again, for ever. All present trees
    come before any past. `share`: of what is sent of both, the most that one has while others have some left.
    """
    left = list(readers)
    while left and not stop.is_set():
        busy = False
        lanes = METERED[:1] if any(reader.has_tree for reader in left) else METERED
        cap = max(SHARED_BYTES, share * sum(reader.progress.metered_bytes for reader in left))
        for reader in left:
            may_open = sum(other.is_open for other in left) < OPEN
            if not stop.is_set() and (reader.is_open or may_open):
                # It waits for those alone that have a turn in the same lanes: nobody waits for one that waits itself.
                behind = (o for o in left if o.progress.metered_bytes <= cap and o.has_more_of(lanes))
                waits = reader.progress.metered_bytes > cap and any(o.is_open or may_open for o in behind)
                busy |= reader.turn(stop, interval, () if waits else lanes)
        yield
        left = [reader for reader in left if not reader.is_done] if not follow else left
        left = left[1:] + left[:1]  # who comes first has the room that the meter leaves
        if not busy and left:
            stop.wait(min(interval, METER_S) if any(reader.has_more for reader in left) else interval)
