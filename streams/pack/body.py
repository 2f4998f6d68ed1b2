"""A rendering's body with the number of tokens up to every place, so that pieces can be made to fill a context."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from model.fim.fim import Mark
from model.tokens.tokenizer import Tokenizer


class Body:
    """Places are counted in characters over all segments; a sentinel counts as one, and as one token."""

    def __init__(self, segments: Sequence[str], tokenizer: Tokenizer, widths: NDArray[np.int64]) -> None:
        """`widths`: the bytes of each id, `Tokenizer.bytes_of` counted."""
        self._segments = [s for s in segments if s]
        self._text = "".join("\n" if isinstance(s, Mark) else s for s in self._segments)
        starts = np.cumsum([0, *(1 if isinstance(s, Mark) else len(s) for s in self._segments)])
        self._starts = [int(start) for start in starts]
        self._marks = {at for s, at in zip(self._segments, self._starts, strict=False) if isinstance(s, Mark)}
        ends = [
            2 * start + (np.full(1, 2) if isinstance(s, Mark) else _token_ends(s, tokenizer.array(s), widths))
            for s, start in zip(self._segments, self._starts, strict=False)
        ]
        self._ends = np.concatenate([np.zeros(0, np.int64), *ends])
        """Twice the place behind each token, and one more where that is inside the character that follows."""

    @property
    def size(self) -> int:
        return len(self._text)

    def end(self, start: int, tokens: int, slack: int) -> tuple[int, int]:
        """Where a piece of at most `tokens` (at least one) from `start` ends, and how many tokens of the body it holds.

        Behind the last line, or before the last word, that leaves at most `slack` tokens unused; else behind the last
        token that fits. Never between a sentinel and what follows it.
        """
        first = self._passed(start)
        if first + tokens >= len(self._ends):
            return self.size, len(self._ends) - first
        limit = max(start + 1, int(self._ends[first + max(1, tokens) - 1]) // 2)
        floor = max(start + 1, int(self._ends[max(0, first + tokens - 1 - slack)]) // 2 - 1)
        place = self._text.rfind("\n", floor, limit) + 1 or max(0, self._text.rfind(" ", floor, limit)) or limit
        while place - 1 > start and place - 1 in self._marks:
            place -= 1
        return place, self._passed(place) - first

    def between(self, start: int, end: int) -> tuple[str, ...]:
        """The segments of [start, end), the first and the last cut to it."""
        return tuple(self._between(start, end))

    def _between(self, start: int, end: int) -> Iterator[str]:
        for segment, at in zip(self._segments, self._starts, strict=False):
            if isinstance(segment, Mark):
                if start <= at < end:
                    yield segment
            elif at < end and at + len(segment) > start:
                yield segment[max(0, start - at) : end - at]

    def _passed(self, place: int) -> int:
        """Tokens that end at `place` or before it."""
        return int(np.searchsorted(self._ends, 2 * place, side="right"))


def _token_ends(text: str, ids: NDArray[np.int32], widths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Twice the number of whole characters up to the end of each token, and one more where it ends inside the next.

    Where a tokenizer normalises its texts its tokens are spread evenly: the places are then only about right.
    """
    data = np.frombuffer(text.encode(), np.uint8)
    ends = np.cumsum(widths[ids])
    if not len(ends) or ends[-1] != len(data):
        return np.arange(1, len(ids) + 1) * len(text) // max(1, len(ids)) * 2
    begun = np.cumsum((data & 0xC0) != 0x80)
    inside = (np.append(data, 0)[ends] & 0xC0) == 0x80
    return 2 * begun[ends - 1] - inside
