"""The readers of `midstream ingest git`: a meter, names, branches, fetches, and a file that says how far they are."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from midstream.processes.errors import Errors
from midstream.settings import Settings
from streams import pace
from streams.kafka.topics import check
from streams.sources.delivery import EventDelivery
from streams.sources.git.commits import Versions
from streams.sources.git.cursors import CursorFile
from streams.sources.git.fetch import Fetches
from streams.sources.git.history import History
from streams.sources.git.names import RepositoryNames
from streams.sources.git.objects import Git, GitError, NoRef
from streams.sources.git.reader import Reader
from streams.sources.git.rounds import rounds
from streams.sources.meter import Meter
from streams.sources.report import Reporter

METERED_BYTES = 32 * 1024
"""Of a present tree at a time, where the trainer sets the pace: some seconds of training on a small machine."""
LEAST_ROOM_S = 5.0
"""Seconds of training that may be on their way, however long rows may wait to be filled."""


@dataclass(frozen=True)
class Options:
    """Of the command line."""

    ref: str = "HEAD"
    name: str = ""
    versions: Versions = "all"
    all_branches: bool = False
    limit: int | None = None
    follow: bool = False
    metered: bool = False
    interval: float = 0.5
    fetch_every: float = 0.0


@dataclass
class Ingest:
    """Reads repositories side by side."""

    settings: Settings
    options: Options
    tell: Callable[[str], None]
    readers: list[Reader] = field(default_factory=list)

    def __post_init__(self) -> None:
        connection, settings = self.settings.connection(), self.settings
        check(connection)
        room = max(LEAST_ROOM_S, settings.sources.lag_s - settings.feed.wait_s)
        self.meter = (
            Meter(partial(pace.read, settings.paths.state), room, settings.sources.lag_s)
            if self.options.metered
            else None
        )
        self.delivery = EventDelivery(connection, self.meter)
        self._reporter = Reporter(settings.paths.state, self.delivery, self.meter, self.tell)
        self._topic_id = connection.topic_ids(["commits"])["commits"]

    def run(self, paths: Sequence[Path], stop: threading.Event) -> Iterator[None]:
        """Until all is read, or for ever with `follow`; gives way after each round. Raises Undelivered."""
        options, settings = self.options, self.settings
        names = RepositoryNames(settings.paths.state / "cursors/names.json")
        reporter = self._reporter
        self.readers += [self._reader(path, options.ref, names) for path in paths]
        if options.all_branches:
            branches = [(path, ref) for path in paths for ref in _branches(path, options.ref)]
            self.readers += [self._reader(path, ref, names, branch=True) for path, ref in branches]
            if options.follow:
                self.tell(f"{len(branches)} branches are followed, too; one that comes later is read by the next run")
        fetches = Fetches(paths, options.fetch_every, self.tell)
        share = settings.sources.share
        try:
            for _ in rounds(self.readers, stop, options.follow, options.interval, share):
                self.delivery.collect()
                fetches.look()
                reporter.report(self.readers)
                yield
        finally:
            fetches.close()
        for path in paths:
            self._unread(path, "")
        for reader in self.readers:
            reader.close()
        reporter.report(self.readers, last=True)

    @property
    def left_out(self) -> Counter[str]:
        """By reason, of all repositories."""
        return sum((reader.left_out for reader in self.readers), Counter(self.delivery.left_out))

    def refs_that_are_not_there(self, paths: Sequence[Path]) -> list[str]:
        """A sentence for each repository that lacks the ref, where it is followed: nothing would ever come of it.

        A ref that goes later is waited for, and so is a repository that is not there yet.
        """
        options, missing = self.options, []
        for path in paths if options.follow and options.ref != "HEAD" else ():
            try:
                History.open(path, options.ref).head()
            except NoRef as error:
                missing.append(str(error))
            except GitError:
                continue  # its reader says so
        return missing

    def _reader(self, path: Path, ref: str, names: RepositoryNames, branch: bool = False) -> Reader:
        file = CursorFile.of(self.settings.paths.state / "cursors", path, ref, self._topic_id)
        options, sources = self.options, self.settings.sources

        def tell(word: str) -> None:
            self.tell(word if str(path) in word else f"{path}: {word}")

        def open_() -> History:
            history = History.open(
                path, ref, options.name, options.versions, self.settings.pack.copies, sources.history_commits
            )
            named = history.called(options.name or names.of(path, history), branch)
            return replace(named, tree_bytes=METERED_BYTES) if options.metered else named

        title = str(path) if ref == "HEAD" else f"{path} ({ref.removeprefix('refs/heads/')})"
        unread = partial(self._unread, path) if options.follow else lambda _: None
        note = partial(self._reporter.report, self.readers, at_once=True)
        return Reader(open_, file, self.delivery, tell, options.limit, time.monotonic, unread, self.meter, title, note)

    def _unread(self, path: Path, sentence: str) -> None:
        """For `midstream status`: why a repository that is followed cannot be read; "": it is, or nobody follows it."""
        Errors(self.settings.paths.state, self.settings.kafka.prefix).unread(path.resolve(), sentence)


def _branches(path: Path, ref: str) -> list[str]:
    """Without the one that `ref` is, or follows elsewhere: its new commits would come twice."""
    try:
        git = Git(path.parent if path.name == ".git" and path.is_file() else path)
        told: Any = git.run("for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes")
    except GitError:
        return []  # its reader says so
    own = _branch_name(git.ask("rev-parse", "--symbolic-full-name", ref))
    every = [branch for branch in told.decode(errors="replace").split() if not branch.endswith("/HEAD")]
    return [branch for branch in every if _branch_name(branch) != own]


def _branch_name(ref: str) -> str:
    """Of a branch here or of a remote: `refs/heads/main` and `refs/remotes/origin/main` are both `main`."""
    local = ref.removeprefix("refs/heads/")
    return local.removeprefix("refs/remotes/").partition("/")[2] if ref.startswith("refs/remotes/") else local
