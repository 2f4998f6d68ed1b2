"""What `midstream up` shows while it runs: a page on a terminal, else a line every ten seconds."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from midstream.machine.disk import warning as full_disk
from midstream.settings import Settings

if TYPE_CHECKING:
    from midstream.processes.supervise import Supervisor
    from midstream.status.overview import Status
    from streams.pace import Pace
    from streams.sources.report import SourcesReport

LOOK_S = 3.0
LINE_S = 10.0


@dataclass(frozen=True)
class Run:
    """The supervisors of one `up`."""

    broker: Supervisor
    rest: Supervisor
    server: Supervisor

    def state(self, name: str) -> str:
        if name in self.rest.done:
            return "done"
        return "runs" if name in self.running else "waits"

    @property
    def states(self) -> dict[str, tuple[str, int]]:
        """Of each program: what it does, and how often it was started again."""
        return {name: (self.state(name), n) for name, n in self.restarts.items()}

    def needs(self, logs: str) -> list[str]:
        """Programs that die again and again, for a person to look at."""
        failing = [*self.broker.failing, *self.rest.failing, *self.server.failing]
        return [f"{name} dies again and again; its log is {logs}/{name}.log" for name in failing]

    @property
    def waits(self) -> str:
        """What ending waits for."""
        names = ", ".join(self.running)
        return f"ending: waits for {names}; the trainer writes a checkpoint first"

    @property
    def restarts(self) -> dict[str, int]:
        return {**self.broker.restarts, **self.rest.restarts, **self.server.restarts}

    @property
    def running(self) -> dict[str, int]:
        return {**self.broker.running, **self.rest.running, **self.server.running}


async def show(settings: Settings, run: Run, ending: asyncio.Event) -> list[str]:
    """Until told to end: a page of text, or a line every ten seconds where there is no terminal.

    Returns what needs a person, as of the last look.
    """
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from midstream.models.shortfall import of_tokenizer
    from midstream.status.page import page

    console = Console()
    logs = str(settings.paths.state / "logs")
    if not console.is_terminal:
        status, said = None, ""
        while not await ended(ending, LINE_S):
            status, sources, pace = await look(settings, run.needs(logs))
            if (note := await asyncio.to_thread(of_tokenizer, settings)) != said:
                click.echo(note)
                said = note
            click.echo(
                " ".join(filter(None, [line(status, sources, pace, run.restarts), full_disk(settings.paths.state)]))
            )
        return status.needs if status else []
    with Live(console=console, auto_refresh=False) as live:
        while True:
            status, sources, pace = await look(settings, run.needs(logs))
            notes = [n for n in (await asyncio.to_thread(of_tokenizer, settings), full_disk(settings.paths.state)) if n]
            shown = page(status, sources, pace, run.states, logs, console.width, notes)
            live.update(Text(shown), refresh=True)
            if await ended(ending, LOOK_S):
                live.update(Text(f"{shown}\n{run.waits}"), refresh=True)
                return status.needs if status else []


async def ended(ending: asyncio.Event, within_s: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(ending.wait(), within_s)
    return ending.is_set()


async def look(settings: Settings, needs: list[str]) -> tuple[Status | None, SourcesReport | None, Pace | None]:
    """Status is None while the broker is away: that is for its restart to mend. `needs`: known beside it."""
    import msgspec

    from midstream.status.overview import collect
    from streams import pace
    from streams.kafka.connection import Unreachable
    from streams.sources import report

    reports = report.read(settings.paths.state), pace.read(settings.paths.state)
    try:
        status = await asyncio.to_thread(collect, settings)
        return msgspec.structs.replace(status, needs=[*status.needs, *needs]), *reports
    except Unreachable:
        return None, *reports


def line(status: Status | None, sources: SourcesReport | None, pace: Pace | None, restarts: dict[str, int]) -> str:
    """One plain line of what the page shows."""
    from midstream.status.page import lag, left, training

    if status is None:
        return "no broker answers"
    parts = ["stages behind " + " ".join(f"{stage.name} {stage.lag}" for stage in status.stages)]
    parts += [f"train {status.trainer.lag}"] if status.trainer else []
    parts += [training(status, pace), lag(sources)]
    parts += [f"left {words}" for words in [left(sources)] if words]
    parts += [f"{name} started again {n} times" for name, n in restarts.items() if n]
    parts += [f"NEEDS A PERSON: {need}" for need in status.needs]
    return " | ".join(parts)
