"""Midstream over a Kafka in memory: the real shell, stages, restore, repair and feed, and all that goes wrong there.

What users, operators, retention, disks and power cuts do is here; the workers are in workers.py beside this, what the
promise says of the end in account.py.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from model.fim.cut import Mix
from model.fim.formats import STARCODER
from streams import deadletters
from streams import frame as frames
from streams.document import Origin
from streams.event import Files, Issue, Repository, SourceFile
from streams.event import encode as encode_event
from streams.feed.examples import ExamplesLog, within
from streams.feed.feed import Feed
from streams.feed.fit import Fit, WrongPacking
from streams.feed.ledger import Entry
from streams.feed.state import Limits, decode, fresh, offsets_in, retryable
from streams.kafka.positions import Expired
from streams.kafka.topics import genesis
from streams.pack.pack import Packer
from streams.repair.act import act
from streams.repair.plan import missing, plan
from streams.repair.steps import Skip
from streams.repair.survey import KafkaLogs, survey
from streams.stages import STAGE
from streams.worker.settle import settle
from tests.support.models.tiny import tokenizer
from tests.support.simulation.cluster import PARTITIONS, Cluster
from tests.support.simulation.damage import damaged
from tests.support.simulation.memory import MemoryLedger, in_repositories
from tests.support.simulation.produced import Place, Produced
from tests.support.simulation.workers import Workers
from tests.support.simulation.world import GARBAGE

SOURCES = ("files", "retries")
FRAMES = (("candidates", 1), ("unique", PARTITIONS), ("clean", PARTITIONS), ("examples", PARTITIONS))
ROUNDS = 12
"""Passes of repair after which a story counts as stuck."""


class Violation(AssertionError):
    """The promise was broken, or the path stands still for good."""


class Simulation:
    def __init__(self, repositories: bool = False) -> None:
        self.cluster = Cluster()
        self.packer = in_repositories() if repositories else Packer(tokenizer(), STARCODER, Mix(), 48)
        for stage in STAGE.values():
            self.cluster.commit(self.cluster.group(stage.name), self.cluster.beginning_offsets(stage.reads))
        self.ids = self.cluster.topic_ids(SOURCES)
        self.fit = Fit(self.packer.tokenizer.hash, self.packer.packing, self.packer.context)
        self.workers = Workers(self.cluster, self.packer)
        self.ledgers: list[MemoryLedger] = []
        self.checkpoints: list[bytes] = []
        self.discarded: set[str] = set()
        self.empty: list[str] = []
        """Origins of retries without a value: each must be listed as dead."""
        self.produced = Produced(self.ids)
        self.step = 0
        self.cuts = False
        self.lost: set[Place] = set()
        """Documents that a repair named as lost."""

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
        self.produced.add(self.ids[topic], partition, self.cluster.logs[topic, partition].rows[-1])

    def retry(self, discard: bool) -> None:
        """Everything that the newest checkpoint offers."""
        if not self.checkpoints:
            return
        letters = {letter.origin: letter for letter in deadletters.letters(self.cluster)}  # type: ignore[arg-type]
        for origin in retryable(decode(self.checkpoints[-1])):
            letter = letters[origin]
            try:
                record = (
                    deadletters.removal(origin) if discard else deadletters.retry(origin, letter.form, letter.value)
                )
            except deadletters.RefusedLetter:  # an empty value: it can be discarded alone
                record = deadletters.removal(origin)
            if record.value is None:
                self.discarded.update(self.produced.text(origin))
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
        if self.workers.history.get(group):
            self.cluster.commit(group, rng.choice(self.workers.history[group]))

    def power_cut(self, counts: dict[str, int]) -> None:
        """Tails of logs are gone; what was on its way is, too. Signatures and sources are on the disk."""
        self.workers.late.clear()
        for topic, partitions in FRAMES:
            for p in range(partitions):
                self.cluster.logs[topic, p].cut(counts.get(topic, 0))
        self.cuts = True

    def expire(self, topic: str, partition: int, remaining: int) -> None:
        """Retention deletes the head of a log and leaves so many offsets of it."""
        log = self.cluster.logs[topic, partition]
        log.expire(log.end - remaining)

    def make_again(self, topic: str) -> None:
        """Somebody deletes a topic of Frames while nobody runs; what had been sent to it is gone, too."""
        self.workers.late.clear()
        self.cluster.make_again(topic)
        self.cuts = True

    def damage(self, topic: str, partition: int, back: int) -> None:
        """A disk damages a Frame of a log, counted from its end, behind the head."""
        rows = self.cluster.logs[topic, partition].rows
        if back < len(rows) and rows[-1 - back].value:
            rows[-1 - back] = rows[-1 - back]._replace(value=damaged(rows[-1 - back].value))

    def set_context(self, shorter: bool) -> None:
        """A user sets another context, under which pack goes on, or puts it back."""
        context = self.packer.context - 8 if shorter else self.packer.context
        self.workers.packer = replace(self.packer, context=context)

    def late(self) -> None:
        """What killed workers had sent arrives."""
        while self.workers.late:
            self.workers.late.pop(0)()

    def train(self, steps: int, resume: int, every: int) -> None:
        """From checkpoint `resume` (negative: counted from the newest) for so many steps; then it is killed."""
        if self.checkpoints:
            del self.checkpoints[len(self.checkpoints) + (-1 if self.cuts else resume) + 1 :]
        feed = self.feed()
        for _ in range(steps):
            try:
                batch = feed.next(0.0)
            except WrongPacking:  # it ends, and saves before
                batch = None
            if batch is None:
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
        state.packing = self.fit.packing
        limits = Limits(row_tokens=self.packer.context, rows=2, open_bins=4, closed=True)
        first, ends = self.cluster.beginning_offsets(["examples"]), self.cluster.end_offsets(["examples"])
        topic = starts.topics["examples"]
        state.offsets = [
            within(p, at, first["examples", p], ends["examples", p])
            for p, at in enumerate(offsets_in(state, topic.id, topic.starts))
        ]
        state.examples = topic.id
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
        logs = KafkaLogs(self.cluster, self.fit.takes)  # type: ignore[arg-type]
        topic = genesis(self.cluster).topics["examples"]  # type: ignore[arg-type]
        offsets = offsets_in(state, topic.id, topic.starts) if state else topic.starts
        picture = survey(self.cluster, logs, state.marks if state else {}, offsets)  # type: ignore[arg-type]
        gaps = missing(picture, logs)
        steps = plan(picture, logs)
        for step in steps:
            if isinstance(step, Skip):
                self._lose(step)
        act(self.cluster, steps)  # type: ignore[arg-type]
        return bool(gaps or steps)

    def _lose(self, skip: Skip) -> None:
        """What a repair names as lost may stand neither in its source nor in `candidates` any more."""
        source, at = skip.source, range(skip.start, skip.upto)
        rows = self.cluster.logs[source.topic, source.partition].rows
        hold(not any(row.offset in at for row in rows), f"the source holds what {skip} gives up")
        lost = {p for offset in at for p in self.produced.documents_at(source.topic_id, source.partition, offset)}
        hold(not lost & self._waiting(), f"candidates holds what {skip} gives up")
        self.lost |= lost

    def _waiting(self) -> set[Place]:
        """Every document that stands in a Frame of `candidates`. A Frame behind dedup that is above the marks of all
        that follow, while no other log holds what was in it, is given up (architecture §2.10)."""
        documents: set[Place] = set()
        for row in self.cluster.logs["candidates", 0].rows:
            whole = row.value and not frames.is_damaged(row.value)
            frame = frames.decode_candidate(row.value) if whole else None
            if isinstance(frame, frames.Frame):
                key = frame.source.topic_id, frame.source.partition
                documents |= {(*key, d.offset, d.index) for d in frame.documents}
        return documents

    def flow(self, rng: Random) -> None:
        for stage in STAGE:
            self.workers.run(stage, 10_000, "end", True, rng)
        self.train(10_000, -1, 2)

    def quiesce(self, rng: Random) -> None:
        """Everybody runs to the end, what is missing is repaired, and what died is retried until nothing is offered."""
        self.late()
        self.workers.poisonous.clear()
        self.set_context(shorter=False)
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
            if self.produced.value(o.topic_id, o.partition, o.offset) not in GARBAGE:
                raise Violation(f"{o} could be processed and is still dead")

    def entries(self) -> list[Entry]:
        """Of the ledgers, as far as the newest checkpoint counts them."""
        lengths = decode(self.checkpoints[-1]).ledger
        return [entry for book in self.ledgers for entry in book.entries[: lengths.get(book.name, 0)]]


def hold(true: bool, what: str) -> None:
    if not true:
        raise Violation(what)
