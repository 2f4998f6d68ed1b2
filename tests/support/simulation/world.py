"""A whole Midstream over an in-memory log, for the simulation: the real stages, the real index, the real feed.

Every stage is a generator that yields between any two of its effects, so the simulation can stop it
there. What is faked is Kafka alone: lists of records, and committed offsets that may lag.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from model.fim.fim import Mix
from model.fim.formats import STARCODER
from streams import deadletters
from streams import frame as frames
from streams.document import Document, Origin, Source
from streams.event import Files, Repository, SourceFile
from streams.event import encode as encode_event
from streams.feed.feed import Feed
from streams.feed.ledger import Entry
from streams.feed.state import Limits, decode, fresh, retryable
from streams.fit import fit
from streams.frame import Frame, Outcome
from streams.index.index import Index
from streams.index.signatures import Applied
from streams.pack.pack import Packer
from streams.pipeline import Pack, Prepare, Record, count_documents, expand_record
from streams.recipe import Thresholds
from streams.redact.stage import Redact
from streams.stages import STAGE
from tests.support.documents.recipes import default
from tests.support.models.tiny import tokenizer
from tests.support.simulation.memory import PARTITIONS, MemoryLedger, MemoryLog, in_repositories

SOURCES = ("files", "retries")
STAGES = tuple(STAGE)
POISON = "POISON"
GARBAGE = (b"{not json", b"")
"""Values that can never be parsed; the second one cannot be sent once more."""
FRAME_BYTES = 3000
"""A topic's limit: the largest event fits it, most Frames of two or three events do not."""


class Poisoned(RuntimeError):
    pass


def poisonable(stage: str, poisonous: Collection[str]) -> Callable[..., Any]:
    """A `Call` that raises at a document with POISON as long as the stage is one of `poisonous`."""

    def run(step: Callable[..., Any], *arguments: Any) -> Any:
        documents = [d for a in arguments for d in (a if isinstance(a, list) else [a]) if isinstance(d, Document)]
        if stage in poisonous and any(POISON in d.parts[0].text for d in documents):
            raise Poisoned
        return step(*arguments)

    return run


@dataclass(frozen=True)
class Sent:
    """A record of a source topic."""

    key: bytes
    value: bytes | None
    headers: dict[str, bytes] = field(default_factory=dict)


class World:
    def __init__(self, repositories: bool = False) -> None:
        """With `repositories` half of the events become one repository context, as starcoder2 has them."""
        self.packer = in_repositories() if repositories else Packer(tokenizer(), STARCODER, Mix(), 48)
        self.sources: dict[tuple[str, int], list[Sent]] = {(t, p): [] for t in SOURCES for p in range(PARTITIONS)}
        self.frames: dict[str, list[list[Frame]]] = {
            "candidates": [[]],
            **{t: [[] for _ in range(PARTITIONS)] for t in ("unique", "clean", "examples")},
        }
        self.signatures: list[Applied] = []
        self.letters: list[tuple[str, str, bytes]] = []
        self.committed: dict[tuple[str, str, int], int] = defaultdict(int)
        self.min_chars = 10
        self.poisonous: set[str] = set()
        """Stages at which a document with POISON raises now."""
        self.ledgers: list[MemoryLedger] = []
        """One a start of the trainer; the checkpoint names how much of each counts."""
        self.checkpoints: list[bytes] = []
        self.late: list[Callable[[], None]] = []
        """Writes of killed workers that have not reached the broker yet."""
        self.step = 0
        self.discarded: set[str] = set()
        """Texts that a user gave up."""

    # What a user does.

    def produce(self, partition: int, texts: list[str], paths: list[str]) -> None:
        files = [SourceFile(path=p, text=t) for t, p in zip(texts, paths, strict=True)]
        event = Files(repository=Repository(name=f"r{partition}", licence="MIT"), files=files)
        self.sources["files", partition].append(Sent(event.repository.key.encode(), encode_event(event)))

    def produce_garbage(self, partition: int) -> None:
        """One after the other, so that both kinds of it lie in a long enough story."""
        records = self.sources["files", partition]
        records.append(Sent(b"x", GARBAGE[len(records) % len(GARBAGE)]))

    def retry(self, discard: bool) -> None:
        """Everything that the newest checkpoint offers."""
        if not self.checkpoints:
            return
        by_origin = {origin: (form, value) for origin, form, value in self.letters}
        for origin in retryable(decode(self.checkpoints[-1])):
            try:
                record = deadletters.removal(origin) if discard else deadletters.retry(origin, *by_origin[origin])
            except deadletters.RefusedLetter:  # it stays offered
                continue
            if discard:
                self.discarded.update(self.texts_at(origin))
            sent = Sent(record.key, record.value, dict(record.headers))
            assert discard or count_of("retries", sent), "a retry that is a removal: trained nowhere, listed nowhere"
            self.sources["retries", record.partition].append(sent)

    # The stages, each effect followed by a yield.

    def prepare(self, topic: str, partition: int, batch: int) -> Iterator[None]:
        source = Source(topic, topic_id(topic), partition)
        step = Prepare(default(too_small={"chars": self.min_chars}), self.call("prepare"))
        at = self.committed["prepare", topic, partition]
        while at < len(self.sources[topic, partition]):
            sent = self.sources[topic, partition][at : at + batch]
            records = [Record(at + i, s.key, s.value, s.headers) for i, s in enumerate(sent)]
            for outcome in step(source, at, records):
                yield from self.deliver(outcome, "candidates", 0)
                at = outcome.frame.upto
                self.acknowledge("prepare", topic, partition, at)
                yield

    def dedup(self) -> Iterator[None]:
        at = self.committed["dedup", "candidates", 0]
        index = self.restored(at)
        yield
        while at < len(self.frames["candidates"][0]):
            judged = index.judge(wire(self.frames["candidates"][0][at]), at)
            assert judged.frame is not None
            yield from self.effect(lambda a=judged.applied: self.signatures.append(a))
            yield from self.deliver(Outcome(judged.frame, judged.rejections), "unique", judged.frame.source.partition)
            at += 1
            self.acknowledge("dedup", "candidates", 0, at)
            yield

    def each(self, stage: str, partition: int) -> Iterator[None]:
        reads, writes = {"redact": ("unique", "clean"), "pack": ("clean", "examples")}[stage]
        step: Any = Redact(self.call(stage)) if stage == "redact" else Pack(self.packer, self.call(stage))
        at = self.committed[stage, reads, partition]
        while at < len(self.frames[reads][partition]):
            outcome = step(wire(self.frames[reads][partition][at]))
            yield from self.deliver(outcome, writes, partition)
            at += 1
            self.acknowledge(stage, reads, partition, at)
            yield

    def train(self, resume: int, checkpoint_every: int) -> Iterator[None]:
        """From checkpoint `resume` (negative: counted from the newest; none: a fresh run)."""
        if self.checkpoints:
            del self.checkpoints[len(self.checkpoints) + resume + 1 :]
        packer = self.packer
        first = fresh(packer.tokenizer.hash, [0] * PARTITIONS, starts())
        state = decode(self.checkpoints[-1]) if self.checkpoints else first
        limits = Limits(row_tokens=packer.context, rows=2, open_bins=4, closed=True)
        self.ledgers.append(MemoryLedger(len(self.ledgers)))
        feed = Feed(MemoryLog(self.frames["examples"], state.offsets), self.ledgers[-1], limits, state)  # type: ignore[arg-type]
        yield
        while feed.next(0.0) is not None:
            yield
            self.step += 1
            feed.trained(self.step)
            yield
            if self.step % checkpoint_every == 0:
                self.checkpoints.append(feed.state())
                yield
        self.checkpoints.append(feed.state())

    # How effects reach the log.

    def deliver(self, outcome: Outcome, topic: str, partition: int) -> Iterator[None]:
        parts = fit(outcome, FRAME_BYTES)
        for letter in (letter for part in parts for letter in part.dead):
            fact = (str(letter.origin), letter.form, letter.value)
            yield from self.effect(lambda f=fact: self.letters.append(f))
        for part in parts:
            yield from self.effect(lambda f=part.frame: self.frames[topic][partition].append(wire(f)))

    def effect(self, write: Callable[[], None]) -> Iterator[None]:
        """A kill at the first yield may leave the write on its way: the simulation then owns it."""
        self.in_flight = write
        yield
        self.in_flight = None
        write()
        yield

    def acknowledge(self, group: str, topic: str, partition: int, offset: int) -> None:
        self.acknowledged = (group, topic, partition), offset

    def commit(self) -> None:
        if self.acknowledged is not None:
            key, offset = self.acknowledged
            self.committed[key] = max(self.committed[key], offset)

    in_flight: Callable[[], None] | None = None
    acknowledged: tuple[tuple[str, str, int], int] | None = None

    def call(self, stage: str) -> Callable[..., Any]:
        return poisonable(stage, self.poisonous)

    def restored(self, upto: int) -> Index:
        """As streams.worker.restore does from Kafka."""
        index, expected = Index(Thresholds(), starts()), 0
        for record in self.signatures:
            if expected <= record.offset < upto:
                assert record.offset == expected
                index.apply(record)
                expected += 1
        assert expected == upto
        return index

    # What the promise says.

    def entries(self) -> list[Entry]:
        """Of the ledgers, as far as the newest checkpoint counts them."""
        lengths = decode(self.checkpoints[-1]).ledger
        return [entry for book in self.ledgers for entry in book.entries[: lengths.get(book.name, 0)]]

    def check(self) -> None:
        """Every document is trained on once, or rejected, or dead; each rejected copy has its match in training."""
        state = decode(self.checkpoints[-1])
        trained = Counter((e.topic_id, e.partition, e.offset, e.index, e.piece) for e in self.entries())
        assert all(n == 1 for n in trained.values()), "trained twice"
        whole = {(e.topic_id, e.partition, e.offset, e.index): e.pieces for e in self.entries()}
        assert sum(whole.values()) == len(trained), "a piece is missing"
        documents = {(topic_id(t), p, o, i) for t, p, o, i in self.documents()}
        dead = {tuple(origin(d)) for d in state.dead}
        total = Counter()
        for count in state.counts.values():
            total.update(documents=count.documents, rejected=count.rejected, dead=count.dead, waiting=count.waiting)
        assert total["documents"] == len(documents), "a document was not counted"
        assert total["waiting"] == 0
        assert set(whole) <= documents
        assert not set(whole) & dead, "trained and dead"
        assert len(whole) + total["rejected"] + len(dead) == len(documents), "lost"
        assert total["dead"] == len(dead)

    def documents(self) -> Iterator[tuple[str, int, int, int]]:
        """(topic, partition, offset, index) of every document of every source record."""
        for (topic, partition), records in self.sources.items():
            for offset, sent in enumerate(records):
                for index in range(count_of(topic, sent)):
                    yield topic, partition, offset, index

    def texts_of(self, topic: str, partition: int, offset: int) -> list[str]:
        """The event's texts; none when it cannot be parsed."""
        try:
            return [d.parts[0].text for d in documents_of(topic, self.sources[topic, partition][offset])]
        except Exception:
            return []

    def texts_at(self, origin: str) -> list[str]:
        o = Origin.parse(origin)
        topic = next(t for t in SOURCES if topic_id(t) == o.topic_id)
        return self.texts_of(topic, o.partition, o.offset)[o.index : o.index + 1]


def documents_of(topic: str, sent: Sent) -> list[Document]:
    return expand_record(topic, Record(0, sent.key, sent.value, sent.headers)).documents


def count_of(topic: str, sent: Sent) -> int:
    return count_documents(Source(topic, topic_id(topic), 0), Record(0, sent.key, sent.value, sent.headers))


def origin(text: str) -> tuple[str, int, int, int]:
    o = Origin.parse(text)
    return o.topic_id, o.partition, o.offset, o.index


def topic_id(topic: str) -> str:
    return {"files": "f1" * 16, "retries": "e2" * 16}[topic]


def starts() -> dict[str, int]:
    return {f"{topic_id(t)}:{p}": 0 for t in SOURCES for p in range(PARTITIONS)}


def wire(frame: Frame) -> Frame:
    """Through the encoding, so that no stage shares an object with another."""
    return frames.decode(frames.encode(frame))
