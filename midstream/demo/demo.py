"""The demo: the whole path once, on real input, with every figure of the report measured in the run.

Steps run in their order and each is timed; one that fails names itself. Everything it starts it
ends, also after a failure or Ctrl-C.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from midstream.audit import audit
from midstream.demo import corpus
from midstream.demo.freshness import FreshnessWatch, Scratch
from midstream.demo.probe import CompletionPlace, Editor, places
from midstream.demo.report import Report
from midstream.kafka.broker import Broker
from midstream.settings import Settings, load
from midstream.status import caught_up
from midstream.supervise import Program, Supervisor
from model.manifest import age, folders, newest
from server.client import AsyncClient, ServerError
from streams.stages import STAGES

RECIPE = Path(__file__).with_name("demo.toml")
FILES, HELD_OUT = 1500, 40
FILE_BYTES = (150, 1500)
SHARE = 400
"""Most files of one package."""
SAMPLE_BYTES = 600_000
HISTORY = 30
"""Commits of this checkout's history that are read, from the first."""
PLACES, EVERY_S = 400, 1.5
COMMITS = 5
SHOWN = 4


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
    ports: tuple[int, int, int] = (0, 0, 0)
    """Broker, server, and the server of the first checkpoint."""
    settings: Settings = field(default_factory=Settings)
    crews: list[Supervisor] = field(default_factory=list)
    held_out: list[tuple[str, str]] = field(default_factory=list)
    packages: dict[corpus.Pin, Path] = field(default_factory=dict)
    first: Path | None = None
    """Copy of the first checkpoint, which the trainer prunes."""
    times: list[float] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)
    models: set[str] = field(default_factory=set)

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
            raise StepFailed(f"step {self.step} failed: {type(error).__name__}: {error} (logs: {self.logs})") from error
        finally:
            await self.stop()
        self.report.seconds["total"] = round(time.monotonic() - began, 1)
        self.report.seconds["total_without_downloads"] = round(
            self.report.seconds["total"] - self.report.seconds["corpus"], 1
        )
        return self.report

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def checkpoints(self) -> Path:
        return self.state / "checkpoints"

    async def stop(self) -> None:
        """End what was started, the last first."""
        for crew in reversed(self.crews):
            await crew.stop()
        await asyncio.to_thread(Broker(self.state, self.cache).stop)

    async def fetch(self) -> None:
        if self.state.exists():
            await asyncio.to_thread(Broker(self.state, self.cache).stop)
            shutil.rmtree(self.state)
        self.state.mkdir(parents=True)
        self.packages = await asyncio.to_thread(corpus.fetch, self.cache, self.say)
        files = list(corpus.small_files(self.packages, *FILE_BYTES, SHARE))
        held = [f for f in files if f.path.endswith(".py") and f.pin.name != "pip" and len(f.text) > 800][:HELD_OUT]
        kept = [f for f in files if f not in held][:FILES]
        self.held_out = [(f.path, f.text) for f in held]
        folders = corpus.write(kept, self.packages, self.state / "corpus")
        self.say(f"corpus: {len(kept)} files of {len(folders)} packages, {len(held)} more held out")

    async def start_broker(self) -> None:
        self.ports = (_free_port(), _free_port(), _free_port())
        config = self.state / "midstream.toml"
        config.write_text(
            RECIPE.read_text()
            + f'\n[kafka]\nbrokers = "127.0.0.1:{self.ports[0]}"\nprefix = "demo."\n'
            + f'\n[paths]\nstate = "{self.state}"\ncache = "{self.cache}"\n'
            + f'\n[serve]\nlisten = "127.0.0.1:{self.ports[1]}"\n'
        )
        self.settings = load(config)
        started = await asyncio.to_thread(Broker(self.state, self.cache).start, self.ports[0])
        self.report.broker_ready_s = round(started.seconds, 1)
        await self.command("topics", "create")

    async def start_workers(self) -> None:
        await self.crew(*(self.program(f"worker-{s.name}", "worker", s.name) for s in STAGES))

    async def ingest(self) -> None:
        """This checkout's history, the chosen files, the notebooks and the issue events."""
        self.say(await self.command("ingest", "git", str(self.checkout), "--max-commits", str(HISTORY)))
        folders = [str(p) for p in sorted((self.state / "corpus").iterdir())]
        self.say(await self.command("ingest", "files", *folders))
        notebooks = [str(p) for pin, p in self.packages.items() if pin.kind == "sdist"]
        self.say(await self.command("ingest", "notebooks", *notebooks))
        octokit = next(p for pin, p in self.packages.items() if pin.name.endswith("webhooks-examples"))
        self.say(await self.command("ingest", "events", *(str(p) for p in sorted(octokit.rglob("index.json")))))

    async def train_tokenizer(self) -> None:
        words = ("--from-topic", "--sample-bytes", str(SAMPLE_BYTES), "--patience", "10")
        self.say(await self.command("tokenizer", "train", *words))

    async def train(self) -> None:
        """Train on all of it while it flows and is served; an editor asks all the time."""
        await self.crew(self.program("trainer", "train", "--json"))
        await self.crew(self.program("server", "serve"))
        root = self.state / "editor"
        root.mkdir()
        editor = Editor(root, f"127.0.0.1:{self.ports[1]}")
        await editor.start()
        asked = iter(places(self.held_out, PLACES))
        try:
            while not await self.trained_all() or len(self.times) < 50:
                if place := next(asked, None):
                    await self.ask(editor, place)
                await asyncio.sleep(EVERY_S)
        finally:
            await editor.stop()
        self.report.timed(self.times)
        self.report.tokens_per_s = round(median(self.speeds), 1)
        self.report.checkpoints_served = len(self.models)

    async def ask(self, editor: Editor, place: CompletionPlace) -> None:
        self.keep_first()
        if not self.first:
            return
        answer = await editor.complete(place)
        if answer.model:
            self.models.add(answer.model)
        self.times.append(answer.milliseconds)
        self.report.completions_empty += not answer.text

    def keep_first(self) -> None:
        if self.first is None and (found := [p for p in folders(self.checkpoints) if (at := age(p.name)) and at.step]):
            self.first = self.state / "first" / found[0].name
            shutil.copytree(found[0], self.first)

    async def trained_all(self) -> bool:
        """Nothing is under way in any stage, in a topic or in a bin."""
        progress = self.progress()
        if progress.get("tokens_per_s", 0) > 0:
            self.speeds.append(progress["tokens_per_s"])
        self.say(_line(progress, len(self.times)))
        if not progress or progress["lag"] or progress["waiting"] or not progress["trained"]:
            return False
        return await asyncio.to_thread(caught_up, self.settings.connection())

    async def commit_and_wait(self) -> None:
        """Five commits, one by one, to a repository that is being followed."""
        from streams.kafka.topics import genesis

        scratch = Scratch(self.state / "scratch")
        follow = ("ingest", "git", str(scratch.folder), "--follow", "--name", "scratch")
        await self.crew(self.program("follow", *follow))
        connection = self.settings.connection()
        seconds: list[float] = []
        async with AsyncClient(f"127.0.0.1:{self.ports[1]}") as server:
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
            await self.crew_of(name).stop()
        from streams.feed.state import decode

        checkpoint = newest(self.checkpoints)
        assert checkpoint is not None
        found = await asyncio.to_thread(audit, self.settings.connection(), self.checkpoints, decode(checkpoint[1]))
        r = self.report
        for name in ("events", "documents", "trained", "waiting", "rejected", "dead_letters", "lost", "trained_twice"):
            setattr(r, name, getattr(found, name))
        r.in_flight = found.in_flight
        last = self.progress()
        r.packing_use, r.packing_use_flushed = last["use"], last["flushed_use"]
        r.full_rows, r.flushed_rows, r.steps, r.tokens = (
            last["full_rows"], last["flushed_rows"], last["step"], last["tokens"]
        )  # fmt: skip

    async def compare(self) -> None:
        """Bits per byte of the held-out files, and the same completions, by the first and the last checkpoint."""
        assert self.first is not None
        last = folders(self.checkpoints)[-1]
        r = self.report
        r.held_out_files = len(self.held_out)
        r.bits_per_byte_first = await asyncio.to_thread(score, self.first, self.held_out)
        r.bits_per_byte_last = await asyncio.to_thread(score, last, self.held_out)
        await self.crew(
            self.program(
                "first", "serve", "--checkpoints", str(self.first.parent), "--listen", f"127.0.0.1:{self.ports[2]}"
            )
        )
        chosen = places(self.held_out, PLACES)[-SHOWN:]
        for who, port in (("first", self.ports[2]), ("last", self.ports[1])):
            for place, text in zip(chosen, await self.answers(port, chosen), strict=True):
                row = next((e for e in r.examples if e["path"] == place.path and e["wanted"] == place.wanted), None)
                if row is None:
                    before = place.before.rsplit("\n", 1)[-1].strip()
                    row = {"path": place.path, "before": before, "wanted": place.wanted}
                    r.examples.append(row)
                row[who] = text

    async def answers(self, port: int, chosen: list[CompletionPlace]) -> list[str]:
        await _ready(f"127.0.0.1:{port}")
        editor = Editor(self.state / "editor", f"127.0.0.1:{port}")
        await editor.start()
        try:
            return [(await editor.complete(place)).text for place in chosen]
        finally:
            await editor.stop()

    # How programs are run.

    def program(self, name: str, *words: str) -> Program:
        environment = {"MIDSTREAM_CONFIG": str(self.state / "midstream.toml"), "TOKENIZERS_PARALLELISM": "false"}
        return Program(name, (sys.executable, "-m", "midstream", *words), environment)

    async def crew(self, *programs: Program) -> None:
        crew = Supervisor(programs, self.logs)
        self.crews.append(crew)
        await crew.start()

    def crew_of(self, name: str) -> Supervisor:
        return next(c for c in self.crews if name in c.restarts)

    async def command(self, *words: str) -> str:
        """Run a midstream command to its end; its last lines. Raises RuntimeError when it fails."""
        program = self.program("command", *words)
        process = await asyncio.create_subprocess_exec(
            *program.argv, env={**os.environ, **program.env},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        lines = [line for line in out.decode(errors="replace").splitlines() if line.strip()]
        if process.returncode:
            raise RuntimeError(f"`midstream {' '.join(words[:2])}` ended with {process.returncode}: {lines[-1:]}")
        return "; ".join(lines[-3:])

    def progress(self) -> dict[str, Any]:
        """The trainer's last line."""
        with suppress(OSError, ValueError, IndexError):
            lines = [row for row in (self.logs / "trainer.log").read_text().splitlines() if row.startswith("{")]
            return json.loads(lines[-1])
        return {}


def score(checkpoint: Path, held_out: list[tuple[str, str]]) -> float:
    """Bits per byte of the files, left to right."""
    from model.checkpoint import load_model
    from model.fim.fim import file_head
    from model.training.score import evaluate

    model, _, tokenizer = load_model(checkpoint)
    return round(evaluate(model, tokenizer, [(file_head(path), text) for path, text in held_out]), 4)


def _line(progress: dict[str, Any], asked: int) -> str:
    if not progress:
        return "training: waiting for the first step"
    bits = progress["bits_per_byte"]
    score = "no step yet" if bits is None else f"{bits:.3f} bits/byte"
    return (
        f"training: step {progress['step']}, {progress['tokens_per_s']} tokens/s, "
        f"{score}, lag {progress['lag']}, trained {progress['trained']}, "
        f"waiting {progress['waiting']}, {asked} completions"
    )


async def _ready(address: str) -> None:
    async with AsyncClient(address) as client:
        for _ in range(120):
            with suppress(ServerError):
                await client.model()
                return
            await asyncio.sleep(0.5)


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
