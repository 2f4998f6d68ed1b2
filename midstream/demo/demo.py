"""The demo: the whole path once, on real input, with every figure of the report measured in the run.

Steps run in their order and each is timed; one that fails names itself. Everything it starts it
ends, also after a failure or Ctrl-C.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from midstream.audit import audit
from midstream.demo import corpus
from midstream.demo.comparison import Comparison, free_port
from midstream.demo.freshness import FreshnessWatch, Scratch
from midstream.demo.programs import Programs
from midstream.demo.report import Report
from midstream.demo.training import Training
from midstream.kafka.broker import Broker
from midstream.processes.lock import NAME as LOCK
from midstream.settings import Settings, load
from model.manifest import newest
from server.client import AsyncClient
from streams.stages import STAGES

RECIPE = Path(__file__).with_name("demo.toml")
FILES, HELD_OUT = 1500, 40
FILE_BYTES = (150, 1500)
SHARE = 400
"""Most files of one package."""
SAMPLE_BYTES = 600_000
HISTORY = 30
"""Commits of this checkout's history that are read, from the first."""
COMMITS = 5


class StepFailed(RuntimeError):
    """A step of the demo failed; the message names it and says why."""


@dataclass
class Demo:
    checkout: Path
    """The git repository whose history is ingested."""
    state: Path
    """A folder of the demo's own; what an earlier demo left there is removed."""
    cache: Path
    say: Callable[[str], None]
    report: Report = field(default_factory=Report)
    step: str = ""
    settings: Settings = field(default_factory=Settings)
    held_out: list[tuple[str, str]] = field(default_factory=list)
    packages: dict[corpus.Pin, Path] = field(default_factory=dict)
    first: Path | None = None
    """Copy of the first checkpoint, which the trainer prunes."""

    def __post_init__(self) -> None:
        self.programs = Programs(self.state)

    async def run(self) -> Report:
        """All steps. Raises StepFailed."""
        steps: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("corpus", self.fetch), ("broker", self.start_broker), ("workers", self.start_workers),
            ("ingest", self.ingest), ("tokenizer", self.train_tokenizer), ("training", self.train),
            ("freshness", self.commit_and_wait), ("audit", self.account), ("completions", self.compare),
        ]  # fmt: skip
        self.report.machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
        began = time.monotonic()
        try:
            for self.step, step in steps:
                at = time.monotonic()
                self.say(f"{self.step}: begins")
                await step()
                self.report.seconds[self.step] = round(time.monotonic() - at, 1)
                self.say(f"{self.step}: done in {self.report.seconds[self.step]:.1f} s")
        except Exception as error:
            raise StepFailed(
                f"step {self.step} failed: {type(error).__name__}: {error} (logs: {self.programs.logs})"
            ) from error
        finally:
            await self.stop()
        self.report.seconds["total"] = round(time.monotonic() - began, 1)
        self.report.seconds["total_without_downloads"] = round(
            self.report.seconds["total"] - self.report.seconds["corpus"], 1
        )
        return self.report

    @property
    def checkpoints(self) -> Path:
        return self.state / "checkpoints"

    async def stop(self) -> None:
        """End what was started, the broker last."""
        await self.programs.stop()
        await asyncio.to_thread(Broker(self.state, self.cache).stop)

    async def fetch(self) -> None:
        if self.state.exists():
            await asyncio.to_thread(Broker(self.state, self.cache).stop)
            await asyncio.to_thread(_clear, self.state)
        self.state.mkdir(parents=True, exist_ok=True)
        self.packages = await asyncio.to_thread(corpus.fetch, self.cache, self.say)
        files = list(corpus.small_files(self.packages, *FILE_BYTES, SHARE))
        test_files = [f for f in files if f.path.endswith(".py") and f.pin.name != "pip" and len(f.text) > 800][
            :HELD_OUT
        ]
        training_files = [f for f in files if f not in test_files][:FILES]
        self.held_out = [(f.path, f.text) for f in test_files]
        folders = corpus.write(training_files, self.packages, self.state / "corpus")
        self.say(f"corpus: {len(training_files)} files of {len(folders)} packages, {len(test_files)} more held out")

    async def start_broker(self) -> None:
        port = free_port()
        self.programs.config.write_text(
            RECIPE.read_text()
            + f'\n[kafka]\nbrokers = "127.0.0.1:{port}"\nprefix = "demo."\n'
            + f'\n[paths]\nstate = "{self.state}"\ncache = "{self.cache}"\n'
            + f'\n[serve]\nlisten = "127.0.0.1:{free_port()}"\n'
        )
        self.settings = load(self.programs.config)
        started = await asyncio.to_thread(Broker(self.state, self.cache).start, port)
        self.report.broker_ready_s = round(started.seconds, 1)
        await self.programs.command("topics", "create")

    async def start_workers(self) -> None:
        await self.programs.start(*(self.programs.program(f"worker-{s.name}", "worker", s.name) for s in STAGES))

    async def ingest(self) -> None:
        """This checkout's history, the chosen files, the notebooks and the issue events."""
        self.say(await self.programs.command("ingest", "git", str(self.checkout), "--max-commits", str(HISTORY)))
        folders = [str(p) for p in sorted((self.state / "corpus").iterdir())]
        self.say(await self.programs.command("ingest", "files", *folders))
        notebooks = [str(p) for pin, p in self.packages.items() if pin.kind == "sdist"]
        self.say(await self.programs.command("ingest", "notebooks", *notebooks))
        octokit = next(p for pin, p in self.packages.items() if pin.name.endswith("webhooks-examples"))
        self.say(
            await self.programs.command("ingest", "events", *(str(p) for p in sorted(octokit.rglob("index.json"))))
        )

    async def train_tokenizer(self) -> None:
        words = ("--from-topic", "--sample-bytes", str(SAMPLE_BYTES), "--patience", "10")
        self.say(await self.programs.command("tokenizer", "train", *words))

    async def train(self) -> None:
        training = Training(self.programs, self.settings, self.report, self.say)
        await training.run(self.held_out)
        self.first = training.first

    async def commit_and_wait(self) -> None:
        """Five commits, one by one, to a repository that is being followed."""
        from streams.kafka.topics import genesis

        scratch = Scratch(self.state / "scratch")
        follow = ("ingest", "git", str(scratch.folder), "--follow", "--name", "scratch")
        await self.programs.start(self.programs.program("follow", *follow))
        connection = self.settings.connection()
        seconds: list[float] = []
        async with AsyncClient(self.settings.serve.listen) as server:
            watch = FreshnessWatch(connection, genesis(connection), self.checkpoints, server)
            await asyncio.sleep(5)
            for number in range(1, COMMITS + 1):
                above = watch.here()
                sha = scratch.commit(number)
                began = time.monotonic()
                seconds.append(await watch.served(sha, above) - began)
                self.say(f"commit {number} of {COMMITS} was served after {seconds[-1]:.1f} s")
        self.report.fresh(seconds)

    async def account(self) -> None:
        """End sources, workers and trainer in good order, then hold the ids of both ends against each other."""
        for name in ("follow", "trainer", "worker-prepare"):
            await self.programs.end(name)
        from streams.feed.state import decode

        checkpoint = newest(self.checkpoints)
        assert checkpoint is not None
        result = await asyncio.to_thread(audit, self.settings.connection(), self.checkpoints, decode(checkpoint[1]))
        r = self.report
        for name in ("events", "documents", "trained", "waiting", "rejected", "dead_letters", "lost", "trained_twice"):
            setattr(r, name, getattr(result, name))
        r.in_flight = result.in_flight
        last = self.programs.progress()
        r.packing_use, r.packing_use_flushed = last["use"], last["flushed_use"]
        r.full_rows, r.flushed_rows, r.steps, r.tokens = (
            last["full_rows"], last["flushed_rows"], last["step"], last["tokens"]
        )  # fmt: skip

    async def compare(self) -> None:
        assert self.first is not None
        await Comparison(self.programs, self.settings, self.report).run(self.held_out, self.first)


def _clear(folder: Path) -> None:
    """All but the lock of the one that clears it."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()
