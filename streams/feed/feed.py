"""The trainer's feed: drops re-deliveries, fills rows by best fit, hands out Batches, counts conservation.

Its state is that of the last Batch handed out, and lives in the checkpoint (architecture §2.4 to 2.6).
It knows no Kafka: Frames come from a `FrameLog`. On a closed log, read in a fixed rotation of the
partitions, the Batches are the same however often the run was stopped and resumed.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable
from itertools import islice
from math import inf

from model.example import Batch
from model.training.batch import collate
from streams.feed import account
from streams.feed.fit import Fit, Gate, restore
from streams.feed.ledger import Ledger
from streams.feed.log import FrameLog
from streams.feed.replay import Replay
from streams.feed.shuffle import Shuffle
from streams.feed.state import BinItem, Count, FeedState, Limits, encode
from streams.frame import Frame
from streams.marks import Marks, Standing

log = logging.getLogger("midstream.streams")

READ_AHEAD = 16
"""Frames of one partition that wait for their turn before it is paused."""
AHEAD_TOKENS = 1 << 17
"""Of full rows, up to which a live log is read on: what is live is seen behind what is not, and overtakes it."""
LOOKS = 256
"""Frames that are taken ahead between two Batches at most."""


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
        self._shuffle = Shuffle(limits.shuffle, limits.seed, state.delayed, time.monotonic())
        self._replay = Replay(log, fit, limits.replay, limits.seed, self._owned, self._inside)
        self._queues: list[deque[tuple[int, Frame | None]]] = [deque() for _ in range(log.partitions)]
        self._handed: list[list[BinItem]] = []
        self._handed_flushed = 0
        self._flushing = state.flushing
        self._idle_s = 0.0
        """Seconds that were waited, training left out, since the last Frame came."""
        self.changes = 0

    def next(self, timeout_s: float) -> Batch | None:
        deadline = time.monotonic() + timeout_s
        due: float | None = None
        self._look_ahead()
        while len(self._bins.rows) < self._limits.rows and not self._flushing:
            due = self._due()
            if due is not None:
                self._flush(due, self._limits.rows)
                break
            asked = time.monotonic()
            if not self._read(min(0.1, max(0.0, deadline - asked))):
                now = time.monotonic()
                self._idle_s += now - asked
                if now >= deadline:
                    break
        enough = due is not None or self._flushing or len(self._bins.rows) >= self._limits.rows
        if not (enough and self._bins.rows):
            return None
        return self._hand_out()

    def trained(self, step: int) -> None:
        """Write the Batch handed out last to the ledger and count its documents."""
        entries = [e for row in self._handed for item in row for e in account.entries(item, step)]
        self._s.ledger[self._ledger.name] = self._ledger.append(entries)
        self._count_handed()

    def skipped(self) -> None:
        """Give up the Batch handed out last: its documents are named as skipped, and never come again."""
        account.skip(self._s, (item for row in self._handed for item in row))
        self._count_handed()

    def state(self) -> bytes:
        """Of the last trained Batch. A Batch handed out and not yet trained on still belongs to the rows."""
        self._s.delayed = self._shuffle.held
        self._s.open_bins = [list(b) for b in self._bins.open_bins]
        handed, rows = self._handed, [list(row) for row in self._bins.rows]
        full, at = len(handed) - self._handed_flushed, len(rows) - self._flushing
        self._s.rows = [*handed[:full], *rows[:at], *handed[full:], *rows[at:]]
        self._s.flushing = self._flushing + self._handed_flushed
        return encode(self._s)

    def close(self) -> None:
        """Ends the reading of the log, and the ledger's file."""
        self._log.close()
        self._ledger.close()

    @property
    def drained(self) -> bool:
        return not self._handed and self._empty and self._at_end()

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
        open_ = sum(h.example.tokens for row in self._bins.open_bins for h in row)
        return ready, ready + open_ + self._shuffle.tokens

    def summary(self) -> dict[str, int | float]:
        return {"lag": self._log.lag(self._s.offsets), **account.summary(self._s, self._limits.row_tokens)}

    def _look_ahead(self) -> None:
        """Of a live log what has come is taken though rows are full, and what waits for too long has its row closed."""
        if self._limits.closed or self._flushing:
            return
        for _ in range(LOOKS):
            if len(self._bins.rows) * self._limits.row_tokens >= AHEAD_TOKENS or not self._read(0.0):
                break
        late = self._late()
        if late is not None:
            self._flush(late, 0)

    def _flush(self, due: float, rows: int) -> None:
        """Closes what was begun before this moment, and more until there are so many rows. Of a live log that is idle
        no more than those: what comes meanwhile need not wait behind all the others."""
        self._fill(self._shuffle.flush(due))
        before = -inf if due == inf and not self._limits.closed else due
        closed = self._bins.flush(before, rows - len(self._bins.rows))
        self._flushing += closed
        for row in islice(reversed(self._bins.rows), closed):
            used = sum(item.example.tokens for item in row)
            row += self._replay.filling(min(used, self._limits.row_tokens - used), self._s, self._s.replay)

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
        self._idle_s = 0.0
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
        account.taken(s, frame, mark, examples)
        now = time.monotonic()
        for example in examples:
            self._shuffle.add(BinItem(example, frame.source.topic_id, frame.source.partition), now)
            self._fill(self._shuffle.due())
        self._marks.advance(frame.source, frame.upto)
        if self._marks[frame.source] >= s.above.get(frame.source.key, 0):
            s.above.pop(frame.source.key, None)

    def _fill(self, items: Iterable[tuple[BinItem, float]]) -> None:
        """Into the rows, and what is replayed beside them. What is live is in a hurry since the moment that it entered;
        the rest waits until its row is full or the stream is idle."""
        entered = list(items)
        for item, at in entered:
            self._bins.add(item.example.tokens, item, inf if item.example.bulk else at)
        for item, _ in entered:
            for again in self._replay.beside(item.example.tokens, self._s, self._s.replay):
                self._bins.add(again.example.tokens, again, inf)

    def _inside(self) -> set[str]:
        """The documents that are not yet trained on."""
        rows = (*self._handed, *self._bins.rows, *self._bins.open_bins)
        held = (delayed.item for delayed in self._shuffle.held)
        return {name for item in (*held, *(i for row in rows for i in row)) for name in item.names if not item.replayed}

    @property
    def _empty(self) -> bool:
        return self._bins.empty and not len(self._shuffle)

    def _pass(self, frame: Frame, below: int, what: str) -> None:
        """Nothing of the Frame is taken: what is missing below `below` comes again, and what lies behind it, too."""
        key = frame.source.key
        self._s.above[key] = max(below, self._s.above.get(key, 0))
        log.error(
            "%s: offsets %d to %d have not reached the trainer; %s is passed over. Unless they come again behind it, "
            "run `midstream repair`", frame.source, self._marks[frame.source], below - 1, what,
        )  # fmt: skip

    def _count_handed(self) -> None:
        """The rows handed out have left: they and their documents are counted."""
        account.rows(self._s, self._handed, self._handed_flushed)
        for row in self._handed:
            for item in row:
                account.gone(self._s, item)
        self._handed, self._handed_flushed = [], 0
        self.changes += 1

    def _hand_out(self) -> Batch:
        n = min(self._limits.rows, len(self._bins.rows))
        taken = sorted(self._in_turn()[:n])
        full = len(self._bins.rows) - self._flushing
        flushed = sum(at >= full for at in taken)
        rows = [list(self._bins.rows[at]) for at in taken]
        for at in reversed(taken):
            del self._bins.rows[at]
        self._flushing -= flushed
        self._handed, self._handed_flushed = rows, flushed
        limits = self._limits
        examples = [[h.example for h in row] for row in rows]
        again = [[h.replayed for h in row] for row in rows]
        return collate(examples, limits.row_tokens, again, flushed > 0, limits.rows * limits.row_tokens)

    def _in_turn(self) -> list[int]:
        """Places of the complete rows in the order that they are handed out; of a live log first what holds live
        examples. Those that a flush closed stand behind all full ones."""
        places = list(range(len(self._bins.rows)))
        if self._limits.closed:
            return places
        return sorted(places, key=lambda at: not any(_is_live(item) for item in self._bins.rows[at]))

    def _due(self) -> float | None:
        """What was begun before this moment is to be handed on now; None: nothing is."""
        if self._empty:
            return None
        if self._limits.closed:
            return inf if self._at_end() else None
        if self._idle_s > self._limits.idle_s and not any(self._queues):
            return inf
        return self._late()

    def _late(self) -> float | None:
        """A moment, where a live example waits for its row since before it; else None."""
        late = time.monotonic() - self._limits.wait_s
        return late if min(self._bins.oldest, self._shuffle.oldest_live) < late else None

    def _at_end(self) -> bool:
        return not any(self._queues) and all(self._log.ended(p, self._s.offsets[p]) for p in self._owned)


def _is_live(item: BinItem) -> bool:
    return not (item.example.bulk or item.replayed)
