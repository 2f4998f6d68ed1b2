"""The documents that a recipe is tried on: of folders, of clones of git, of the source topics that are retained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec.structs import replace

from midstream.settings import Settings

if TYPE_CHECKING:
    from streams.document import Document
    from streams.event import Event, Repository

EVERY = 2_000
"""Documents after which progress is told."""


def documents(settings: Settings, paths: Iterable[Path], from_topic: bool, commits: int) -> Iterator[Document]:
    """Before any rule. Of a clone the present tree and the newest `commits`; what is no text is told in the end."""
    left_out: Counter[str] = Counter()
    events = _retained(settings, left_out) if from_topic else _of_paths(paths, commits, left_out)
    number = 0
    for number, document in enumerate(events, 1):
        yield document
        if number % EVERY == 0:
            click.echo(f"{number:,} documents", err=True)
    if not number:
        click.echo("no documents: nothing is there that would be sent", err=True)
    for what, count in left_out.most_common():
        click.echo(f"left out: {count:,} × {what}", err=True)


def _of_paths(paths: Iterable[Path], commits: int, left_out: Counter[str]) -> Iterator[Document]:
    from streams.event import encode
    from streams.prepare.expand import expand

    for path in paths:
        for event in _events(path, commits, left_out):
            yield from expand(encode(event), 0).documents


def _events(path: Path, commits: int, left_out: Counter[str]) -> Iterator[Event]:
    from streams.sources.folders import files
    from streams.sources.git.cursors import Cursors
    from streams.sources.git.history import History

    if not (path / ".git").exists() and not (path / "objects").is_dir():
        around = _around(path)
        for event in files.events(path, left_out):
            yield event if event.repository.licence else replace(event, repository=around)
        return
    history = History.open(path, versions="last", commits=commits)
    if warning := history.warning():
        click.echo(f"{path}: {warning}", err=True)
    cursors, _ = history.begin(Cursors())
    for step in history.present(cursors.present, left_out):
        yield from step.events
    for step in history.past(cursors.past, left_out):
        yield from step.events


def _around(path: Path) -> Repository:
    """What the clone says that a folder or a file lies in; of none: what its own folder does."""
    from streams.sources.folders.folder import describe, licences_around

    inside = path.resolve()
    root = next((each for each in inside.parents if (each / ".git").exists()), None)
    own = describe(path if path.is_dir() else path.parent)
    if root is None:
        return own
    licences = licences_around(root, [inside / "x" if inside.is_dir() else inside])
    below = (inside.relative_to(root) / "x").as_posix() if inside.is_dir() else inside.relative_to(root).as_posix()
    return replace(own, licence=licences.of(below) or licences.repository()[0])


def _retained(settings: Settings, left_out: Counter[str]) -> Iterator[Document]:
    """What of the source topics is still there; a record that prepare would not read is counted."""
    from streams.kafka.log import read
    from streams.pipeline import Record, expand_record
    from streams.stages import SOURCES

    connection = settings.connection()
    present = [topic for topic in SOURCES if topic in connection.topics()]
    for topic, partition in sorted(connection.end_offsets(present)):
        for logged in read(connection, topic, partition):
            try:
                record = Record(logged.offset, logged.key, logged.value, logged.headers)
                found = expand_record(topic, record).documents
            except Exception:  # a dead letter of prepare's
                left_out["record that prepare cannot read"] += 1
                continue
            yield from found
