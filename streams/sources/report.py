"""How far the repositories were read, in a small file of the state folder: `status` and `up` show it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from streams import statefile
from streams.sources.delivery import EventDelivery
from streams.sources.git.reader import Reader
from streams.sources.meter import Meter

NAME = "sources.json"
EVERY_S = 1.0
FRESH_S = 10.0


class RepositoryReport(msgspec.Struct, frozen=True):
    """One ref of one repository."""

    title: str
    commits: int
    """New commits that all runs from this state folder have sent."""
    present_done: bool
    past_commits: int
    """Commits of the past that were sent."""
    past_left: int | None
    """And that are left, before the cap; None: not known."""
    past_done: bool
    failure: str = ""


class SourcesReport(msgspec.Struct, frozen=True):
    """All repositories of one `midstream ingest git`."""

    time: float
    repositories: list[RepositoryReport]
    left_out: dict[str, int]
    """By reason, by all runs from this state folder."""
    behind_s: float | None = None
    """Seconds of training that are on their way; None: no trainer has told its pace."""
    live_lag_s: float = 0.0
    """For how long the oldest new commit has been on its way."""
    past_lag_s: float = 0.0
    """The same, of the present trees and the past."""
    eta_s: float | None = None
    """Until the past is read, as it goes; None: not known."""
    ended: bool = False
    new_commits: dict[str, int] = {}
    """By title, also of repositories that this run does not read: as for `left_out`, by all runs from this folder."""

    @property
    def fresh(self) -> bool:
        return not self.ended and time.time() - self.time < FRESH_S


class Reporter:
    """Writes the report at most once a second."""

    def __init__(self, folder: Path, delivery: EventDelivery, meter: Meter | None, tell: Callable[[str], None]) -> None:
        self._folder, self._delivery, self._meter, self._tell = folder, delivery, meter, tell
        self._began = self._written = 0.0
        self._first: int | None = None
        former = read(folder)
        self._left_out = Counter(former.left_out if former else {})
        """Of the runs before."""
        self._new_commits = dict(former.new_commits or _by_title(former) if former else {})
        """The same."""
        self._failed = False

    def report(self, readers: Sequence[Reader], last: bool = False, at_once: bool = False) -> None:
        """`at_once`: before a cursor is stored, so that no kill comes between what it passed and the counts of that."""
        now = time.time()
        if not last and not at_once and now - self._written < EVERY_S:
            return
        self._written = now
        repositories = [_of(reader, self._new_commits.get(reader.title, 0)) for reader in readers]
        meter = self._meter
        report = SourcesReport(
            time=now, repositories=repositories, left_out=dict(self._left_out + self._delivery.left_out), ended=last,
            behind_s=meter.behind_s() if meter else None, live_lag_s=meter.lag_s("live") if meter else 0.0,
            past_lag_s=meter.lag_s("present", "past") if meter else 0.0, eta_s=self._eta(repositories, now),
            new_commits=self._new_commits | {repository.title: repository.commits for repository in repositories},
        )  # fmt: skip
        try:
            write(self._folder, report)
            self._failed = False
        except OSError as error:  # what is read matters more than what is shown
            if not self._failed:
                self._tell(f"{self._folder / NAME} cannot be written ({error.strerror}); reading goes on")
            self._failed = True

    def _eta(self, repositories: list[RepositoryReport], now: float) -> float | None:
        sent = sum(repository.past_commits for repository in repositories)
        left = sum(repository.past_left or 0 for repository in repositories)
        if self._first is None:
            self._first, self._began = sent, now
        rate = (sent - self._first) / max(1.0, now - self._began)
        return left / rate if rate and left else None


def _by_title(report: SourcesReport) -> dict[str, int]:
    return {repository.title: repository.commits for repository in report.repositories}


def _of(reader: Reader, former: int) -> RepositoryReport:
    cursors = reader.cursors
    return RepositoryReport(
        title=reader.title, commits=former + reader.new_commits, present_done=cursors.present.done,
        past_commits=cursors.past.position, past_left=reader.past_left, past_done=cursors.past.done,
        failure=reader.failure,
    )  # fmt: skip


def read(folder: Path) -> SourcesReport | None:
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=SourcesReport)
    except (OSError, msgspec.DecodeError):
        return None


def write(folder: Path, report: SourcesReport) -> None:
    """Raises OSError."""
    statefile.write(folder / NAME, msgspec.json.encode(report))
