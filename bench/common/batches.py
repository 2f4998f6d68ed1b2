"""Records for the bench of the path: of repositories that are given, of releases, or generated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from common.histories import histories
from midstream.settings import cache_home
from streams.event import TOPIC_OF, Event
from streams.prepare.expand import expand
from streams.sources.folders import files
from streams.sources.git.cursors import Cursor
from streams.sources.git.history import History
from streams.sources.record import records

PARTITIONS = 4
BYTES = 24_000_000
"""Of records, from all repositories together."""
WARM_UP_SHARE = 12
"""One part in so many warms up, which nobody times."""


@dataclass
class Batch:
    """Records of the source topics, and what they hold."""

    records: dict[tuple[str, int], list[bytes]] = field(default_factory=dict)
    """By topic and partition, in their order."""
    texts: list[str] = field(default_factory=list)
    documents: int = 0
    bytes: int = 0
    """UTF-8 bytes of the documents' text."""

    def add(self, topic: str, partition: int, value: bytes) -> None:
        self.records.setdefault((topic, partition), []).append(value)
        for document in expand(value, 0).documents:
            self.documents += 1
            self.texts += (part.text for part in document.parts)
            self.bytes += sum(len(part.text.encode()) for part in document.parts)


def batches(folders: list[Path], work: Path) -> tuple[str, Batch, Batch]:
    """(given, releases or generated; what warms up; what is timed). `work`: where repositories may be generated."""
    if folders:
        return "given", *_of(folders)
    origin, clones = histories(cache_home(), work)
    return origin, *_of(clones)


def _of(folders: list[Path]) -> tuple[Batch, Batch]:
    """Of each repository's history, or plain folder's files, the first share of BYTES; its beginning warms up."""
    warm, timed = Batch(), Batch()
    share = BYTES // len(folders)
    for number, folder in enumerate(folders):
        size = 0
        for event in _events(folder):
            for value in records(event, Counter()):
                size += len(value)
                batch = warm if size < share // WARM_UP_SHARE else timed
                batch.add(TOPIC_OF[type(event)], number % PARTITIONS, value)
            if size > share:
                break
    return warm, timed


def _events(folder: Path) -> Iterator[Event]:
    if not (folder / ".git").exists() and not (folder / "HEAD").exists():
        yield from files.events(folder, Counter())
        return
    for step in History.open(folder).live(Cursor(), Counter()):
        yield from step.events
