"""A feed's state for several ranks, and back: a run may go on with any other number of ranks (architecture §2.5).

Rank r reads the partitions p with p % ranks == r, fills rows of its own and hands out its own Batches. A checkpoint
holds what `merge` makes of all ranks' states, taken between two steps; `split` deals it out again. Rows stay whole, so
a document's pieces may come to lie on several ranks; then only `merge` can tell that the last was trained on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, TypeVar

import msgspec

from streams.document import Origin
from streams.feed.state import BinItem, Count, Delayed, FeedState, ReplayState, Share, joined

Item = TypeVar("Item")
_FIGURES = ("foreign", "misfits", "full_rows", "full_tokens", "flushed_rows", "flushed_tokens", "capped_bytes")


def split(state: FeedState, ranks: int) -> list[FeedState]:
    """The states of `ranks` ranks that together go on from a merged state.

    For as many ranks as were merged, each gets its own rows back, and goes on as if nothing had been. Raises
    ValueError for a state that is one rank's of several.
    """
    if state.ranks != 1 or ranks < 1:
        raise ValueError(f"a state of {state.ranks} ranks cannot be split for {ranks}: merge it first")
    if ranks == 1 and not state.shares:
        return [state]
    parts = _parts(state, ranks)
    holders = Counter(name for part in parts for name in set(_pieces(part.rows)))
    shared = {name for name, count in holders.items() if count > 1}
    return [_own(state, r, ranks, part, shared) for r, part in enumerate(parts)]


@dataclass(frozen=True)
class _Part:
    """What one rank gets of the rows."""

    full: list[list[BinItem]]
    flushed: list[list[BinItem]]
    open_bins: list[list[BinItem]]
    turn: int
    delayed: list[Delayed]
    replay: ReplayState

    @property
    def rows(self) -> list[list[BinItem]]:
        """With what is on its way to them."""
        return [*self.full, *self.flushed, *self.open_bins, [d.item for d in self.delayed]]


def _parts(state: FeedState, ranks: int) -> list[_Part]:
    shares = state.shares if len(state.shares) == ranks else []
    full, flushed = _rows(state)
    dealt = (
        _dealt(full, ranks, [s.rows for s in shares]),
        _dealt(flushed, ranks, [s.flushed for s in shares]),
        _dealt(state.open_bins, ranks, [s.open_bins for s in shares]),
        [s.turn for s in shares] or [state.turn] * ranks,
        _dealt(state.delayed, ranks, [s.delayed for s in shares]),
        [s.replay for s in shares] or [state.replay, *([ReplayState(state.replay.draws)] * (ranks - 1))],
    )
    return [_Part(*part) for part in zip(*dealt, strict=True)]


def _own(state: FeedState, rank: int, ranks: int, part: _Part, shared: set[str]) -> FeedState:
    """Marks and offsets go to all; what is counted or collected goes to rank 0, and the others begin at nothing.

    That a piece was skipped is known wherever another piece of the document lies.
    """
    first = rank == 0
    pieces = set(_pieces(part.rows))
    return FeedState(
        tokenizer=state.tokenizer, packing=state.packing, offsets=list(state.offsets), turn=part.turn,
        examples=state.examples, marks=dict(state.marks), began=dict(state.began), above=dict(state.above),
        counts={k: msgspec.structs.replace(c) if first else Count(c.topic) for k, c in state.counts.items()},
        dead=set(state.dead if first else ()), replaced=set(state.replaced if first else ()),
        skipped={name for name in state.skipped if first or name in pieces},
        pieces_left={n: left for n, left in state.pieces_left.items() if n in pieces - shared},
        shared=pieces & shared, open_bins=part.open_bins, rows=part.full + part.flushed, flushing=len(part.flushed),
        delayed=part.delayed, barred=set() if first else state.replaced | state.skipped,
        replay=msgspec.structs.replace(part.replay, reserve=list(part.replay.reserve)),
        ledger=dict(state.ledger if first else {}), rank=rank, ranks=ranks,
        **_figures([state] if first else []),
    )  # fmt: skip


def merge(states: Sequence[FeedState]) -> FeedState:
    """One state of all ranks', each as of the same moment between two steps; what a checkpoint holds.

    Raises ValueError unless every rank of one run is there once.
    """
    states = sorted(states, key=lambda s: s.rank)
    ranks = len(states)
    if [(s.rank, s.ranks) for s in states] != [(r, ranks) for r in range(ranks)]:
        raise ValueError(f"not one state of each rank: {[(s.rank, s.ranks) for s in states]}")
    if ranks == 1:
        return states[0]
    split_rows = [_rows(s) for s in states]
    flushed = [row for _, rows in split_rows for row in rows]
    merged = FeedState(
        tokenizer=states[0].tokenizer, packing=states[0].packing, examples=states[0].examples, turn=states[0].turn,
        offsets=[max(offsets) for offsets in zip(*(s.offsets for s in states), strict=True)],
        marks={key: max(s.marks[key] for s in states) for key in states[0].marks},
        began=dict(states[0].began), above=_above(states),
        counts=_summed(states), dead=set().union(*(s.dead for s in states)),
        replaced=set().union(*(s.replaced for s in states)), skipped=set().union(*(s.skipped for s in states)),
        open_bins=[b for s in states for b in s.open_bins],
        rows=[row for rows, _ in split_rows for row in rows] + flushed, flushing=len(flushed),
        delayed=[d for s in states for d in s.delayed], replay=_replay(states),
        ledger=dict(sorted(item for s in states for item in s.ledger.items())),
        shares=[
            Share(len(rows), len(closed), len(s.open_bins), s.turn, len(s.delayed), s.replay)
            for s, (rows, closed) in zip(states, split_rows, strict=True)
        ],
        **_figures(states),
    )  # fmt: skip
    _count_shared(merged, set().union(*(s.shared for s in states)))
    return merged


def _replay(states: Sequence[FeedState]) -> ReplayState:
    """Of all ranks, for another number of them."""
    own = [s.replay for s in states]
    return ReplayState(
        draws=max(r.draws for r in own), owed=sum(r.owed for r in own), patience=sum(r.patience for r in own),
        pause=max(r.pause for r in own), reserve=[i for r in own for i in r.reserve],
        examples=sum(r.examples for r in own), tokens=sum(r.tokens for r in own),
    )  # fmt: skip


def _above(states: Sequence[FeedState]) -> dict[str, int]:
    """The gaps that are still open: a rank's copy of another's gap may be older than that rank's mark."""
    highest = {key: max(s.above.get(key, 0) for s in states) for s in states for key in s.above}
    return {key: at for key, at in sorted(highest.items()) if at > max(s.marks[key] for s in states)}


def _figures(states: Sequence[FeedState]) -> Any:
    return {name: sum(getattr(s, name) for s in states) for name in _FIGURES}


def _rows(state: FeedState) -> tuple[list[list[BinItem]], list[list[BinItem]]]:
    """The full ones, and those that a flush closed."""
    at = len(state.rows) - state.flushing
    return state.rows[:at], state.rows[at:]


def _dealt(items: list[Item], ranks: int, sizes: list[int]) -> list[list[Item]]:
    """Runs of `sizes`; without any, one to each rank in turn."""
    if not sizes:
        return [items[r::ranks] for r in range(ranks)]
    return [items[one:other] for one, other in pairwise(accumulate(sizes, initial=0))]


def _pieces(rows: Sequence[list[BinItem]]) -> Iterator[str]:
    """The document of every piece, as often as it is held; what is replayed holds nothing back."""
    return (str(item.origin) for row in rows for item in row if item.example.pieces > 1 and not item.replayed)


def _summed(states: Sequence[FeedState]) -> dict[str, Count]:
    total: dict[str, Count] = {}
    for state in states:
        for key, count in state.counts.items():
            into = total.setdefault(key, Count(count.topic))
            for name in ("documents", "trained", "rejected", "dead", "lost", "skipped"):
                setattr(into, name, getattr(into, name) + getattr(count, name))
            into.given_up = joined([*into.given_up, *count.given_up])
    return total


def _count_shared(merged: FeedState, shared: set[str]) -> None:
    """A document is trained when no piece of it is left in a row; of those that are, so many are left."""
    waiting = list(merged.waiting)
    of = {str(h.origin): h.example.pieces for h in waiting if h.example.pieces > 1}
    merged.pieces_left = {name: left for name, left in sorted(Counter(_pieces([waiting])).items()) if left < of[name]}
    for name in shared - of.keys():
        origin = Origin.parse(name)
        count = merged.counts[f"{origin.topic_id}:{origin.partition}"]
        if name in merged.skipped:
            count.skipped += 1
        else:
            count.trained += 1
