"""Commits of several repositories in the order of their time, without those of authors that two of them share."""

from __future__ import annotations

import heapq
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from streams.event import Commit, Event, Files
from streams.prepare.expand import seconds
from streams.sources.git.cursors import Cursor, Present
from streams.sources.git.history import History


@dataclass(frozen=True)
class Arrived:
    """What one commit brings."""

    time: int
    """Seconds since 1970; never before that of an earlier commit of the repository."""
    repository: int
    sha: str
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Read:
    """Of all repositories."""

    commits: list[Arrived]
    """In the order of time."""
    trees: list[list[str]]
    """Texts that stood in each repository before its first commit here."""
    shared_authors: int | None
    """Authors of commits in two repositories, after `left_out` were left out; None: the commits do not tell authors."""
    left_out: int
    """Commits of authors that two repositories share."""
    whole: bool
    """The histories are read from their beginnings."""


def read(folders: Sequence[Path], most: int, by_author: bool = True) -> Read:
    """The newest `most` commits of each repository's first line, with all that they merge.

    `by_author`: leave out what people write who write in two of the repositories.
    """
    bases = [_base(folder, most) for folder in folders]
    authors = [_authors(folder, base) for folder, base in zip(folders, bases, strict=True)]
    common = _shared(authors) if by_author else set[str]()
    lines, trees, left_out = [], [], 0
    for number, (folder, base, by) in enumerate(zip(folders, bases, authors, strict=True)):
        trees.append(list(_tree(folder, base)))
        commits = list(_commits(folder, base, number))
        lines.append([c for c in commits if not by.get(c.sha, frozenset()) & common])
        left_out += len(commits) - len(lines[-1])
    used = [
        {sha: by[sha] for sha in (c.sha for c in line) if sha in by} for line, by in zip(lines, authors, strict=True)
    ]
    merged = list(heapq.merge(*lines, key=lambda c: (c.time, c.repository)))
    return Read(merged, trees, len(_shared(used)) if by_author else None, left_out, not any(bases))


def _commits(folder: Path, base: str, number: int) -> Iterator[Arrived]:
    """Each with the versions of files that go with it; parts of a large one are one."""
    last: Arrived | None = None
    for step in History.open(folder).live(Cursor(base), Counter(), present=base):
        for event in step.events:
            sha = event.sha if isinstance(event, Commit) else event.revision if isinstance(event, Files) else ""
            if last is not None and sha in ("", last.sha):
                last = replace(last, events=(*last.events, event))
                continue
            if last is not None:
                yield last
            time = seconds(event.date) if isinstance(event, Commit) else 0
            last = Arrived(max(time, last.time if last else 0), number, sha, (event,))
    if last is not None:
        yield last


def _tree(folder: Path, base: str) -> Iterator[str]:
    if base:
        for step in History.open(folder).present(Present(base), Counter()):
            for event in step.events:
                yield from (file.text for file in event.files) if isinstance(event, Files) else ()


def _base(folder: Path, most: int) -> str:
    """The commit behind the newest `most`; empty where there are no more."""
    return _git(folder, "rev-list", "--first-parent", "-n", "1", f"--skip={most}", "HEAD").strip()


def _authors(folder: Path, base: str) -> dict[str, frozenset[str]]:
    """By commit the author's address and name, in small letters."""
    shown = _git(folder, "log", "--format=%H%x00%ae%x00%an", *([f"{base}..HEAD"] if base else ["HEAD"]))
    rows = (line.split("\0") for line in shown.splitlines())
    return {sha: frozenset(who.lower() for who in people if who) for sha, *people in rows}


def _shared(authors: Sequence[dict[str, frozenset[str]]]) -> set[str]:
    """Addresses and names that occur in two repositories."""
    counts = Counter(who for by in authors for who in frozenset().union(*by.values()))
    return {who for who, count in counts.items() if count > 1}


def _git(folder: Path, *arguments: str) -> str:
    shown = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)
    return shown.stdout.decode(errors="replace")
