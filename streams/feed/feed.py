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
from math import inf
from typing import Protocol

import msgspec

from model.example import Batch, Example
from model.training.batch import collate
from model.training.bins import Bins
from streams.document import Origin
from streams.feed.ledger import Entry, Ledger
from streams.frame import Frame
from streams.marks import Marks, Standing, tallied

log = logging.getLogger("midstream.streams")

READ_AHEAD = 16
"""Frames of one partition that wait for their turn before it is paused."""


class WrongTokenizer(RuntimeError):
    """Examples were made with another tokenizer than the checkpoint's."""


class NotConserved(RuntimeError):
    """A Frame's tally and its examples disagree: our own bug, and training stops rather than lose count."""


class FrameLog(Protocol):
    """The topic `examples`, partition by partition; all of it, or the partitions of one rank."""

    partitions: int

    def poll(self, timeout_s: float, enough: set[int]) -> list[tuple[int, int, Frame]]:
        """(partition, offset, Frame) in each partition's order, none of the partitions that have `enough`;
        empty when nothing came in time."""
        ...

    def ended(self, partition: int, position: int) -> bool:
        """Nothing at or above `position` is known of this partition now."""
        ...

    def lag(self, positions: list[int]) -> int:
        """Records that are known and not read."""
        ...


class Held(msgspec.Struct):
    """An example in a bin, and where it came from."""

    example: Example
    topic_id: str
    partition: int

    @property
    def origin(self) -> Origin:
        return Origin(self.topic_id, self.partition, self.example.offset, self.example.index)


class Count(msgspec.Struct):
    """Conservation of one source partition: documents = waiting + trained + rejected + dead."""

    topic: str
    documents: int = 0
    trained: int = 0
    rejected: int = 0
    dead: int = 0

    lost: int = 0
    """Offsets that the source no longer held when `midstream repair` passed them; they may have held no document."""

    @property
    def waiting(self) -> int:
        return self.documents - self.trained - self.rejected - self.dead


class Share(msgspec.Struct):
    """What one rank held when the states were merged."""

    rows: int
    """Full ones."""
    flushed: int
    open_bins: int
    turn: int


class State(msgspec.Struct, kw_only=True):
    """All of it as data: what the checkpoint keeps, where it is that of all ranks (`streams.feed.ranks`)."""

    v: int = 1
    tokenizer: str
    offsets: list[int]
    """Next offset of each partition of `examples`."""
    turn: int = 0
    """The partition whose Frame is taken next."""
    marks: dict[str, int]
    """By `Source.key`."""
    above: dict[str, int] = {}
    """Where the highest Frame began that was passed over, by `Source.key`: a gap until the mark has reached it."""
    counts: dict[str, Count] = {}
    dead: set[str] = set()
    replaced: set[str] = set()
    pieces_left: dict[str, int] = {}
    """Of documents of several pieces that are partly trained."""
    open_bins: list[list[Held]] = []
    rows: list[list[Held]] = []
    flushing: int = 0
    """How many of the last rows were closed by a flush."""
    ledger_bytes: int = 0
    """Length of the rank's own ledger."""
    full_rows: int = 0
    full_tokens: int = 0
    flushed_rows: int = 0
    flushed_tokens: int = 0
    rank: int = 0
    ranks: int = 1
    """Partition p is read by rank p % ranks alone."""
    shared: set[str] = set()
    """Documents whose pieces lie in the bins of several ranks: `merge` sees when they are trained."""
    ledgers: dict[int, int] = {}
    """Lengths of the ledgers of ranks that are no more, those that this rank keeps."""
    shares: list[Share] = []
    """Of a merged state, by rank: as many ranks go on just as these would have."""


class Limits(msgspec.Struct, frozen=True):
    """How rows become Batches."""

    row_tokens: int
    """A row's length; a multiple of the context wastes less of it, and no example is longer than the context."""
    rows: int
    open_bins: int = 64
    idle_s: float = 2.0
    """Without a new Frame for so long, open bins are flushed."""
    wait_s: float = 30.0
    """The longest that a document waits in an open row: then the row is flushed, and with it the oldest others that its
    Batch has room for."""
    closed: bool = False
    """Read in the fixed rotation, waiting for each partition, and flush only at the end of all."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(State)


def fresh(tokenizer: str, offsets: Iterable[int], marks: dict[str, int]) -> State:
    """The state of a run that has trained on nothing, from the Genesis."""
    return State(tokenizer=tokenizer, offsets=list(offsets), marks=dict(marks))


def decode(data: bytes) -> State:
    return _decoder.decode(data)


def encode(state: State) -> bytes:
    return _encoder.encode(state)


class Feed:
    """A `model.example.Feed` of one rank: it reads the partitions that the state's rank owns."""

    def __init__(self, log: FrameLog, ledger: Ledger, limits: Limits, state: State) -> None:
        self._log, self._ledger, self._limits = log, ledger, limits
        self._s = state
        self._marks = Marks(state.marks)
        self._bins: Bins[Held] = Bins.restore(
            limits.row_tokens, limits.open_bins, state.open_bins, state.rows,
            size=lambda held: held.example.tokens, now=time.monotonic(),
        )  # fmt: skip
        self._owned = set(range(state.rank, log.partitions, state.ranks))
        self._queues: list[deque[tuple[int, Frame]]] = [deque() for _ in range(log.partitions)]
        self._handed: list[list[Held]] = []
        self._handed_flushed = 0
        self._flushing = state.flushing
        self._last_arrival = time.monotonic()
        ledger.truncate(state.ledger_bytes)

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
        entries = [e for row in self._handed for held in row for e in _entries(held, step)]
        self._s.ledger_bytes = self._ledger.append(entries)
        for row in self._handed:
            for held in row:
                self._count_trained(held)
        self._handed, self._handed_flushed = [], 0

    def state(self) -> bytes:
        """Of the last trained Batch. A Batch handed out and not yet trained on still belongs to the rows."""
        self._s.open_bins = [list(b) for b in self._bins.open_bins]
        self._s.rows = [*self._handed, *(list(r) for r in self._bins.rows)]
        self._s.flushing = self._flushing + self._handed_flushed
        return encode(self._s)

    @property
    def drained(self) -> bool:
        return not self._handed and self._bins.empty and self._at_end()

    @property
    def counts(self) -> dict[str, Count]:
        return self._s.counts

    def summary(self) -> dict[str, int | float]:
        s = self._s
        counts = s.counts.values()
        return {
            "lag": self._log.lag(s.offsets),
            "documents": sum(c.documents for c in counts),
            "waiting": sum(c.waiting for c in counts),
            "trained": sum(c.trained for c in counts),
            "rejected": sum(c.rejected for c in counts),
            "dead": sum(c.dead for c in counts),
            "replaced": len(s.replaced),
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
                offset, frame = self._queues[p].popleft()
                self._s.turn = (p + 1) % n
                self._take(p, offset, frame)
                return True
            if self._limits.closed and not self._log.ended(p, self._s.offsets[p]):
                return False
        return False

    def _take(self, partition: int, offset: int, frame: Frame) -> None:
        """A Frame enters whole: what is not below the mark is counted and goes into the bins."""
        s = self._s
        if offset < s.offsets[partition]:
            return
        if frame.tokenizer != s.tokenizer:
            raise WrongTokenizer(
                f"examples/{partition} at {offset} was made with tokenizer {frame.tokenizer[:12]}, the checkpoint has "
                f"{s.tokenizer[:12]}: train from a new checkpoint folder, or pack again with the old tokenizer"
            )
        s.offsets[partition] = offset + 1
        if self._marks.standing(frame) is Standing.ABOVE:
            self._pass(partition, offset, frame)
            return
        mark = self._marks[frame.source]
        examples = [e for e in frame.examples if e.offset >= mark]
        self._count_taken(frame, mark, examples)
        now = self._last_arrival = time.monotonic()
        for example in examples:
            self._bins.add(example.tokens, Held(example, frame.source.topic_id, frame.source.partition), now)
        self._marks.advance(frame.source, frame.upto)
        if self._marks[frame.source] >= s.above.get(frame.source.key, 0):
            s.above.pop(frame.source.key, None)

    def _pass(self, partition: int, offset: int, frame: Frame) -> None:
        """Nothing of a Frame above the mark is taken: what is missing comes again, and this Frame behind it."""
        key = frame.source.key
        self._s.above[key] = max(frame.start, self._s.above.get(key, 0))
        log.error(
            "%s: offsets %d to %d never reached the trainer; the Frame behind them (examples/%d at %d) is passed over. "
            "Run `midstream repair`", frame.source, self._marks[frame.source], frame.start - 1, partition, offset,
        )  # fmt: skip

    def _count_taken(self, frame: Frame, mark: int, examples: list[Example]) -> None:
        source, found = frame.source, tallied(frame, mark)
        arrived = {(e.offset, index) for e in examples for index in e.indexes}
        if found.alive != len(arrived):
            raise NotConserved(
                f"{source} [{frame.start}, {frame.upto}): {found.alive} documents should be here, {len(arrived)} are"
            )
        count = self._s.counts.setdefault(source.key, Count(source.topic))
        count.documents += found.documents
        count.rejected += found.rejected
        count.dead += len(found.dead)
        count.lost += max(0, frame.upto - mark) if frame.lost else 0
        self._s.dead.update(found.dead)
        self._s.replaced.update(found.replaced)

    def _count_trained(self, held: Held) -> None:
        e = held.example
        if e.pieces > 1:
            name = str(held.origin)
            if name in self._s.shared:
                return
            left = self._s.pieces_left.pop(name, e.pieces) - 1
            if left:
                self._s.pieces_left[name] = left
                return
        self._s.counts[f"{held.topic_id}:{held.partition}"].trained += len(e.indexes)

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

    def _count_rows(self, rows: list[list[Held]], flushed: int) -> None:
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


def retryable(state: State) -> list[str]:
    """The origins that may be retried: dead minus replaced (architecture §2.8)."""
    return sorted(state.dead - state.replaced)


def _entries(held: Held, step: int) -> list[Entry]:
    e = held.example
    return [Entry(held.topic_id, held.partition, e.offset, index, e.piece, e.pieces, step) for index in e.indexes]
