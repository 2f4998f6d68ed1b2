"""`midstream ingest git|files|notebooks|events`: read a source into its topic."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings

if TYPE_CHECKING:
    from streams.event import Event
    from streams.sources.delivery import Delivery
    from streams.sources.git import History, Step

CONFIRM_SECONDS = 1.0
"""How often the cursor is stored: what is sent again after a crash is at most about this much."""

paths_argument = click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
name_option = click.option("--name", default="", help="The repository's name, instead of the one found.")


@click.group()
def ingest() -> None:
    """Read a source into its topic: one JSON event a record, every delivery checked."""


@ingest.command()
@paths_argument
@name_option
@with_settings
def files(settings: Settings, paths: tuple[Path, ...], name: str) -> None:
    """The text files of folders; each PATH is a repository."""
    from streams.sources.files import events

    _send(settings, lambda left_out: (event for path in paths for event in events(path, left_out, name)))


@ingest.command()
@paths_argument
@name_option
@with_settings
def notebooks(settings: Settings, paths: tuple[Path, ...], name: str) -> None:
    """Jupyter notebooks of folders, outputs stripped to the text that the formats use."""
    from streams.sources.notebooks import events

    def tell(path: Path) -> None:
        click.echo(f"left out {path}", err=True)

    _send(settings, lambda left_out: (event for path in paths for event in events(path, left_out, name, tell)))


@ingest.command()
@paths_argument
@click.option("--event", "event_name", default="", help="A webhook's X-GitHub-Event, where its payload does not tell.")
@with_settings
def events(settings: Settings, paths: tuple[Path, ...], event_name: str) -> None:
    """GitHub's issue and comment events (GH Archive, webhooks, lists of examples) as whole threads."""
    from streams.sources import github

    _send(settings, lambda left_out: github.events(paths, left_out, event_name))


@ingest.command()
@paths_argument
@name_option
@click.option("--ref", default="HEAD", show_default=True, help="The branch or commit to read.")
@click.option(
    "--versions",
    type=click.Choice(["all", "last", "none"]),
    default="all",
    show_default=True,
    help="File versions beside the commits: after each commit, the last ones only, or none.",
)
@click.option("--no-versions", is_flag=True, help="The same as --versions none.")
@click.option("--max-commits", type=click.IntRange(min=1), help="Stop after so many; the next run goes on there.")
@click.option("--follow", is_flag=True, help="Go on with new commits until stopped.")
@click.option("--interval", default=0.5, show_default=True, help="Seconds between looks with --follow.")
@with_settings
def git(
    settings: Settings,
    paths: tuple[Path, ...],
    name: str,
    ref: str,
    versions: Any,
    no_versions: bool,
    max_commits: int | None,
    follow: bool,
    interval: float,
) -> None:
    """The history of repositories as commits and file versions, each from where the last run ended."""
    from streams.sources.git import History

    histories = [History.open(path, ref, name, "none" if no_versions else versions) for path in paths]
    with _Stop() as stop, _delivery(settings) as delivery:
        readers = [_Reader(history, settings, delivery, stop) for history in histories]
        for reader in readers:
            reader.read(max_commits)
        while follow and not stop.wait(interval):
            for reader in readers:
                reader.look()
    _summary(delivery, stop.is_set() and not follow)


class _Reader:
    """One history on its way into the topics, and its cursor."""

    def __init__(self, history: History, settings: Settings, delivery: Delivery, stop: _Stop) -> None:
        from streams.sources.cursors import CursorFile

        topic_id = settings.connection().topic_ids(["commits"])["commits"]
        folder = settings.paths.state / "cursors"
        self.file = CursorFile.of(folder, history.git.path, history.ref, topic_id)
        self.history, self.delivery, self.stop = history, delivery, stop
        self.cursor = self.file.read()

    def look(self) -> None:
        if self.history.head() != self.cursor.done:
            self.read(None)

    def read(self, max_commits: int | None) -> None:
        """Everything there is now, or the next `max_commits`; the cursor follows what was confirmed."""
        commits, self.stored = 0, time.monotonic()
        while True:
            before = self.cursor
            for step in self.history.steps(self.cursor, self.delivery.left_out):
                self._take(step)
                commits += step.commits
                if self.stop.is_set() or commits == max_commits:
                    return self._store()
            if self.cursor == before:
                return self._store()

    def _take(self, step: Step) -> None:
        if step.note:
            click.echo(f"{self.history.git.path}: {step.note}", err=True)
        for event in step.events:
            self.delivery.send(event)
        self.cursor = step.cursor
        if time.monotonic() - self.stored > CONFIRM_SECONDS:
            self._store()
            _progress(self.delivery)

    def _store(self) -> None:
        self.delivery.confirm()
        self.file.write(self.cursor)
        self.stored = time.monotonic()


def _send(settings: Settings, read: Callable[[Counter[str]], Iterable[Event]]) -> None:
    with _Stop() as stop, _delivery(settings) as delivery:
        shown = time.monotonic()
        for event in read(delivery.left_out):
            delivery.send(event)
            if stop.is_set():
                break
            if time.monotonic() - shown > CONFIRM_SECONDS:
                _progress(delivery)
                shown = time.monotonic()
    _summary(delivery, stop.is_set())


@contextlib.contextmanager
def _delivery(settings: Settings) -> Iterator[Delivery]:
    from streams.kafka.topics import check
    from streams.sources.delivery import Delivery

    connection = settings.connection()
    check(connection)
    with Delivery(connection) as delivery:
        yield delivery


class _Stop(threading.Event):
    """Set by the first Ctrl-C or SIGTERM; the second one ends the program at once."""

    def __enter__(self) -> _Stop:
        self._former = {number: signal.signal(number, self._asked) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def _asked(self, number: int, frame: object) -> None:
        if self.is_set():
            sys.exit(128 + number)
        self.set()


def _progress(delivery: Delivery) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{delivery.sent.total():,} records, {delivery.bytes / 1e6:,.1f} MB ", err=True, nl=False)


def _summary(delivery: Delivery, stopped: bool) -> None:
    sent = ", ".join(f"{count:,} {name}" for name, count in sorted(delivery.sent.items())) or "nothing"
    click.echo(f"{'stopped after' if stopped else 'sent'} {sent} ({delivery.bytes / 1e6:.1f} MB)")
    for reason, count in sorted(delivery.left_out.items()):
        click.echo(f"left out {count:,}: {reason}")
