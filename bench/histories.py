"""Records for the bench of the path: of repositories that are given, or of the packages that are installed here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution, distributions
from pathlib import Path

import xxhash

from streams.event import TOPIC_OF, Event, Repository, SourceFile
from streams.prepare.expand import expand
from streams.sources import files
from streams.sources.cursors import Cursor
from streams.sources.git import History
from streams.sources.record import records

PARTITIONS = 4
DOCUMENTS = 2400
"""Files of the installed packages that are timed."""
WARM_UP = 200
"""Of these before them, which nobody times."""
GIVEN_BYTES = 24_000_000
"""Of records, from all given repositories together: about as much as DOCUMENTS hold."""
WARM_UP_SHARE = 12
"""One part in so many of what is given warms up."""
LARGEST = 200_000
SUFFIXES = frozenset({".py", ".md", ".pyi", ".c", ".h", ".js", ".ts", ".rst"})
PERMISSIVE = ("mit", "bsd", "apache", "psf", "isc")


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


def histories(folders: list[Path]) -> tuple[str, Batch, Batch]:
    """(given or releases, what warms up, what is timed)."""
    if folders:
        return "given", *given(folders)
    chosen = sorted(_installed(), key=lambda f: xxhash.xxh3_64_intdigest(f[1].path.encode()))
    return "releases", _packages(chosen[:WARM_UP]), _packages(chosen[WARM_UP : WARM_UP + DOCUMENTS])


def given(folders: list[Path]) -> tuple[Batch, Batch]:
    """Of each repository's history, or plain folder's files, the first share of GIVEN_BYTES; its beginning warms up."""
    warm, timed = Batch(), Batch()
    share = GIVEN_BYTES // len(folders)
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
    for step in History.open(folder).steps(Cursor(), Counter()):
        yield from step.events


def _packages(chosen: Iterable[tuple[str, SourceFile]]) -> Batch:
    """As `midstream ingest files` would send them: a package is a repository and stays in its partition."""
    by_package: dict[str, list[SourceFile]] = {}
    for package, file in chosen:
        by_package.setdefault(package, []).append(file)
    batch, lanes = Batch(), [0] * PARTITIONS
    for package, found in by_package.items():
        partition = lanes.index(min(lanes))
        for event in files.pack(Repository(name=package, licence="MIT"), found):
            for value in records(event, Counter()):
                batch.add("files", partition, value)
                lanes[partition] += len(value)
    return batch


def _installed() -> Iterator[tuple[str, SourceFile]]:
    """(package, file) of every text file of the permissively licensed packages that are installed here."""
    for package in distributions():
        if not any(name in _licence(package).lower() for name in PERMISSIVE):
            continue
        for file in package.files or ():
            if file.suffix in SUFFIXES:
                text = _read(Path(str(package.locate_file(file))))
                if text:
                    yield package.name, SourceFile(path=str(file), text=text)


def _licence(package: Distribution) -> str:
    told = package.metadata
    classified = [c for c in told.get_all("Classifier") or [] if c.startswith("License")]
    return " ".join([told.get("License-Expression") or "", (told.get("License") or "")[:40], *classified])


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if 0 < path.stat().st_size < LARGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""
