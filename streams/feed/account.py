"""Conservation: what became of the documents that the feed took, by source partition (architecture §2.6)."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from model.example import Example
from streams.feed.ledger import Entry
from streams.feed.state import BinItem, Count, FeedState
from streams.frame import Frame
from streams.marks import tallied

log = logging.getLogger("midstream.streams")

NAMED = 8
"""Origins that one line of the log names."""


class NotConserved(RuntimeError):
    """A Frame's tally and its examples disagree: our own bug, and training stops rather than lose count."""


def taken(state: FeedState, frame: Frame, mark: int, examples: list[Example]) -> None:
    """Counts what of a Frame is not below the mark. Raises NotConserved."""
    source, new = frame.source, tallied(frame, mark)
    arrived = {(e.offset, index) for e in examples for index in e.indexes}
    if new.alive != len(arrived):
        raise NotConserved(
            f"{source} [{frame.start}, {frame.upto}): {new.alive} documents should be here, {len(arrived)} are"
        )
    count = state.counts.setdefault(source.key, Count(source.topic))
    count.documents += new.documents
    count.rejected += new.rejected
    count.dead += len(new.dead)
    if frame.lost and frame.upto > mark:
        count.give_up(mark, frame.upto)
    state.dead.update(new.dead)
    state.replaced.update(new.replaced)
    state.capped_bytes += sum(e.capped_bytes for e in examples)


def skip(state: FeedState, items: Iterable[BinItem]) -> None:
    """Names the documents whose Batch was given up; they are counted when they leave."""
    names = [name for item in items if not item.replayed for name in item.names]
    state.skipped.update(names)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    log.error("%d documents are skipped: %s%s", len(names), ", ".join(names[:NAMED]), more)


def gone(state: FeedState, item: BinItem) -> None:
    """Counts one that has left the rows. A document is trained when its last piece has, or skipped when any piece of it
    was; what is replayed counted when it was trained first."""
    e = item.example
    if item.replayed:
        return
    name = str(item.origin)
    if e.pieces > 1:
        if name in state.shared:
            return
        left = state.pieces_left.pop(name, e.pieces) - 1
        if left:
            state.pieces_left[name] = left
            return
    count = state.counts[f"{item.topic_id}:{item.partition}"]
    if name in state.skipped:
        count.skipped += len(e.indexes)
    else:
        count.trained += len(e.indexes)


def rows(state: FeedState, handed: list[list[BinItem]], flushed: int) -> None:
    """Counts how well the rows of a Batch are filled, of which the last `flushed` were closed by a flush."""
    sizes = [sum(h.example.tokens for h in row) for row in handed]
    full = len(handed) - flushed
    state.full_rows += full
    state.full_tokens += sum(sizes[:full])
    state.flushed_rows += flushed
    state.flushed_tokens += sum(sizes[full:])


def summary(state: FeedState, row_tokens: int) -> dict[str, int | float]:
    """Figures for the progress line and the manifest."""
    s, counts = state, state.counts.values()
    figures: dict[str, int | float] = {
        name: sum(getattr(c, name) for c in counts)
        for name in ("documents", "waiting", "trained", "skipped", "rejected", "dead")
    }
    return figures | {
        "replaced": len(s.replaced),
        "foreign": s.foreign,
        "replayed": s.replay.examples,
        "replayed_tokens": s.replay.tokens,
        "capped_bytes": s.capped_bytes,
        "use": round(s.full_tokens / max(1, s.full_rows * row_tokens), 5),
        "full_rows": s.full_rows,
        "flushed_rows": s.flushed_rows,
        "flushed_use": round(s.flushed_tokens / max(1, s.flushed_rows * row_tokens), 5),
    }


def entries(item: BinItem, step: int) -> list[Entry]:
    """Of the ledger; none of what is replayed."""
    e = item.example
    indexes = () if item.replayed else e.indexes
    return [Entry(item.topic_id, item.partition, e.offset, index, e.piece, e.pieces, step) for index in indexes]
