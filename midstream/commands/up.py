"""`midstream up`: everything on the user's own repositories, kept running until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from midstream.commands.options import with_settings, without_lock
from midstream.settings import LOCAL, Settings
from streams.stages import STAGE

if TYPE_CHECKING:
    from midstream.processes.supervise import Program, Supervisor

T = TypeVar("T")
BROKER_PATIENCE_S = 600
"""The first start fetches Kafka's jars."""
LEAVES_S = 20.0
"""A dead worker's session times out after 10 s (streams.worker.app), and the broker takes its time to see it."""


@click.command()
@click.option(
    "--git", "repositories", multiple=True, type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A repository to read and follow; may be given several times, beside [up] git.",
)  # fmt: skip
@without_lock
@with_settings
def up(settings: Settings, repositories: tuple[Path, ...], without_lock: bool) -> None:
    """Broker, sources, workers, trainer and server, each started again when it dies; Ctrl-C ends them all."""
    where = ["--brokers", settings.kafka.brokers, "--prefix", settings.kafka.prefix]
    config = click.get_current_context().params.get("config")
    where += ["--config", str(config)] if config else []
    paths = _repositories((*settings.up.git, *repositories))
    _try_access(settings)
    from midstream.models import fits, weights
    from midstream.processes.lock import FolderLock

    with FolderLock(settings.paths.state, "`midstream up`", unlocked=without_lock):
        weights.begin(settings, click.echo, to_train=True)
        if settings.paths.checkpoints is not None:
            fits.refuse_untrained(settings.paths.checkpoints)
        if word := weights.warning(settings):
            click.echo(word, err=True)
        asyncio.run(_run(settings, where, paths))


def _try_access(settings: Settings) -> None:
    """What the server would end with is said before anything is started. Raises ClickException."""
    from server.access.config import access_of
    from server.access.tls import TlsError
    from server.access.tokens import TokensError

    access = access_of(settings.serve)
    try:
        access.gate()
        access.tls()
    except (TlsError, TokensError) as error:
        raise click.ClickException(f"[serve]: {error}") from error


def _repositories(arguments: tuple[Path, ...]) -> list[Path]:
    """Each once. Where git can read none of them, that is said before anything is started; one that it cannot read is
    named, and tried again while the others are followed."""
    from streams.sources.git.history import History
    from streams.sources.git.objects import GitError

    paths = [path.expanduser().absolute() for path in dict.fromkeys(arguments)]
    if not paths:
        raise click.UsageError("Nothing to read: give --git PATH, or [up] git in midstream.toml.")
    wrong: list[str] = []
    for path in paths:
        try:
            History.open(path)
        except GitError as error:
            said = str(error)
            wrong.append(said if str(path) in said else f"{path}: {said}")
    if len(wrong) == len(paths):
        raise click.ClickException("git cannot read what is to be followed:\n" + "\n".join(wrong))
    for sentence in wrong:
        click.echo(f"not read, and tried again: {sentence}", err=True)
    return paths


def programs(settings: Settings, where: list[str], paths: list[Path]) -> list[Program]:
    """What runs once the broker answers and the topics are there."""
    from midstream.processes.supervise import Program

    def midstream(*arguments: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "midstream", *arguments, *where)

    chosen, tokenizer = settings.up, settings.paths.tokenizer
    follow = ("--follow", "--versions", chosen.versions, "--interval", str(chosen.interval_s))
    follow += ("--fetch-every", str(chosen.fetch_every_s)) if chosen.fetch_every_s else ()
    rest = [Program("ingest", midstream("ingest", "git", *map(str, paths), *follow))]
    rest += [Program(name, midstream("worker", name)) for name in STAGE]
    if tokenizer is not None and not tokenizer.exists():
        sample = ("--sample-bytes", str(chosen.sample_bytes), "--out", str(tokenizer))
        train = midstream("tokenizer", "train", "--from-git", *(str(path) for path in paths if path.exists()), *sample)
        rest.append(Program("tokenizer", train, once=True))
    rest.append(Program("train", midstream("train")))
    return rest


def server_program(where: list[str]) -> Program:
    """What needs no broker: it follows the checkpoints."""
    from midstream.processes.supervise import Program

    return Program("serve", (sys.executable, "-m", "midstream", "serve", *where))


def broker_program(settings: Settings, where: list[str]) -> Program | None:
    """The local broker, when one is configured and none answers."""
    from midstream.kafka.broker import KILL_SECONDS, STOP_SECONDS
    from midstream.processes.supervise import Program

    host, _, port = settings.kafka.brokers.partition(",")[0].rpartition(":")
    if host not in LOCAL or settings.connection().ready():
        return None
    argv = (sys.executable, "-m", "midstream", "broker", "run", "--port", port, *where)
    return Program("broker", argv, orphaned=signal.SIGTERM, grace_s=STOP_SECONDS + KILL_SECONDS + 5)


async def _run(settings: Settings, where: list[str], paths: list[Path]) -> None:
    from midstream.processes.supervise import Supervisor
    from midstream.status.watch import Run, show

    ending, logs = asyncio.Event(), settings.paths.state / "logs"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    needs: list[str] = []
    server = Supervisor([server_program(where)], logs)
    broker = Supervisor([], logs)
    rest = Supervisor(programs(settings, where, paths), logs)
    try:
        await _greet(settings, paths, server, ending)
        kafka = None if ending.is_set() else await asyncio.to_thread(broker_program, settings, where)
        broker = Supervisor([kafka] if kafka else [], logs)
        await broker.start()
        if await _ready(settings, broker, ending):
            await asyncio.to_thread(_repair, settings, ending.is_set)
            await rest.start()
            needs = await show(settings, Run(broker, rest, server), ending)
        click.echo("ending: the trainer writes a checkpoint first …" if rest.running else "ending …")
    finally:
        await asyncio.gather(rest.stop(), server.stop())
        await broker.stop()
    for need in needs:
        click.echo(need, err=True)
    if needs:
        raise click.ClickException(f"This needs a person; the logs are in {logs}.")


async def _greet(settings: Settings, paths: list[Path], server: Supervisor, ending: asyncio.Event) -> None:
    """The last checkpoint is served at once; without one, what to expect is said, and of weights that were brought
    which training this machine can do."""
    from midstream.machine.afford import sentences
    from midstream.status.promise import promise
    from model.manifest import CheckpointError, newest

    await server.start()
    try:
        checkpoint = newest(settings.paths.checkpoints) if settings.paths.checkpoints else None
    except CheckpointError:
        return  # the trainer says what is wrong with it
    if checkpoint is not None:
        what = f"step {checkpoint[0].step:,} of the last run" if checkpoint[0].step else checkpoint[0].imported
        click.echo(f"{what} is served on {settings.serve.listen}")
        if not checkpoint[0].step:
            for sentence in await asyncio.to_thread(sentences, settings, checkpoint[0].model, ending.is_set):
                click.echo(sentence)
        return
    said = await asyncio.to_thread(promise, settings, paths, ending.is_set)
    for sentence in [] if ending.is_set() else said:
        click.echo(sentence)


def _repair(settings: Settings, ended: Callable[[], bool]) -> None:
    """What needs no decision: groups without offsets, rewinds. Loss is for a person to accept."""
    from midstream.commands.repair import lines
    from midstream.repair import look
    from streams.kafka.connection import GroupInUse
    from streams.repair.act import act
    from streams.repair.steps import Skip

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
