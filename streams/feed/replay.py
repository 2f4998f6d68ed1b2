"""Replay: what was trained on before is read again from earlier offsets of `examples`, so that it is not forgotten.

Which, is drawn by a keyed hash of the number of the draw: a record uniformly among those below the feed's offsets, then
some of its examples. Replayed examples are counted apart: in no ledger, in no count of documents, in no score.

A row that a flush closes before it is full gets more of them, at most as many tokens as it has: a stream that has grown
slow hands on a commit at a time, and weights that see nothing else for a while forget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

from model.example import Example
from streams.draw import unit
from streams.feed.fit import Fit
from streams.feed.log import FrameLog
from streams.feed.state import BinItem, FeedState, ReplayState
from streams.frame import Frame

PART = 8
"""Of a record one example in so many is taken; a record of fewer with their share of the chance, so that every example
is as likely as any other."""
TRIES = 24
"""Draws after which the rest waits: a young log holds little, and small records are often passed."""
PAUSE = 512
"""Tokens that must be owed beyond these before it is tried again: a draw reads a record of the log. Twice as many each
time that nothing was found."""
FILLING_DRAWS = 8
"""For one row."""
MOST_RESERVED = 64
"""Examples that are held for a row which they fit."""
MOST_OWED = 1 << 16
"""Tokens; what could not be drawn beyond it, because the log held nothing that may be replayed, is forgiven."""


class Replay:
    """The replayed examples of one rank. Its state is `ReplayState`."""

    def __init__(
        self, log: FrameLog, fit: Fit, share: float, seed: int, owned: set[int], inside: Callable[[], set[str]]
    ) -> None:  # fmt: skip
        """`share`: of all tokens that are trained on, from 0 to below 1; `inside`: the documents that wait."""
        self._log, self._fit, self._share, self._seed = log, fit, share, seed
        self._owned, self._inside = sorted(owned), inside

    def beside(self, tokens: int, feed: FeedState, own: ReplayState) -> list[BinItem]:
        """What goes into the rows beside so many fresh tokens."""
        if not self._share:
            return []
        own.owed = min(float(MOST_OWED), own.owed + tokens * self._share / (1 - self._share))
        items: list[BinItem] = []
        while own.owed >= 1 and (own.reserve or self._drawn(feed, own)):
            items.append(_taken(own, 0))
        return items

    def filling(self, room: int, feed: FeedState, own: ReplayState) -> list[BinItem]:
        """What goes into the room, tokens, of a row that is closed: the first ones in reserve that fit."""
        if not self._share:
            return []
        items, inside, draws = list[BinItem](), self._inside(), FILLING_DRAWS
        while room:
            fits = (n for n, item in enumerate(own.reserve) if item.example.tokens <= room)
            if (at := next(fits, None)) is not None:
                items.append(_taken(own, at))
                room -= items[-1].example.tokens
                own.owed = max(0.0, own.owed)
            elif draws and len(own.reserve) < MOST_RESERVED and self._draw(feed, own, inside):
                draws -= 1
            else:
                break
        return items

    def _drawn(self, feed: FeedState, own: ReplayState) -> bool:
        """Whether something is in reserve after some draws; where nothing is, the next ones are put off."""
        if own.owed < own.patience:
            return False
        inside = self._inside()
        for _ in range(TRIES):
            if not self._draw(feed, own, inside):
                break
            if own.reserve:
                own.patience, own.pause = 1.0, PAUSE
                return True
        own.owed = min(own.owed, float(MOST_OWED - own.pause))
        own.patience = own.owed + own.pause
        own.pause = min(2 * own.pause, MOST_OWED // 2)
        return False

    def _draw(self, feed: FeedState, own: ReplayState, inside: set[str]) -> bool:
        """One record; false where there is none to draw from, or the broker is away."""
        place = self._place(feed, own)
        if place is None:
            return False
        found, frame = self._log.earlier(*place)
        if not found:
            return False
        own.draws += 1
        if frame is not None and self._fit.takes(frame):
            own.reserve += self._chosen(frame, feed, own.draws, inside)
        return True

    def _place(self, feed: FeedState, own: ReplayState) -> tuple[int, int] | None:
        """Partition and offset."""
        firsts = [min(self._log.first(p), feed.offsets[p]) for p in self._owned]
        ends = [0]
        for p, first in zip(self._owned, firsts, strict=True):
            ends.append(ends[-1] + feed.offsets[p] - first)
        if not ends[-1]:
            return None
        at = int(unit(_bytes(own.draws), "record", self._seed) * ends[-1])
        for (start, end), p, first in zip(pairwise(ends), self._owned, firsts, strict=True):
            if at < end:
                return p, first + at - start
        raise AssertionError

    def _chosen(self, frame: Frame, feed: FeedState, draw: int, inside: set[str]) -> Iterator[BinItem]:
        """One example in `PART`, by their hashes: none that was replaced, skipped or not trained on yet."""
        source, below = frame.source, feed.marks.get(frame.source.key, 0)
        at = source.topic_id, source.partition
        items = [BinItem(e, *at, replayed=True) for e in frame.examples if e.offset < below]
        keyed = sorted((unit(_key(draw, item.example), "example", self._seed), n) for n, item in enumerate(items))
        count, rest = divmod(len(items), PART)
        count += unit(_bytes(draw), "rest", self._seed) < rest / PART
        barred = feed.replaced | feed.skipped | feed.barred | inside
        for _, n in keyed[:count]:
            if barred.isdisjoint(items[n].names):
                yield items[n]


def _taken(own: ReplayState, at: int) -> BinItem:
    """Out of the reserve, counted."""
    item = own.reserve.pop(at)
    own.owed -= item.example.tokens
    own.examples += 1
    own.tokens += item.example.tokens
    return item


def _bytes(draw: int) -> bytes:
    return draw.to_bytes(8, "little")


def _key(draw: int, example: Example) -> bytes:
    return _bytes(draw) + f"{example.offset}:{example.index}:{example.piece}".encode()
