"""The feed's state as data: what a checkpoint keeps of it (architecture §2.5), and the limits that rows are made by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from model.example import Example
from model.manifest import CheckpointError
from streams.document import Origin
from streams.feed import ledger

VERSION = 2
"""1 named ledgers by rank, and knew one file of each."""


class BinItem(msgspec.Struct):
    """An example in a bin, and where it came from."""

    example: Example
    topic_id: str
    partition: int
    replayed: bool = False
    """It was trained on before, and is counted apart."""

    @property
    def origin(self) -> Origin:
        return Origin(self.topic_id, self.partition, self.example.offset, self.example.index)

    @property
    def names(self) -> list[str]:
        """The origins of all documents that the example holds, or holds a piece of."""
        at = self.topic_id, self.partition, self.example.offset
        return [str(Origin(*at, index)) for index in self.example.indexes]


class Count(msgspec.Struct):
    """Conservation of one source partition: documents = waiting + trained + skipped + rejected + dead."""

    topic: str
    documents: int = 0
    trained: int = 0
    rejected: int = 0
    dead: int = 0

    lost: int = 0
    """Offsets that the source no longer held when `midstream repair` passed them; they may have held no document."""
    skipped: int = 0
    """Documents of which a piece was in a Batch that gave no finite gradient."""
    given_up: list[tuple[int, int]] = []
    """The offsets that `lost` counts, half open and ascending; those of earlier versions were counted alone."""

    def give_up(self, start: int, upto: int) -> None:
        """Count [start, upto) as lost."""
        self.lost += upto - start
        self.given_up = joined([*self.given_up, (start, upto)])

    @property
    def waiting(self) -> int:
        return self.documents - self.trained - self.skipped - self.rejected - self.dead


def joined(stretches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The half-open stretches in ascending order, those that touch as one."""
    whole: list[tuple[int, int]] = []
    for start, upto in sorted(stretches):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(upto, whole[-1][1]))
        else:
            whole.append((start, upto))
    return whole


def ranges(stretches: Iterable[tuple[int, int]]) -> str:
    """`3 to 5, 9 to 9`: for a person, both ends included."""
    return ", ".join(f"{start} to {upto - 1}" for start, upto in stretches)


class Delayed(msgspec.Struct):
    """An example in the shuffle."""

    item: BinItem
    left: int
    """Tokens that enter before it leaves."""


class ReplayState(msgspec.Struct):
    """How far replay has come, and what it holds."""

    draws: int = 0
    owed: float = 0.0
    """Tokens that are to be replayed for what was trained on."""
    patience: float = 1.0
    """Tokens owed from which on records are drawn: more after draws that found nothing."""
    pause: int = 512
    """By how many more, the next time."""
    reserve: list[BinItem] = []
    """Drawn, and not yet in a row."""
    examples: int = 0
    """That were replayed."""
    tokens: int = 0


class Share(msgspec.Struct):
    """What one rank held when the states were merged."""

    rows: int
    """Full ones."""
    flushed: int
    open_bins: int
    turn: int
    delayed: int = 0
    replay: ReplayState = msgspec.field(default_factory=ReplayState)


class FeedState(msgspec.Struct, kw_only=True):
    """All of it as data: what the checkpoint keeps, where it is that of all ranks (`streams.feed.ranks`)."""

    v: int = VERSION
    tokenizer: str
    packing: str = ""
    """How every Frame must be packed (`model.fim.formats.packing`); empty: written before Frames said it."""
    offsets: list[int]
    """Next offset of each partition of `examples`."""
    examples: str = ""
    """The id of the topic that these are offsets of; empty: written before states said it."""
    turn: int = 0
    """The partition whose Frame is taken next."""
    marks: dict[str, int]
    """By `Source.key`."""
    began: dict[str, int] = {}
    """Where the marks of a run began that went on from what was left, by `Source.key`; absent: at the Genesis. Counts
    speak of what is at or above them."""
    above: dict[str, int] = {}
    """Below which offset something is missing before a Frame that was passed over, or in one that did not fit, by
    `Source.key`: a gap until the mark has reached it."""
    counts: dict[str, Count] = {}
    dead: set[str] = set()
    replaced: set[str] = set()
    skipped: set[str] = set()
    """Documents of which a piece was skipped; each is counted when its last piece has left the rows."""
    pieces_left: dict[str, int] = {}
    """Of documents of several pieces that are partly trained."""
    open_bins: list[list[BinItem]] = []
    rows: list[list[BinItem]] = []
    flushing: int = 0
    """How many of the last rows were closed by a flush."""
    delayed: list[Delayed] = []
    """In the shuffle, in the order that they leave it in."""
    replay: ReplayState = msgspec.field(default_factory=ReplayState)
    capped_bytes: int = 0
    """UTF-8 bytes of documents that stand in no example, since a commit's tokens are capped."""
    ledger: dict[str, int] = {}
    """Bytes that count of each ledger file, by its name; what stands behind them was undone."""
    foreign: int = 0
    """Records of `examples` that were passed over: somebody else's, or damaged ones."""
    misfits: int = 0
    """Frames that were passed over, since they were packed under another setting and others that fit came behind."""
    full_rows: int = 0
    full_tokens: int = 0
    flushed_rows: int = 0
    flushed_tokens: int = 0
    rank: int = 0
    ranks: int = 1
    """Partition p is read by rank p % ranks alone."""
    barred: set[str] = set()
    """Of one rank of several: the origins that others know to be replaced or skipped, so that none is replayed."""
    shared: set[str] = set()
    """Documents whose pieces lie in the bins of several ranks: `merge` sees when they are trained."""
    shares: list[Share] = []
    """Of a merged state, by rank: as many ranks go on just as these would have."""

    @property
    def waiting(self) -> Iterator[BinItem]:
        """What was taken and is not yet trained on."""
        rows = (item for row in (*self.open_bins, *self.rows) for item in row)
        return (item for item in (*(d.item for d in self.delayed), *rows) if not item.replayed)


class _Version1(msgspec.Struct):
    """What a state of version 1 said of ledgers: bytes of the rank's own, and of others by rank."""

    rank: int = 0
    ledger_bytes: int = 0
    ledgers: dict[int, int] = {}


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
    context: int = 0
    """Tokens that one example may have; 0: as many as a row."""
    shuffle: int = 0
    """Tokens of the window that examples are shuffled in; 0: they are trained in the log's order."""
    replay: float = 0.0
    """Of all tokens, the share that was trained on before."""
    seed: int = 0
    """Of the keyed choices."""


_encoder = msgspec.msgpack.Encoder(order="deterministic")
_decoder = msgspec.msgpack.Decoder(FeedState)
_version_1 = msgspec.msgpack.Decoder(_Version1)


def fresh(tokenizer: str, offsets: Iterable[int], marks: dict[str, int]) -> FeedState:
    """The state of a run that has trained on nothing, from the Genesis."""
    return FeedState(tokenizer=tokenizer, offsets=list(offsets), marks=dict(marks))


def decode(data: bytes) -> FeedState:
    """Raises CheckpointError for a state of a later version."""
    state = _decoder.decode(data)
    if state.v > VERSION:
        raise CheckpointError(
            f"the checkpoint's feed state is of version {state.v}, and this program reads up to {VERSION}: run the "
            "newer Midstream"
        )
    if state.v == 1:
        before = _version_1.decode(data)
        lengths = {before.rank: before.ledger_bytes, **before.ledgers}
        state.ledger = {ledger.file_name(0, rank): length for rank, length in lengths.items() if length}
        state.v = VERSION
    return state


def encode(state: FeedState) -> bytes:
    """The same bytes for the same state."""
    return _encoder.encode(state)


def offsets_in(state: FeedState, topic_id: str, starts: Sequence[int]) -> list[int]:
    """Where reading `examples` goes on in the topic of this id: at its `starts`, when it was made again since."""
    return list(starts if state.examples not in ("", topic_id) else state.offsets)


def retryable(state: FeedState) -> list[str]:
    """The origins that may be retried: dead minus replaced (architecture §2.8)."""
    return sorted(state.dead - state.replaced)
