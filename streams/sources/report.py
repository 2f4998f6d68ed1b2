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
ENOUGH = 30
"""Commits from which their mean size is taken for that of a whole past: one that adds everything weighs most of it."""


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
    left_out: dict[str, int] = {}
    """By reason, by all runs from this state folder."""
    damage: str = ""
    """What its clone lacks, though it should have it."""
    still_s: float = 0.0
    """For how long nothing of the tree and the past was sent, though there is more of them."""
    waits_for_room: bool = False
    """It has something to send, and waits until the trainer has taken more."""


class SourcesReport(msgspec.Struct, frozen=True):
    """All repositories of one `midstream ingest git`."""

    time: float
    repositories: list[RepositoryReport]
    left_out: dict[str, int]
    """By reason, of all repositories that were ever read from this state folder."""
    behind_s: float | None = None
    """Seconds of training that are on their way; None: no trainer has told its pace."""
    live_lag_s: float = 0.0
    """For how long the oldest new commit has been on its way."""
    past_lag_s: float = 0.0
    """The same, of the present trees and the past."""
    eta_s: float | None = None
    """Until what is known to be left of trees and past is trained on, as it goes; None: not known."""
    tree_tokens: int | None = None
    """About how many are left of the present trees, as far as they are known; None: of none."""
    past_tokens: int | None = None
    """The same of the past."""
    ended: bool = False
    new_commits: dict[str, int] = {}
    """By title, also of repositories that this run does not read: as for `left_out`, by all runs from this folder."""
    left_out_of: dict[str, dict[str, int]] = {}
    """`left_out` by title."""

    @property
    def fresh(self) -> bool:
        return not self.ended and time.time() - self.time < FRESH_S


class Reporter:
    """Writes the report at most once a second."""

    def __init__(self, folder: Path, delivery: EventDelivery, meter: Meter | None, tell: Callable[[str], None]) -> None:
        self._folder, self._delivery, self._meter, self._tell = folder, delivery, meter, tell
        self._written = 0.0
        former = read(folder)
        self._left_out = Counter(former.left_out if former else {})
        """Of the runs before."""
        self._new_commits = dict(former.new_commits or _by_title(former) if former else {})
        """The same."""
        self._left_out_of = {t: Counter(of) for t, of in former.left_out_of.items()} if former else {}
        """The same, by title."""
        self._failed = False

    def report(self, readers: Sequence[Reader], last: bool = False, at_once: bool = False) -> None:
        """`at_once`: before a cursor is stored, so that no kill comes between what it passed and the counts of that."""
        now = time.time()
        if not last and not at_once and now - self._written < EVERY_S:
            return
        self._written = now
        report = self._report(readers, now, last)
        try:
            write(self._folder, report)
            self._failed = False
        except OSError as error:  # what is read matters more than what is shown
            if not self._failed:
                self._tell(f"{self._folder / NAME} cannot be written ({error.strerror}); reading goes on")
            self._failed = True

    def _report(self, readers: Sequence[Reader], now: float, last: bool) -> SourcesReport:
        repositories = [self._of(reader) for reader in readers]
        meter = self._meter
        tree = self._tokens([r.tree_bytes_left for r in readers])
        past = self._tokens(_past_bytes(readers))
        rate = meter.tokens_per_s if meter else 0.0
        return SourcesReport(
            time=now, repositories=repositories, left_out=dict(self._all_left_out(readers)), ended=last,
            behind_s=meter.behind_s() if meter else None, live_lag_s=meter.lag_s("live") if meter else 0.0,
            past_lag_s=meter.lag_s("present", "past") if meter else 0.0,
            tree_tokens=tree, past_tokens=past,
            eta_s=((tree or 0) + (past or 0)) / rate if rate else None,
            new_commits=self._new_commits | {repository.title: repository.commits for repository in repositories},
            left_out_of={title: dict(counts) for title, counts in self._left_out_of.items()}
            | {repository.title: repository.left_out for repository in repositories},
        )  # fmt: skip

    def _of(self, reader: Reader) -> RepositoryReport:
        cursors, title = reader.cursors, reader.title
        return RepositoryReport(
            title=title, commits=self._new_commits.get(title, 0) + reader.new_commits,
            present_done=cursors.present.done, past_commits=cursors.past.position, past_left=reader.past_left,
            past_done=cursors.past.done, failure=reader.failure,
            left_out=dict(self._left_out_of.get(title, Counter[str]()) + reader.left_out), damage=reader.damage,
            still_s=reader.still_s, waits_for_room=reader.waits_for_room,
        )  # fmt: skip

    def _all_left_out(self, readers: Sequence[Reader]) -> Counter[str]:
        return sum((reader.left_out for reader in readers), self._left_out + self._delivery.left_out)

    def _tokens(self, left: Sequence[int | None]) -> int | None:
        """About how many tokens some bytes are, of the repositories of which they are known."""
        known = [size for size in left if size is not None]
        return round(sum(known) * self._meter.tokens_a_byte) if self._meter and known else None


def _past_bytes(readers: Sequence[Reader]) -> list[int | None]:
    """About how many bytes of records the rest of each past will be: as many a commit as those that were sent came to,
    of its own once there are ENOUGH. None: not known."""
    of_all = [reader.progress for reader in readers]
    mean = sum(p.past_bytes for p in of_all) / max(1, sum(p.past_sent for p in of_all))
    sizes: list[int | None] = []
    for reader in readers:
        own, left = reader.progress, reader.past_left
        each = own.past_bytes / own.past_sent if own.past_sent >= ENOUGH else mean
        sizes.append(0 if left == 0 else round(left * each) if left and each else None)
    return sizes


def _by_title(report: SourcesReport) -> dict[str, int]:
    return {repository.title: repository.commits for repository in report.repositories}


def read(folder: Path) -> SourcesReport | None:
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=SourcesReport)
    except (OSError, msgspec.DecodeError):
        return None


def write(folder: Path, report: SourcesReport) -> None:
    """Raises OSError."""
    statefile.write(folder / NAME, msgspec.json.encode(report))
