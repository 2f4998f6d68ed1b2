"""The simulation's workers: the real shell and stages, stopped between any two effects; some outlive their successor.

A worker is a task that waits whenever it sends a record. The simulation lets one record after the other reach the log,
in an order that it draws, and kills the worker wherever the story says; what was on its way may arrive later. A zombie
is a worker that was thought dead: it goes on beside the next ones with what it had fetched; its commits are refused.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from streams.kafka.positions import Expired, Jump
from streams.pack.pack import Packer
from streams.pipeline import Pack, Prepare
from streams.recipe import Thresholds
from streams.redact.stage import Redact
from streams.stages import STAGE
from streams.worker.app import Place, Shell
from streams.worker.counts import Counts
from streams.worker.restore import restore
from streams.worker.settle import go_back, settle
from streams.worker.stage import DedupStage, EachFrame, PrepareStage, Stage, Watch
from tests.support.documents.recipes import default
from tests.support.simulation.cluster import PREFIX, Cluster, Key, Row
from tests.support.simulation.world import poisonable

READ = {"files", "retries", "candidates", "unique", "clean"}
"""The topics that a worker looks at: a story produces to no others."""
STOPS = {"Behind", "Damaged"}
"""What may end a worker: the next one goes on where the error says."""
UNDEAD = 0.4
"""How often a zombie comes to a step after a worker's own one."""


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


class View:
    """The logs as a worker sees them: as they are, or what it had fetched before it was thought dead."""

    def __init__(self, cluster: Cluster) -> None:
        self._logs = cluster.logs
        self._fetched: dict[Key, list[Row]] | None = None

    def freeze(self) -> None:
        self._fetched = {key: list(log.rows) for key, log in self._logs.items() if key[0] in READ}

    def since(self, key: Key, offset: int, count: int) -> list[Row]:
        rows = self._logs[key].rows if self._fetched is None else self._fetched[key]
        return [row for row in rows if row.offset >= offset][:count]


@dataclass
class Working:
    """One worker."""

    stage: str
    sink: Sink
    shell: Shell
    built: Stage
    view: View
    acked: dict[Key, int] = field(default_factory=dict)
    task: asyncio.Task[None] = field(init=False)

    async def step(self, rng: Random) -> bool:
        """Lets one of the records arrive that it waits for, or lets it end; whether one did."""
        await _quiet(self.task, self.sink)
        if not self.sink.waiting:
            return False
        effect = self.sink.waiting.pop(rng.randrange(len(self.sink.waiting)))
        effect.arrive()
        effect.future.set_result(None)
        return True


class Workers:
    def __init__(self, cluster: Cluster, packer: Packer) -> None:
        self._cluster, self.packer = cluster, packer
        self._loop = asyncio.new_event_loop()
        self._folder = tempfile.TemporaryDirectory()
        self._zombies: list[Working] = []
        self.min_chars = 10
        self.poisonous: set[str] = set()
        self.late: list[Callable[[], object]] = []
        self.history: dict[str, list[dict[Key, int]]] = {}

    def run(self, stage: str, steps: int, end: str, commits: bool, rng: Random) -> None:
        """Run one worker of the stage for so many effects, or to the end of what there is."""
        self._loop.run_until_complete(self._run(stage, steps, end, commits, rng))

    def close(self) -> None:
        for zombie in self._zombies:
            self._loop.run_until_complete(_ended(zombie.task, zombie.shell))
        self._loop.close()
        self._folder.cleanup()

    async def _run(self, stage: str, steps: int, end: str, commits: bool, rng: Random) -> None:
        group = self._cluster.group(stage)
        try:
            settle(self._cluster, stage)  # type: ignore[arg-type]
        except Expired:
            return
        worker = self._start(stage, rng)
        while steps > 0 and not worker.task.done():
            steps -= await worker.step(rng)
            if end == "end":
                self._cluster.commit(group, worker.acked)
            if self._zombies and rng.random() < UNDEAD:
                await self._haunt(rng)
        if commits or end == "end":
            self._cluster.commit(group, worker.acked)
        if end == "late":
            self.late += [effect.arrive for effect in worker.sink.waiting]
        if end == "zombie":
            worker.view.freeze()
            self._zombies.append(worker)
        else:
            await _ended(worker.task, worker.shell)
            go_back(self._cluster, group, worker.built.watch.errors)  # type: ignore[arg-type]
        self.history.setdefault(group, []).append(self._cluster.group_offsets(group))

    def _start(self, stage: str, rng: Random) -> Working:
        folder = Path(self._folder.name)
        sink, built = Sink(self._cluster), self._stage(stage, folder)
        place = Place(self._cluster, self._cluster.group(stage), folder)  # type: ignore[arg-type]
        shell = Shell(SimpleNamespace(consumer_generation_id=1), place, built, sink)
        worker = Working(stage, sink, shell, built, View(self._cluster))
        worker.task = self._loop.create_task(self._drain(worker, rng))
        return worker

    async def _haunt(self, rng: Random) -> None:
        """One step of a zombie; one that has come to its end is gone."""
        zombie = rng.choice(self._zombies)
        if not await zombie.step(rng):
            self._zombies.remove(zombie)
            await _ended(zombie.task, zombie.shell)

    async def _drain(self, worker: Working, rng: Random) -> None:
        async def ack(event: Any) -> None:
            key = (event.message.topic.removeprefix(PREFIX), event.message.partition)
            worker.acked[key] = event.message.offset + 1

        stage = worker.stage
        begins = self._cluster.group_offsets(self._cluster.group(stage))
        batch = rng.randint(1, 3) if stage == "prepare" else 1
        for key in sorted(key for key in self._cluster.logs if key[0] in STAGE[stage].reads and key[0] in READ):
            at = max(self._cluster.logs[key].first, begins[key] - rng.choice([0, 0, 0, 1, 2]))  # fetched again
            while rows := worker.view.since(key, at, batch):
                events = [SimpleNamespace(message=_message(*key, row)) for row in rows]
                await worker.shell.work(SimpleNamespace(ack=ack), events)
                at = rows[-1].offset + 1

    def _stage(self, name: str, folder: Path) -> Stage:
        watch = Watch(Counts(folder / "counts.json"), Quiet(), Quiet())  # type: ignore[arg-type]
        ids = self._cluster.topic_ids(self._cluster.topics())
        match name:
            case "prepare":
                return PrepareStage(Prepare(default(too_small={"chars": self.min_chars}), self._call(name)), ids, watch)
            case "dedup":
                return DedupStage(partial(restore, self._cluster, Thresholds()), watch, ids["candidates"])  # type: ignore
            case "redact":
                return EachFrame(name, "unique", "clean", Redact(self._call(name)), watch, ids["unique"])
            case _:
                return EachFrame(name, "clean", "examples", Pack(self.packer, self._call(name)), watch, ids["clean"])

    def _call(self, stage: str) -> Callable[..., Any]:
        return poisonable(stage, self.poisonous)


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
