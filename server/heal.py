"""Which tokens agree with bytes that are already written: what was taken back at the cursor must come again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Spellings:
    """The vocabulary in the order of its bytes."""

    def __init__(self, bytes_of: Sequence[bytes]) -> None:
        self._sorted = sorted((data, i) for i, data in enumerate(bytes_of) if data)
        self._keys = [data for data, _ in self._sorted]
        self._id = dict(self._sorted)

    def agreeing(self, written: bytes) -> list[int]:
        """Ids of the tokens that begin with `written`, and of those that `written` begins with."""
        at = bisect_left(self._keys, written)
        ids: list[int] = []
        while at < len(self._keys) and self._keys[at].startswith(written):
            ids.append(self._sorted[at][1])
            at += 1
        return ids + [self._id[written[:n]] for n in range(1, len(written)) if written[:n] in self._id]
