"""Midstream over a Kafka in memory: the real shell, stages, restore, repair and feed, stopped between any two effects.

A worker is a task that waits whenever it sends a record. The simulation lets one record after the other reach the log,
in an order that it draws, and kills the worker wherever the story says; what was on its way may arrive later.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from cluster import PARTITIONS, PREFIX, Cluster, Row
from msgspec.structs import astuple
from damage import damaged
from tiny import texts, tokenizer
from world import GARBAGE, POISON, MemoryLedger, Poisoned

from model.fim.cut import Mix
from model.fim.formats import FORMATS, STARCODER
from model.tokens.tokenizer import train
from streams import deadletters
from streams import frame as frames
from streams.document import Document, Origin, Source
from streams.event import Files, Issue, Repository, SourceFile
from streams.event import encode as encode_event
from streams.feed.examples import ExamplesLog, within
from streams.feed.feed import Feed
from streams.feed.ledger import Entry
from streams.feed.state import Limits, decode, fresh, retryable
from streams.kafka.log import read
from streams.kafka.positions import Expired, Jump
from streams.kafka.topics import genesis
from streams.pack.pack import Packer
from streams.pipeline import Pack, Prepare, Record, Redact, count_documents, expand_record
from streams.recipe import Recipe, Shares, Thresholds
from streams.repair.act import act
from streams.repair.plan import Skip, missing, plan
from streams.repair.survey import KafkaLogs, survey
from streams.stages import STAGE
from streams.worker.app import Place, Shell
from streams.worker.counts import Counts
from streams.worker.restore import restore
from streams.worker.settle import go_back, settle
from streams.worker.stage import DedupStage, EachFrame, PrepareStage, Stage, Watch

SOURCES = ("files", "retries")
FRAMES = (("candidates", 1), ("unique", PARTITIONS), ("clean", PARTITIONS), ("examples", PARTITIONS))
ROUNDS = 12
"""Passes of repair after which a story counts as stuck."""


class Violation(AssertionError):
    """The promise was broken, or the path stands still for good."""


class Quiet:
    """A watchdog that never bites, and attempts that nobody counts."""

    record = ""
    careful = False

    def beat(self) -> None: ...
    def rest(self) -> None: ...
    def begin(self, record: str) -> None: ...
    def done(self, topic: str, partition: int, upto: int) -> None: ...


@dataclass
class Effect:
    """A record on its way to the log."""

    arrive: Callable[[], object]
    future: asyncio.Future[None]


@dataclass
class Sink:
    """What a worker sends waits here until the simulation lets it arrive."""

    cluster: Cluster
    waiting: list[Effect] = field(default_factory=list)

    async def start(self) -> None: ...
    async def stop(self) -> None: ...

    async def send(self, topic: str, value: bytes, key: bytes | None, partition: int, headers: Any) -> None:
        future = asyncio.get_running_loop().create_future()
        arrive = partial(self.cluster.append, topic, partition, key, value, headers)
        self.waiting.append(Effect(arrive, future))
        await future


@cache
def in_repositories() -> Packer:
    starcoder2 = FORMATS["starcoder2"]
    return Packer(train(texts(), 340, starcoder2), starcoder2, Mix(), 160, Shares(context=0.5))


class Simulation:
    def __init__(self, repositories: bool = False) -> None:
        self.cluster = Cluster()
        self.packer = in_repositories() if repositories else Packer(tokenizer(), STARCODER, Mix(), 48)
        for stage in STAGE.values():
            self.cluster.commit(self.cluster.group(stage.name), self.cluster.beginning_offsets(stage.reads))
        self.ids = self.cluster.topic_ids(SOURCES)
        self.min_chars = 10
        self.poisonous: set[str] = set()
        self.ledgers: list[MemoryLedger] = []
        self.checkpoints: list[bytes] = []
        self.late: list[Callable[[], object]] = []
        self.discarded: set[str] = set()
        self.empty: list[str] = []
        """Origins of retries without a value: each must be listed as dead."""
        self.produced: dict[tuple[str, int, int], Row] = {}
        """Every source record there ever was, by topic id, partition, offset."""
        self.history: dict[str, list[dict[tuple[str, int], int]]] = {}
        self.step = 0
        self.cuts = False
        self.lost: set[tuple[str, int, int, int]] = set()
        """(topic id, partition, offset, index) of documents that a repair named as lost."""

    # What a user, an operator and a power cut do.

    def produce(self, partition: int, chosen: list[str], paths: list[str]) -> None:
        files = [SourceFile(path=p, text=t) for t, p in zip(chosen, paths, strict=True)]
        event = Files(repository=Repository(name=f"r{partition}", licence="MIT"), files=files)
        self._source("files", partition, event.repository.key.encode(), encode_event(event))

    def produce_thread(self, partition: int, number: int, text: str, updated: int) -> None:
        """A version of a thread; its title is all that it says."""
        repository, at = Repository(name=f"r{partition}", licence="MIT"), f"2026-01-01T00:{updated:02}:00Z"
        event = Issue(repository=repository, number=number, title=text, comments=[], updated=at)
        self._source("files", partition, repository.key.encode(), encode_event(event))

    def produce_garbage(self, number: int) -> None:
        self._source("files", 0, b"x", GARBAGE[number % len(GARBAGE)])

    def _source(self, topic: str, partition: int, key: bytes, value: bytes | None, headers: Any = ()) -> None:
        self.cluster.append(topic, partition, key, value, headers)
        row = self.cluster.logs[topic, partition].rows[-1]
        self.produced[self.ids[topic], partition, row.offset] = row

    def retry(self, discard: bool) -> None:
        """Everything that the newest checkpoint offers."""
        if not self.checkpoints:
            return
        held = {letter.origin: letter for letter in deadletters.letters(self.cluster)}  # type: ignore[arg-type]
        for origin in retryable(decode(self.checkpoints[-1])):
            letter = held[origin]
            try:
                record = (
                    deadletters.removal(origin) if discard else deadletters.retry(origin, letter.form, letter.value)
                )
            except deadletters.Refused:  # an empty value: it can be discarded alone
                record = deadletters.removal(origin)
            if record.value is None:
                self.discarded.update(self.texts_at(origin))
            self._source("retries", record.partition, record.key, record.value, record.headers)
            if record.value == b"":
                row = self.cluster.logs["retries", record.partition].rows[-1]
                self.empty.append(str(Origin(self.ids["retries"], record.partition, row.offset, 0)))

    def reset(self, stage: str, where: str) -> None:
        """An operator sets a group to the logs' end or beginning."""
        offsets = self.cluster.end_offsets if where == "end" else self.cluster.beginning_offsets
        self.cluster.commit(self.cluster.group(stage), offsets(STAGE[stage].reads))

    def forget(self, stage: str) -> None:
        """The broker loses a group's offsets."""
        self.cluster.groups[self.cluster.group(stage)].clear()

    def roll_back(self, stage: str, rng: Random) -> None:
        """The broker comes back with an older commit."""
        group = self.cluster.group(stage)
        if self.history.get(group):
            self.cluster.commit(group, rng.choice(self.history[group]))

    def power_cut(self, counts: dict[str, int]) -> None:
        """Tails of logs are gone; what was on its way is, too. Signatures and sources are on the disk."""
        self.late.clear()
        for topic, partitions in FRAMES:
            for p in range(partitions):
                self.cluster.logs[topic, p].cut(counts.get(topic, 0))
        self.cuts = True

    def expire(self, topic: str, partition: int, remaining: int) -> None:
        """Retention deletes the head of a log and leaves so many offsets of it."""
        log = self.cluster.logs[topic, partition]
        log.expire(log.end - remaining)

    def damage(self, topic: str, partition: int, back: int) -> None:
        """A disk damages a Frame of a log, counted from its end, behind the head."""
        rows = self.cluster.logs[topic, partition].rows
        if back < len(rows) and rows[-1 - back].value:
            rows[-1 - back] = rows[-1 - back]._replace(value=damaged(rows[-1 - back].value))

    # Workers.

    def work(self, stage: str, steps: int, end: str, commits: bool, rng: Random) -> None:
        """Run one worker of the stage for so many effects, or to the end of what there is."""
        asyncio.run(self._work(stage, steps, end, commits, rng))

    async def _work(self, stage: str, steps: int, end: str, commits: bool, rng: Random) -> None:
        group = self.cluster.group(stage)
        try:
            settle(self.cluster, stage)  # type: ignore[arg-type]
        except Expired:
            return
        with tempfile.TemporaryDirectory() as folder:
            sink = Sink(self.cluster)
            built = self._stage(stage, Path(folder))
            place = Place(self.cluster, group, Path(folder))  # type: ignore[arg-type]
            shell = Shell(SimpleNamespace(consumer_generation_id=1), place, built, sink)
            acked: dict[tuple[str, int], int] = {}
            task = asyncio.ensure_future(self._drain(shell, stage, acked, rng))
            while steps > 0 and not task.done():
                await _quiet(task, sink)
                if sink.waiting:
                    effect = sink.waiting.pop(rng.randrange(len(sink.waiting)))
                    effect.arrive()
                    effect.future.set_result(None)
                    steps -= 1
                if end == "end":
                    self.cluster.commit(group, acked)
            if commits or end == "end":
                self.cluster.commit(group, acked)
            if end == "late":
                self.late += [effect.arrive for effect in sink.waiting]
            await _ended(task, shell)
        go_back(self.cluster, group, built.watch.errors)  # type: ignore[arg-type]
        self.history.setdefault(group, []).append(self.cluster.group_offsets(group))

    async def _drain(self, shell: Shell, stage: str, acked: dict[tuple[str, int], int], rng: Random) -> None:
        async def ack(event: Any) -> None:
            key = (event.message.topic.removeprefix(PREFIX), event.message.partition)
            acked[key] = event.message.offset + 1

        begins = self.cluster.group_offsets(self.cluster.group(stage))
        batch = rng.randint(1, 3) if stage == "prepare" else 1
        for topic, p in sorted(key for key in self.cluster.logs if key[0] in STAGE[stage].reads and key[0] in READ):
            at = max(self.cluster.logs[topic, p].first, begins[topic, p] - rng.choice([0, 0, 0, 1, 2]))  # fetched again
            while rows := self.cluster.logs[topic, p].since(at, batch):
                events = [SimpleNamespace(message=_message(topic, p, row)) for row in rows]
                await shell.work(SimpleNamespace(ack=ack), events)
                at = rows[-1].offset + 1

    def _stage(self, name: str, folder: Path) -> Stage:
        watch = Watch(Counts(folder / "counts.json"), Quiet(), Quiet())  # type: ignore[arg-type]
        ids = self.cluster.topic_ids(self.cluster.topics())
        match name:
            case "prepare":
                return PrepareStage(Prepare(Recipe(min_chars=self.min_chars), self._call(name)), ids, watch)
            case "dedup":
                return DedupStage(partial(restore, self.cluster, Thresholds()), watch, ids["candidates"])  # type: ignore
            case "redact":
                return EachFrame(name, "unique", "clean", Redact(self._call(name)), watch, ids["unique"])
            case _:
                return EachFrame(name, "clean", "examples", Pack(self.packer, self._call(name)), watch, ids["clean"])

    def _call(self, stage: str) -> Callable[..., Any]:
        def run(step: Callable[..., Any], *arguments: Any) -> Any:
            given = [d for a in arguments for d in (a if isinstance(a, list) else [a]) if isinstance(d, Document)]
            if stage in self.poisonous and any(POISON in d.parts[0].text for d in given):
                raise Poisoned
            return step(*arguments)

        return run

    def train(self, steps: int, resume: int, every: int) -> None:
        """From checkpoint `resume` (negative: counted from the newest) for so many steps; then it is killed."""
        if self.checkpoints:
            del self.checkpoints[len(self.checkpoints) + (-1 if self.cuts else resume) + 1 :]
        feed = self.feed()
        for _ in range(steps):
            if feed.next(0.0) is None:
                self.checkpoints.append(feed.state())
                return
            self.step += 1
            feed.trained(self.step)
            if self.step % every == 0:
                self.checkpoints.append(feed.state())

    def feed(self) -> Feed:
        starts = genesis(self.cluster)  # type: ignore[arg-type]
        first = fresh(self.packer.tokenizer.hash, starts.topics["examples"].starts, starts.marks)
        state = decode(self.checkpoints[-1]) if self.checkpoints else first
        limits = Limits(row_tokens=self.packer.context, rows=2, open_bins=4, closed=True)
        ends = self.cluster.end_offsets(["examples"])
        state.offsets = [within(p, at, ends["examples", p]) for p, at in enumerate(state.offsets)]
        log = ExamplesLog(self.cluster, state.offsets, closed=True)  # type: ignore[arg-type]
        self.ledgers.append(MemoryLedger(len(self.ledgers)))
        return Feed(log, self.ledgers[-1], limits, state)  # type: ignore[arg-type]

    # The end of a story.

    def repair(self) -> bool:
        """One `midstream repair --accept-loss`; whether something was missing."""
        for stage in STAGE:
            try:
                settle(self.cluster, stage)  # type: ignore[arg-type]
            except Expired:
                continue
        state = decode(self.checkpoints[-1]) if self.checkpoints else None
        logs = KafkaLogs(self.cluster)  # type: ignore[arg-type]
        picture = survey(self.cluster, logs, state.marks if state else {}, state.offsets if state else [])  # type: ignore
        gaps = missing(picture, logs)
        steps = plan(picture, logs)
        for step in steps:
            if isinstance(step, Skip):
                self._lose(step)
        act(self.cluster, steps)  # type: ignore[arg-type]
        return bool(gaps or steps)

    def _lose(self, skip: Skip) -> None:
        """What a repair names as lost may stand in no log any more."""
        key = skip.source.topic_id, skip.source.partition
        rows = self.cluster.logs[skip.source.topic, skip.source.partition].rows
        _hold(not any(skip.start <= row.offset < skip.upto for row in rows), f"the source holds what {skip} gives up")
        at = range(skip.start, skip.upto)
        lost = {(*key, o, index) for o in at if (*key, o) in self.produced for index in range(self._count(*key, o))}
        _hold(not lost & self._logged(), f"a log holds what {skip} gives up")
        self.lost |= lost

    def _logged(self) -> set[tuple[str, int, int, int]]:
        """Every document that stands in a Frame of some log."""
        logged: set[tuple[str, int, int, int]] = set()
        for topic, partitions in FRAMES:
            for row in (row for p in range(partitions) for row in self.cluster.logs[topic, p].rows):
                whole = row.value and not frames.is_damaged(row.value)
                frame = frames.decode_candidate(row.value) if whole else None
                if isinstance(frame, frames.Frame):
                    key = frame.source.topic_id, frame.source.partition
                    logged |= {(*key, d.offset, d.index) for d in (*frame.documents, *frame.examples)}
        return logged

    def flow(self, rng: Random) -> None:
        for stage in STAGE:
            self.work(stage, 10_000, "end", True, rng)
        self.train(10_000, -1, 2)

    def quiesce(self, rng: Random) -> None:
        """Everybody runs to the end, what is missing is repaired, and what died is retried until nothing is offered."""
        while self.late:
            self.late.pop(0)()
        self.poisonous.clear()
        for _ in range(ROUNDS):
            self.flow(rng)
            if not self.repair():
                break
        else:
            raise Violation("stuck: something is missing however often it is repaired")
        for _ in range(3):
            self.retry(discard=False)
            self.flow(rng)
            if self.repair():
                raise Violation("something is missing again after it was repaired")
        offered = [Origin.parse(o) for o in retryable(decode(self.checkpoints[-1]))]
        for o in offered:
            if self.produced[o.topic_id, o.partition, o.offset].value not in GARBAGE:
                raise Violation(f"{o} could be processed and is still dead")

    # What the promise says.

    def check(self) -> None:
        state = decode(self.checkpoints[-1])
        pieces = Counter((e.topic_id, e.partition, e.offset, e.index, e.piece) for e in self.entries())
        _hold(all(n == 1 for n in pieces.values()), "trained twice")
        whole = {(e.topic_id, e.partition, e.offset, e.index): e.pieces for e in self.entries()}
        _hold(sum(whole.values()) == len(pieces), "a piece is missing")
        seen = set(self.documents())
        dead = {_id(d) for d in state.dead}
        total: Counter[str] = Counter()
        for count in state.counts.values():
            total.update(documents=count.documents, rejected=count.rejected, dead=count.dead, waiting=count.waiting)
        _hold(total["waiting"] == 0, "documents wait for ever")
        _hold(set(whole) <= seen, "a document that never was")
        _hold(not set(whole) & dead, "trained and dead")
        documents, counted = total["documents"], f"{len(seen)} documents, {total['documents']} counted"
        _hold(len(seen - self.lost) <= documents <= len(seen), f"{counted}, {len(self.lost)} lost")
        _hold(len(whole) + total["rejected"] + len(dead) == documents, "lost")
        unnamed = {place[:3] for place in self.lost - set(whole) - dead - self.rejected()}
        _hold(sum(count.lost for count in state.counts.values()) >= len(unnamed), "lost, and not counted as lost")
        _hold(total["dead"] == len(dead), "dead letters are miscounted")
        _hold(all(origin in state.dead for origin in self.empty), "a retry is listed nowhere")

    def rejected(self) -> set[tuple[str, int, int, int]]:
        """Every document that stands in `rejected`."""
        rows = [row for p in range(PARTITIONS) for row in self.cluster.logs["rejected", p].rows]
        return {astuple(item.origin) for row in rows for item in frames.decode_rejections(row.value or b"").items}

    def entries(self) -> list[Entry]:
        """Of the ledgers, as far as the newest checkpoint counts them."""
        lengths = decode(self.checkpoints[-1]).ledger
        return [entry for book in self.ledgers for entry in book.entries[: lengths.get(book.name, 0)]]

    def documents(self) -> Iterator[tuple[str, int, int, int]]:
        """(topic id, partition, offset, index) of every document of every source record."""
        for topic_id, partition, offset in self.produced:
            for index in range(self._count(topic_id, partition, offset)):
                yield topic_id, partition, offset, index

    def _record(self, topic_id: str, partition: int, offset: int) -> tuple[str, Record]:
        topic = next(name for name in SOURCES if self.ids[name] == topic_id)
        row = self.produced[topic_id, partition, offset]
        return topic, Record(row.offset, row.key, row.value, dict(row.headers))

    def _count(self, topic_id: str, partition: int, offset: int) -> int:
        topic, record = self._record(topic_id, partition, offset)
        return count_documents(Source(topic, topic_id, partition), record)

    def texts_of(self, topic_id: str, partition: int, offset: int) -> list[str]:
        """The event's texts; none when it cannot be parsed."""
        try:
            return [d.parts[0].text for d in expand_record(*self._record(topic_id, partition, offset)).documents]
        except Exception:
            return []

    def texts_at(self, origin: str) -> list[str]:
        o = Origin.parse(origin)
        return self.texts_of(o.topic_id, o.partition, o.offset)[o.index : o.index + 1]


READ = {*SOURCES, *(topic for topic, _ in FRAMES)}
"""The topics that a worker looks at: a story produces to no others."""


def _message(topic: str, partition: int, row: Row) -> Any:
    """As Faust hands one out: its timestamp in seconds."""
    return SimpleNamespace(
        topic=PREFIX + topic, partition=partition, offset=row.offset, key=row.key, value=row.value,
        headers=dict(row.headers), timestamp=row.timestamp / 1000, generation_id=1,
    )  # fmt: skip


async def _quiet(task: asyncio.Task[None], sink: Sink) -> None:
    """Until the worker waits for what it sent, or has ended."""
    known = -1
    while not task.done() and (not sink.waiting or len(sink.waiting) != known):
        known = len(sink.waiting)
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def _ended(task: asyncio.Task[None], shell: Shell) -> None:
    task.cancel()
    try:
        await task
    except (asyncio.CancelledError, Jump):
        pass
    except Exception as error:
        shell._stage.watch.errors.append(error)
        if type(error).__name__ not in STOPS:
            raise


STOPS = {"Behind", "Damaged"}
"""What may end a worker: the next one goes on where the error says."""


def _hold(true: bool, what: str) -> None:
    if not true:
        raise Violation(what)


def _id(origin: str) -> tuple[str, int, int, int]:
    o = Origin.parse(origin)
    return o.topic_id, o.partition, o.offset, o.index


__all__ = ["Simulation", "Violation", "read"]
