"""`midstream broker start|stop|status`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from midstream.commands.options import keep_private, with_settings
from midstream.processes.stop import Stop
from midstream.settings import LOCAL, Settings

port_option = click.option(
    "--port",
    type=click.IntRange(1, 65_535),
    help="Where clients connect on this machine.  [default: that of [kafka] brokers]",
)
state_option = click.option("--state", type=click.Path(path_type=Path), help="Folder of the broker's data.")


@click.group()
def broker() -> None:
    """Start, stop and inspect the local Apache Kafka broker."""


@broker.command()
@port_option
@state_option
@with_settings
def start(settings: Settings, port: int | None, state: Path | None) -> None:
    """Fetch Kafka's jars once, then start the broker in the background and wait until it answers."""
    from midstream.kafka.broker import KAFKA_VERSION

    with _Bar() as bar:
        started = _broker(settings, state).start(port or _port(settings), bar.show)
    if started.fresh:
        click.echo(f"Kafka {KAFKA_VERSION} answers at {started.running.brokers} after {started.seconds:.1f} s")
    else:
        click.echo(f"Kafka already runs at {started.running.brokers}")


@broker.command()
@port_option
@state_option
@with_settings
def run(settings: Settings, port: int | None, state: Path | None) -> None:
    """Start the broker and stay until SIGTERM or Ctrl-C stops both; exit 1 when the broker dies."""
    broker = _broker(settings, state)
    with Stop() as stop:
        started = broker.start(port or _port(settings), bound=True)
        click.echo(f"Kafka answers at {started.running.brokers} after {started.seconds:.1f} s")
        while not stop.wait(0.5):
            if broker.status() is None:
                sys.exit(1)
        broker.stop()


@broker.command()
@state_option
@with_settings
def stop(settings: Settings, state: Path | None) -> None:
    """Stop the broker; its data stays."""
    click.echo("stopped" if _broker(settings, state).stop() else "no broker was running")


@broker.command()
@state_option
@with_settings
def status(settings: Settings, state: Path | None) -> None:
    """Say whether the broker runs; exit 1 when it does not."""
    broker = _broker(settings, state)
    running = broker.status()
    if running is None:
        click.echo("not running")
        sys.exit(1)
    click.echo(f"running at {running.brokers}, process {running.pid}, data in {broker.folder}")


def _port(settings: Settings) -> int:
    """Of [kafka] brokers, which is where the other commands look for it. Raises UsageError for another machine's."""
    host, _, port = settings.kafka.brokers.partition(",")[0].rpartition(":")
    if host not in LOCAL or not port.isdigit():
        raise click.UsageError(
            f"[kafka] brokers names {settings.kafka.brokers}, which is not on this machine: the local broker is for "
            "127.0.0.1. Give --port to start one all the same."
        )
    return int(port)


def _broker(settings: Settings, state: Path | None):
    from midstream.kafka.broker import Broker

    paths = settings.paths if state is None else replace(settings.paths, state=state)
    keep_private(state or settings.paths.state)
    return Broker(paths.state.absolute(), paths.cache.absolute())


class _Bar:
    """A progress bar that appears with the first byte that is missing."""

    def __enter__(self) -> _Bar:
        self.progress = None
        return self

    def show(self, done: int, total: int) -> None:
        if self.progress is None:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

            columns = (TextColumn("Kafka's jars"), BarColumn(), DownloadColumn())
            self.progress = Progress(*columns, console=Console(stderr=True))
            self.task = self.progress.add_task("jars", total=total)
            self.progress.start()
        self.progress.update(self.task, completed=done)

    def __exit__(self, *error: object) -> None:
        if self.progress is not None:
            self.progress.stop()
