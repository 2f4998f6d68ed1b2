"""`midstream up`: everything on the user's own repositories, kept running until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from midstream.commands.options import with_settings, without_lock
from midstream.settings import Settings
from streams.stages import STAGE

if TYPE_CHECKING:
    from midstream.status import Status
    from midstream.supervise import Program, Supervisor
    from streams.pace import Pace
    from streams.sources.report import SourcesReport

T = TypeVar("T")
LOCAL = ("127.0.0.1", "localhost", "[::1]", "::1")
BROKER_PATIENCE_S = 600
"""The first start fetches Kafka's jars."""
LEAVES_S = 20.0
"""A dead worker's session times out after 10 s (streams.worker.app), and the broker takes its time to see it."""
LOOK_S = 3.0
LINE_S = 10.0
SOURCES, WORKERS, TRAINER, SERVER = range(4)
"""Tiers: the order in which they are ended."""


@click.command()
@click.option(
    "--git", "repositories", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A repository to read and follow; may be given several times, beside [up] git.",
)  # fmt: skip
@without_lock
@with_settings
def up(settings: Settings, repositories: tuple[Path, ...], without_lock: bool) -> None:
    """Broker, sources, workers, trainer and server, each started again when it dies; Ctrl-C ends all in order."""
    where = ["--brokers", settings.kafka.brokers, "--prefix", settings.kafka.prefix]
    config = click.get_current_context().params.get("config")
    where += ["--config", str(config)] if config else []
    paths = _repositories((*settings.up.git, *repositories))
    from midstream.lock import FolderLock

    with FolderLock(settings.paths.state, "`midstream up`", unlocked=without_lock):
        asyncio.run(_run(settings, where, paths))


def _repositories(given: tuple[Path, ...]) -> list[Path]:
    """Each once. Refuses what git cannot read, before anything is started."""
    from streams.sources.git import History
    from streams.sources.objects import GitError

    paths = [path.expanduser().absolute() for path in dict.fromkeys(given)]
    if not paths:
        raise click.UsageError("Nothing to read: give --git PATH, or [up] git in midstream.toml.")
    wrong: list[str] = []
    for path in paths:
        try:
            History.open(path)
        except GitError as error:
            said = str(error)
            wrong.append(said if str(path) in said else f"{path}: {said}")
    if wrong:
        raise click.ClickException("git cannot read what is to be followed:\n" + "\n".join(wrong))
    return paths


def programs(settings: Settings, where: list[str], paths: list[Path]) -> list[Program]:
    """What runs once the broker answers and the topics are there."""
    from midstream.supervise import Program

    def midstream(*arguments: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "midstream", *arguments, *where)

    chosen, tokenizer = settings.up, settings.paths.tokenizer
    follow = ("--follow", "--versions", chosen.versions, "--interval", str(chosen.interval_s))
    follow += ("--fetch-every", str(chosen.fetch_every_s)) if chosen.fetch_every_s else ()
    made = [Program("ingest", midstream("ingest", "git", *map(str, paths), *follow), tier=SOURCES)]
    made += [Program(name, midstream("worker", name), tier=WORKERS) for name in STAGE]
    if tokenizer is not None and not tokenizer.exists():
        sample = ("--sample-bytes", str(chosen.sample_bytes), "--out", str(tokenizer))
        train = midstream("tokenizer", "train", "--from-git", *map(str, paths), *sample)
        made.append(Program("tokenizer", train, tier=SOURCES, once=True))
    made.append(Program("train", midstream("train"), tier=TRAINER))
    made.append(Program("serve", midstream("serve"), tier=SERVER))
    return made


def broker_program(settings: Settings, where: list[str]) -> Program | None:
    """The local broker, when one is configured and none answers."""
    from midstream.kafka.broker import KILL_SECONDS, STOP_SECONDS
    from midstream.supervise import Program

    host, _, port = settings.kafka.brokers.partition(",")[0].rpartition(":")
    if host not in LOCAL or settings.connection().ready():
        return None
    argv = (sys.executable, "-m", "midstream", "broker", "run", "--port", port, *where)
    return Program("broker", argv, orphaned=signal.SIGTERM, grace_s=STOP_SECONDS + KILL_SECONDS + 5)


async def _run(settings: Settings, where: list[str], paths: list[Path]) -> None:
    from midstream.supervise import Supervisor

    ending, logs = asyncio.Event(), settings.paths.state / "logs"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    kafka = await asyncio.to_thread(broker_program, settings, where)
    needs: list[str] = []
    broker = Supervisor([kafka] if kafka else [], logs)
    rest = Supervisor(programs(settings, where, paths), logs)
    await broker.start()
    try:
        if await _ready(settings, broker, ending):
            await asyncio.to_thread(_repair, settings, ending.is_set)
            await rest.start()
            needs = await _show(settings, _Run(broker, rest), ending)
        click.echo("ending …")
    finally:
        await rest.stop()
        await broker.stop()
    for need in needs:
        click.echo(need, err=True)
    if needs:
        raise click.ClickException(f"This needs a person; the logs are in {logs}.")


def _repair(settings: Settings, ended: Callable[[], bool]) -> None:
    """What needs no decision: groups without offsets, rewinds. Loss is for a person to accept."""
    from midstream.commands.repair import lines
    from midstream.repair import look
    from streams.kafka.connection import GroupInUse
    from streams.repair.act import act
    from streams.repair.plan import Skip

    try:
        gaps, steps = _once_free(partial(look, settings), ended)
        for line_ in lines(gaps, steps):
            click.echo(line_)
        if any(isinstance(step, Skip) for step in steps):
            click.echo("Some of it is lost for good: `midstream repair --accept-loss` goes on without it.", err=True)
        elif steps:
            act(settings.connection(), steps)
    except GroupInUse as error:
        click.echo(f"{error}. Other workers run on these topics, so nothing was repaired.", err=True)


def _once_free(look: Callable[[], T], ended: Callable[[], bool]) -> T:
    """What `look` says once no group has members: a worker that was killed counts as one until its session times out.
    Raises GroupInUse when they stay."""
    from streams.kafka.connection import GroupInUse

    deadline, said = time.monotonic() + LEAVES_S, False
    while True:
        try:
            return look()
        except GroupInUse as error:
            if ended() or time.monotonic() > deadline:
                raise
            if not said:
                click.echo(f"{error}. If they were killed, they are gone in {LEAVES_S:.0f} s at most: waiting …")
            said = True
            time.sleep(1)


async def _ready(settings: Settings, broker: Supervisor, ending: asyncio.Event) -> bool:
    """Waits for the broker and makes the topics; False when it was told to end before."""
    from streams.kafka.topics import create

    connection, kafka = settings.connection(), settings.kafka
    deadline = time.monotonic() + (BROKER_PATIENCE_S if broker.restarts else 0)
    while time.monotonic() < deadline and not ending.is_set():
        if await asyncio.to_thread(connection.ready):
            break
        if broker.restarts["broker"]:
            raise click.ClickException(f"The broker does not start; see {settings.paths.state / 'logs/broker.log'}.")
        await asyncio.sleep(0.2)
    if ending.is_set():
        return False
    await asyncio.to_thread(create, connection, kafka.partitions, kafka.replication)
    return True


@dataclass(frozen=True)
class _Run:
    broker: Supervisor
    rest: Supervisor

    def state(self, name: str) -> str:
        if name in self.rest.done:
            return "done"
        return "runs" if name in {**self.rest.running, **self.broker.running} else "waits"

    @property
    def states(self) -> dict[str, tuple[str, int]]:
        """Of each program: what it does, and how often it was started again."""
        return {name: (self.state(name), n) for name, n in self.restarts.items()}

    @property
    def waits(self) -> str:
        """What ending waits for."""
        names = ", ".join({**self.rest.running, **self.broker.running})
        return f"ending: waits for {names}; the trainer writes a checkpoint first"

    @property
    def restarts(self) -> dict[str, int]:
        return {**self.broker.restarts, **self.rest.restarts}


async def _show(settings: Settings, run: _Run, ending: asyncio.Event) -> list[str]:
    """Until told to end: a page of text, or a line every ten seconds where there is no terminal.

    Returns what needs a person, as of the last look.
    """
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from midstream.page import page

    console = Console()
    logs = str(settings.paths.state / "logs")
    if not console.is_terminal:
        found = None
        while not await _ended(ending, LINE_S):
            found, sources, pace = await _look(settings)
            click.echo(line(found, sources, pace, run.restarts))
        return found.needs if found else []
    with Live(console=console, auto_refresh=False) as live:
        while True:
            found, sources, pace = await _look(settings)
            shown = page(found, sources, pace, run.states, logs, console.width)
            live.update(Text(shown), refresh=True)
            if await _ended(ending, LOOK_S):
                live.update(Text(shown + "\n" + run.waits), refresh=True)
                return found.needs if found else []


async def _ended(ending: asyncio.Event, within_s: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(ending.wait(), within_s)
    return ending.is_set()


async def _look(settings: Settings) -> tuple[Status | None, SourcesReport | None, Pace | None]:
    """Status is None while the broker is away: that is for its restart to mend."""
    from midstream.status import collect
    from streams import pace
    from streams.kafka.connection import Unreachable
    from streams.sources import report

    told = report.read(settings.paths.state), pace.read(settings.paths.state)
    try:
        return await asyncio.to_thread(collect, settings), *told
    except Unreachable:
        return None, *told


def line(found: Status | None, sources: SourcesReport | None, pace: Pace | None, restarts: dict[str, int]) -> str:
    """One plain line of what the page shows."""
    from midstream.page import lag, training

    if found is None:
        return "no broker answers"
    parts = ["stages behind " + " ".join(f"{stage.name} {stage.lag}" for stage in found.stages)]
    parts += [f"train {found.trainer.lag}"] if found.trainer else []
    parts += [training(found, pace), lag(sources)]
    parts += [f"{name} started again {n} times" for name, n in restarts.items() if n]
    parts += [f"NEEDS A PERSON: {need}" for need in found.needs]
    return " | ".join(parts)
