"""The trainer's feed: drops re-deliveries, fills rows by best fit, hands out Batches, counts conservation.

Its state is that of the last Batch handed out, and lives in the checkpoint (architecture §2.4 to 2.6).
It knows no Kafka: Frames come from a `FrameLog`. On a closed log, read in a fixed rotation of the
partitions, the Batches are the same however often the run was stopped and resumed.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from math import inf

from model.example import Batch, Example
from model.training.batch import collate
from streams.feed.fit import Fit, Gate, restore
from streams.feed.ledger import Entry, Ledger
from streams.feed.log import FrameLog
from streams.feed.state import BinItem, Count, FeedState, Limits, encode
from streams.frame import Frame
from streams.marks import Marks, Standing, tallied

log = logging.getLogger("midstream.streams")

READ_AHEAD = 16
"""Frames of one partition that wait for their turn before it is paused."""
NAMED = 8
"""Origins that one line of the log names."""


class NotConserved(RuntimeError):
    """A Frame's tally and its examples disagree: our own bug, and training stops rather than lose count."""


class Feed:
    """A `model.example.BatchSource` of one rank: it reads the partitions that the state's rank owns."""

    def __init__(self, log: FrameLog, ledger: Ledger, limits: Limits, state: FeedState) -> None:
        self._log, self._ledger, self._limits = log, ledger, limits
        self._s = state
        self._marks = Marks(state.marks)
        self._bins = restore(state, limits)
        fit = Fit(state.tokenizer, state.packing, limits.context or limits.row_tokens)
        self._gate = Gate(fit, log)
        self._owned = set(range(state.rank, log.partitions, state.ranks))
        self._queues: list[deque[tuple[int, Frame | None]]] = [deque() for _ in range(log.partitions)]
        self._handed: list[list[BinItem]] = []
        self._handed_flushed = 0
        self._flushing = state.flushing
        self._last_arrival = time.monotonic()
        self.changes = 0

    def next(self, timeout_s: float) -> Batch | None:
        deadline = time.monotonic() + timeout_s
        due: float | None = None
        while len(self._bins.rows) < self._limits.rows and not self._flushing:
            due = self._due()
            if due is not None:
                self._flushing += self._bins.flush(before=due, least=self._limits.rows - len(self._bins.rows))
                break
            if not self._read(min(0.1, max(0.0, deadline - time.monotonic()))) and time.monotonic() >= deadline:
                break
        enough = due is not None or self._flushing or len(self._bins.rows) >= self._limits.rows
        if not (enough and self._bins.rows):
            return None
        return self._hand_out()

    def trained(self, step: int) -> None:
        """Write the Batch handed out last to the ledger and count its documents."""
        entries = [e for row in self._handed for item in row for e in _entries(item, step)]
        self._s.ledger[self._ledger.name] = self._ledger.append(entries)
        self._count_handed()

    def skipped(self) -> None:
        """Give up the Batch handed out last: its documents are named as skipped, and never come again."""
        names = [name for row in self._handed for item in row for name in item.names]
        self._s.skipped.update(names)
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        log.error("%d documents are skipped: %s%s", len(names), ", ".join(names[:NAMED]), more)
        self._count_handed()

    def state(self) -> bytes:
        """Of the last trained Batch. A Batch handed out and not yet trained on still belongs to the rows."""
        self._s.open_bins = [list(b) for b in self._bins.open_bins]
        self._s.rows = [*self._handed, *(list(r) for r in self._bins.rows)]
        self._s.flushing = self._flushing + self._handed_flushed
        return encode(self._s)

    def close(self) -> None:
        """Ends the reading of the log, and the ledger's file."""
        self._log.close()
        self._ledger.close()

    @property
    def drained(self) -> bool:
        return not self._handed and self._bins.empty and self._at_end()

    @property
    def counts(self) -> dict[str, Count]:
        return self._s.counts

    @property
    def marks(self) -> dict[str, int]:
        """By source, `topic id:partition`: the offset below which everything was taken."""
        return dict(self._s.marks)

    def waiting_tokens(self) -> tuple[int, int]:
        """Tokens of complete rows, and of all rows, not yet trained on."""
        ready = sum(h.example.tokens for rows in (self._handed, self._bins.rows) for row in rows for h in row)
        return ready, ready + sum(h.example.tokens for row in self._bins.open_bins for h in row)

    def summary(self) -> dict[str, int | float]:
        s = self._s
        counts = s.counts.values()
        return {
            "lag": self._log.lag(s.offsets),
            "documents": sum(c.documents for c in counts),
            "waiting": sum(c.waiting for c in counts),
            "trained": sum(c.trained for c in counts),
            "skipped": sum(c.skipped for c in counts),
            "rejected": sum(c.rejected for c in counts),
            "dead": sum(c.dead for c in counts),
            "replaced": len(s.replaced),
            "foreign": s.foreign,
            "use": round(s.full_tokens / max(1, s.full_rows * self._limits.row_tokens), 5),
            "full_rows": s.full_rows,
            "flushed_rows": s.flushed_rows,
            "flushed_use": round(s.flushed_tokens / max(1, s.flushed_rows * self._limits.row_tokens), 5),
        }

    def _read(self, timeout_s: float) -> bool:
        """Take one Frame, in the rotation's order; False when none came."""
        if self._take_turn():
            return True
        enough = {p for p, queue in enumerate(self._queues) if p not in self._owned or len(queue) >= READ_AHEAD}
        for partition, offset, frame in self._log.poll(timeout_s, enough):
            self._queues[partition].append((offset, frame))
        return self._take_turn()

    def _take_turn(self) -> bool:
        n = self._log.partitions
        for step in range(n):
            p = (self._s.turn + step) % n
            if p not in self._owned:
                continue
            if self._queues[p]:
                self._take(p, *self._queues[p][0])
                self._queues[p].popleft()
                self._s.turn = (p + 1) % n
                return True
            if self._limits.closed and not self._log.ended(p, self._s.offsets[p]):
                return False
        return False

    def _take(self, partition: int, offset: int, frame: Frame | None) -> None:
        """A Frame enters whole: what is not below the mark is counted and goes into the bins.

        What raises does so before anything has changed, so that the state may be kept.
        """
        s = self._s
        if frame is None:
            log.error("examples/%d at %d holds no Frame of ours that can be read: it is passed over", partition, offset)
            s.foreign += 1
        else:
            self._take_frame(partition, offset, frame)
        s.offsets[partition] = offset + 1
        self.changes += 1

    def _take_frame(self, partition: int, offset: int, frame: Frame) -> None:
        """Of a Frame that was taken before, nothing is looked at: it need not fit."""
        standing, at = self._marks.standing(frame), f"examples/{partition} at {offset}"
        if standing is not Standing.REPEATED and self._gate.passes(partition, offset, frame):
            self._s.misfits += 1
            self._pass(frame, frame.upto, f"{at}, which was packed under another setting,")
        elif standing is Standing.ABOVE:
            self._pass(frame, frame.start, f"the Frame behind them ({at})")
        else:
            self._take_new(frame)

    def _take_new(self, frame: Frame) -> None:
        """What of a Frame is not below the mark; the mark moves to its end."""
        s, mark = self._s, self._marks[frame.source]
        examples = [e for e in frame.examples if e.offset >= mark]
        self._count_taken(frame, mark, examples)
        now = self._last_arrival = time.monotonic()
        for example in examples:
            self._bins.add(example.tokens, BinItem(example, frame.source.topic_id, frame.source.partition), now)
        self._marks.advance(frame.source, frame.upto)
        if self._marks[frame.source] >= s.above.get(frame.source.key, 0):
            s.above.pop(frame.source.key, None)

    def _pass(self, frame: Frame, below: int, what: str) -> None:
        """Nothing of the Frame is taken: what is missing below `below` comes again, and what lies behind it, too."""
        key = frame.source.key
        self._s.above[key] = max(below, self._s.above.get(key, 0))
        log.error(
            "%s: offsets %d to %d have not reached the trainer; %s is passed over. Unless they come again behind it, "
            "run `midstream repair`", frame.source, self._marks[frame.source], below - 1, what,
        )  # fmt: skip

    def _count_taken(self, frame: Frame, mark: int, examples: list[Example]) -> None:
        source, new = frame.source, tallied(frame, mark)
        arrived = {(e.offset, index) for e in examples for index in e.indexes}
        if new.alive != len(arrived):
            raise NotConserved(
                f"{source} [{frame.start}, {frame.upto}): {new.alive} documents should be here, {len(arrived)} are"
            )
        count = self._s.counts.setdefault(source.key, Count(source.topic))
        count.documents += new.documents
        count.rejected += new.rejected
        count.dead += len(new.dead)
        if frame.lost and frame.upto > mark:
            count.give_up(mark, frame.upto)
        self._s.dead.update(new.dead)
        self._s.replaced.update(new.replaced)

    def _count_handed(self) -> None:
        """The rows handed out have left: their documents are counted."""
        for row in self._handed:
            for item in row:
                self._count_gone(item)
        self._handed, self._handed_flushed = [], 0
        self.changes += 1

    def _count_gone(self, item: BinItem) -> None:
        """A document is trained when its last piece has left the rows, or skipped when any piece of it was."""
        e = item.example
        name = str(item.origin)
        if e.pieces > 1:
            if name in self._s.shared:
                return
            left = self._s.pieces_left.pop(name, e.pieces) - 1
            if left:
                self._s.pieces_left[name] = left
                return
        count = self._s.counts[f"{item.topic_id}:{item.partition}"]
        if name in self._s.skipped:
            count.skipped += len(e.indexes)
        else:
            count.trained += len(e.indexes)

    def _hand_out(self) -> Batch:
        n = min(self._limits.rows, len(self._bins.rows))
        rows = [list(self._bins.rows.popleft()) for _ in range(n)]
        # Nothing is read while flushed rows are left, so they stand behind all full ones.
        flushed = min(n, max(0, self._flushing - len(self._bins.rows)))
        self._flushing -= flushed
        self._count_rows(rows, flushed)
        self._handed, self._handed_flushed = rows, flushed
        limits = self._limits
        examples = [[h.example for h in row] for row in rows]
        return collate(examples, limits.row_tokens, flushed=flushed > 0, capacity=limits.rows * limits.row_tokens)

    def _count_rows(self, rows: list[list[BinItem]], flushed: int) -> None:
        sizes = [sum(h.example.tokens for h in row) for row in rows]
        full = len(rows) - flushed
        self._s.full_rows += full
        self._s.full_tokens += sum(sizes[:full])
        self._s.flushed_rows += flushed
        self._s.flushed_tokens += sum(sizes[full:])

    def _due(self) -> float | None:
        """What was begun before this moment is to be handed on now; None: nothing is."""
        if self._bins.empty:
            return None
        if self._limits.closed:
            return inf if self._at_end() else None
        now = time.monotonic()
        if now - self._last_arrival > self._limits.idle_s and not any(self._queues):
            return inf
        return now - self._limits.wait_s if now - self._bins.oldest > self._limits.wait_s else None

    def _at_end(self) -> bool:
        return not any(self._queues) and all(self._log.ended(p, self._s.offsets[p]) for p in self._owned)


def _entries(item: BinItem, step: int) -> list[Entry]:
    e = item.example
    return [Entry(item.topic_id, item.partition, e.offset, index, e.piece, e.pieces, step) for index in e.indexes]
