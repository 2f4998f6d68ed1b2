"""`midstream ingest git|files|notebooks|events`: read a source into its topic."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midstream.commands.options import with_settings
from midstream.processes.stop import Stop
from midstream.settings import Settings

if TYPE_CHECKING:
    from streams.event import Event
    from streams.sources.delivery import EventDelivery
    from streams.sources.github.store import ThreadStore

PROGRESS_SECONDS = 1.0
"""How often a terminal is shown how far it is."""

paths_argument = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
name_option = click.option("--name", default="", help="The repository's name, instead of the one found.")

ignored_option = click.option("--ignored", is_flag=True, help="Read also what .gitignore names.")


@click.group()
def ingest() -> None:
    """Read a source into its topic: one JSON event a record, every delivery checked."""


@ingest.command()
@paths_argument
@name_option
@ignored_option
@with_settings
def files(settings: Settings, paths: tuple[Path, ...], name: str, ignored: bool) -> None:
    """The text files and notebooks of folders, and of archives: wheels, crates, tarballs; each PATH is a repository.

    One that is not there or is damaged is named, and the others are read.
    """
    from streams.sources.folders import archives
    from streams.sources.folders import files as folders

    def read(path: Path, left_out: Counter[str]) -> Iterator[Event]:
        if not (path.is_file() and archives.is_readable(path.name)):
            yield from folders.events(path, left_out, name, _tell, ignored)
            return
        try:
            yield from archives.events(path, left_out, name, _tell)
        except archives.UnreadableArchive as error:
            raise _UnreadableError(str(error)) from error

    _send(settings, paths, read)


@ingest.command()
@paths_argument
@name_option
@ignored_option
@with_settings
def notebooks(settings: Settings, paths: tuple[Path, ...], name: str, ignored: bool) -> None:
    """Jupyter notebooks of folders, outputs stripped to the text that the formats use.

    A PATH that is not there is named, and the others are read.
    """
    from streams.sources.texts.notebooks import events

    _send(settings, paths, lambda path, left_out: events(path, left_out, name, _tell, ignored))


def _tell(what: object) -> None:
    click.echo(f"left out {what}", err=True)


@ingest.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--event", "event_name", default="", help="A webhook's X-GitHub-Event, where its payload does not tell.")
@with_settings
def events(settings: Settings, paths: tuple[Path, ...], event_name: str) -> None:
    """GitHub's issues, pull requests, discussions and releases as whole threads.

    PATHS are files and folders of GH Archive, of the Events API, of webhooks or of REST lists, packed by gzip or not;
    `-` is the standard input. What is known of a thread is kept between runs.
    """
    from streams.sources.github.intake import send, take

    failures: list[str] = []
    with Stop() as stop, _delivery(settings) as delivery, _store(settings) as store:
        for sentence in take(paths, store, delivery.left_out, event_name, stop.is_set):
            click.echo(sentence, err=True)
            failures.append(sentence)
        waiting = 0 if send(store, delivery, _shown(stop, delivery)) else store.waiting
    _summary(delivery, stop.is_set())
    if waiting:
        click.echo(f"{waiting:,} threads wait in {store.path}: the next run sends them")
    _fail(failures, "file")


def _store(settings: Settings) -> ThreadStore:
    from streams.sources.github.store import ThreadStore

    topic_id = settings.connection().topic_ids(["issues"])["issues"]
    return ThreadStore.of(settings.paths.state / "threads", topic_id)


def _shown(stop: Stop, delivery: EventDelivery) -> Callable[[], bool]:
    """Whether to stop; tells a terminal how far it is, now and then."""
    shown = time.monotonic()

    def step() -> bool:
        nonlocal shown
        if time.monotonic() - shown > PROGRESS_SECONDS:
            _progress(delivery)
            shown = time.monotonic()
        return stop.is_set()

    return step


@ingest.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
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
@click.option("--all-branches", is_flag=True, help="Beside the ref, what each branch has of its own.")
@click.option(
    "--unmetered",
    is_flag=True,
    help="With --follow: send all as fast as it is read, however far the trainer is behind.",
)
@click.option("--fetch-every", type=float, default=0.0, help="Seconds between `git fetch`es; 0: none are made.")
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
    all_branches: bool,
    unmetered: bool,
    fetch_every: float,
    max_commits: int | None,
    follow: bool,
    interval: float,
) -> None:
    """Repositories: new commits, then the present tree, then the past, newest first.

    Each goes on where the last run ended. They are read side by side; one that cannot be read is said, the others go
    on, and with --follow it is tried again. A --ref that is not there when it begins ends it at once.
    With --follow the tree and the past are sent only as fast as the trainer of this state folder takes them.
    """
    from midstream.processes.ingesting import Ingest, Options

    several = list(_distinct(paths))
    if name and len(several) > 1:
        raise click.UsageError("--name is one repository's: read one PATH at a time with it.")
    options = Options(
        ref, name, "none" if no_versions else versions, all_branches, max_commits, follow, follow and not unmetered,
        interval, fetch_every,
    )  # fmt: skip
    with Stop() as stop:
        ingest = Ingest(settings, options, lambda word: click.echo(word, err=True))
        with ingest.delivery as delivery:
            if missing := ingest.refs_that_are_not_there(several):
                raise click.ClickException("\n".join(missing))
            for _ in ingest.run(several, stop):
                _progress(delivery)
        readers = ingest.readers
    _summary(delivery, stop.is_set() and not follow, ingest.left_out)
    failures = [reader.failure or reader.damage for reader in readers if reader.failure or reader.damage]
    if failures and not stop.is_set():
        many = f"not read to the end, {len(failures)} of {len(readers)} repositories:\n"
        raise click.ClickException((many if len(readers) > 1 else "") + "\n".join(failures))


def _distinct(paths: Iterable[Path]) -> list[Path]:
    """Each repository once: two readers of one would share a cursor."""
    return list({path.resolve(): path for path in paths}.values())


class _UnreadableError(Exception):
    """A path that cannot be read; the message is a sentence that names it."""


def _send(settings: Settings, paths: Iterable[Path], read: Callable[[Path, Counter[str]], Iterable[Event]]) -> None:
    """All paths, whatever is wrong with some of them. Raises ClickException at the end when something was."""
    failures: list[str] = []
    with Stop() as stop, _delivery(settings) as delivery:
        show = _shown(stop, delivery)
        for path in paths:
            try:
                for event in _existing(path, read, delivery.left_out):
                    delivery.send(event)
                    if show():
                        break
            except _UnreadableError as error:
                click.echo(error, err=True)
                failures.append(str(error))
            if stop.is_set():
                break
    _summary(delivery, stop.is_set())
    _fail(failures, "path")


def _existing(
    path: Path, read: Callable[[Path, Counter[str]], Iterable[Event]], left_out: Counter[str]
) -> Iterator[Event]:
    """Raises _UnreadableError for a path that is not there or cannot be opened."""
    try:
        path.stat()
        yield from read(path, left_out)
    except OSError as error:
        raise _UnreadableError(f"{path}: cannot be read ({error.strerror})") from error


def _fail(failures: list[str], thing: str) -> None:
    """Raises ClickException when there are any."""
    if failures:
        some = _many(len(failures), thing)
        raise click.ClickException(f"{some} could not be read to the end, as said above; everything else was")


@contextlib.contextmanager
def _delivery(settings: Settings) -> Iterator[EventDelivery]:
    from streams.kafka.topics import check
    from streams.sources.delivery import EventDelivery

    connection = settings.connection()
    check(connection)
    with EventDelivery(connection) as delivery:
        yield delivery


def _progress(delivery: EventDelivery) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{delivery.sent.total():,} records, {delivery.bytes / 1e6:,.1f} MB ", err=True, nl=False)


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _summary(delivery: EventDelivery, stopped: bool, left_out: Counter[str] | None = None) -> None:
    """`left_out`: where not the delivery alone counts it. Events, not commits: a large commit is several, and a file's
    version beside a commit is one of its own."""
    topics = ", ".join(f"{count:,} to {name}" for name, count in sorted(delivery.sent.items()))
    sent = f"{_many(delivery.sent.total(), 'event')}: {topics}" if topics else "nothing"
    click.echo(f"{'stopped after' if stopped else 'sent'} {sent} ({delivery.bytes / 1e6:.1f} MB)")
    for reason, count in sorted((delivery.left_out if left_out is None else left_out).items()):
        click.echo(f"left out {count:,}: {reason}")
