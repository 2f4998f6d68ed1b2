"""A repository on its way into the topics: a bounded number of commits in each turn, new ones before all else."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from streams.event import Event, Files, Notebook, encode
from streams.sources.delivery import EventDelivery
from streams.sources.git.commits import Step
from streams.sources.git.cursors import CursorFile, Cursors
from streams.sources.git.history import History
from streams.sources.git.objects import GitError
from streams.sources.git.progress import Progress
from streams.sources.meter import Lane, Meter, Unmetered

METERED: tuple[Lane, ...] = ("present", "past")
BEYOND: dict[Lane, str] = {
    "present": "file of the tree that would take longer to train on than four times [sources] lag_s",
    "past": "changes of a commit of the past that would take longer to train on than [sources] lag_s",
}

TIMES: dict[Lane, float] = {"present": 4.0, "past": 1.0}
"""[sources] lag_s that one thing may take to train on: today's files are what people came for, so a long one is sent
when nothing else is on its way, although a new commit may then wait for longer, once."""
TURN_STEPS = 256
"""Commits a turn, or parts of large ones: a tenth to half a second of reading, so that a small repository waits
seconds for a huge one."""
CONFIRM_S = 1.0
"""How often the cursor is stored: what is sent again after a crash is at most about this much."""
LONGEST_WAIT_S = 300.0
"""A repository that fails is tried again after one second, then twice as many each time, up to this."""


class Reader:
    """One history and its cursors, which follow what Kafka has confirmed.

    New commits come first, at every turn; behind them the tree at first sight, and behind that the past, both as far as
    the meter has room. What is wrong with the repository or its cursors' file is kept in `failure` and told once;
    Undelivered is raised.
    """

    def __init__(
        self,
        open_: Callable[[], History],
        file: CursorFile,
        delivery: EventDelivery,
        tell: Callable[[str], None],
        limit: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        unread: Callable[[str], None] = lambda _: None,
        meter: Meter | Unmetered | None = None,
        title: str = "",
        note: Callable[[], None] = lambda: None,
    ) -> None:
        """`limit`: of commits; None: all. `unread` is called with what is wrong at every try that fails, and with ""
        once the repository is read; `note` before a cursor is stored: what it passes is sent, and counted."""
        self._open, self._file, self._delivery, self._tell, self._unread = open_, file, delivery, tell, unread
        self._clock, self._meter, self.title = clock, meter or Unmetered(), title
        self._left, self._note = limit, note
        self._history: History | None = None
        self.cursors = self._on_disk = Cursors()
        self._lanes: dict[Lane, Generator[Step[Any]]] = {}
        """Those that are being read."""
        self._held: dict[Lane, Step[Any]] = {}
        """Steps that wait for room."""
        self._stored_at = self._try_at = self._clock()
        self._failures = 0
        self.failure = ""
        self._was_read = False
        """Since this Reader was made: what an earlier one said may stand yet."""
        self.at_head = False
        """Every commit there is on top was sent."""
        self.new_commits = 0
        """That were sent."""
        self.left_out: Counter[str] = Counter()
        """Of this repository, by reason."""
        self.progress = Progress(self._clock())

    @property
    def is_open(self) -> bool:
        return bool(self._lanes)

    @property
    def has_more(self) -> bool:
        """The present or the past is not at its end, and can be read."""
        return self.has_more_of(METERED)

    def has_more_of(self, lanes: Sequence[Lane]) -> bool:
        """One of the lanes is not at its end, and can be read."""
        can_be_read = self._history is not None and not self.failure and self._left != 0
        return can_be_read and not all(map(self._is_done, lanes))

    @property
    def has_tree(self) -> bool:
        """The present tree is not at its end, as far as is known."""
        return not (self.cursors.present.done or self.failure or self._left == 0)

    @property
    def past_left(self) -> int | None:
        """Commits of the past that are to be sent; None: not known yet."""
        most, past = self.progress.past_commits, self.cursors.past
        if past.done:
            return 0
        return None if most is None else max(0, most - past.position)

    @property
    def tree_bytes_left(self) -> int | None:
        """Of the present tree's files that are to be sent; None: not known yet."""
        return 0 if self.cursors.present.done else self.progress.tree_bytes_left

    @property
    def still_s(self) -> float:
        """For how long nothing of the tree and the past was sent, though there is more; 0: it goes on, or is read."""
        return self._clock() - self.progress.moved_at if self.has_more else 0.0

    @property
    def waits_for_room(self) -> bool:
        """It has something to send, and waits until the trainer has taken more."""
        return bool(self._held)

    @property
    def damage(self) -> str:
        """What is wrong with a clone that lacks contents though it should have them all; else empty."""
        lanes = self.cursors.live, self.cursors.present, self.cursors.past
        if self._history is None or not any(lane.lacks for lane in lanes) or self._history.git.is_partial():
            return ""
        place = self._history.git.path
        return f"contents of files are missing: `git -C {place} fsck` names them; they are read once they are there"

    @property
    def is_done(self) -> bool:
        """Nothing is left to do without --follow."""
        return self._left == 0 or (self.at_head and not self.has_more) or bool(self.failure)

    def turn(self, stop: threading.Event, interval: float, metered: Sequence[Lane] = METERED) -> bool:
        """Reads up to TURN_STEPS commits; whether to go on at once. At the head it looks again after `interval` s.

        `metered`: which lanes may go on beside the new commits.
        """
        if self._left == 0 or (self.failure and self._clock() < self._try_at):
            return False
        try:
            busy = self._read(stop, interval, metered)
        except (GitError, OSError, msgspec.DecodeError) as error:
            self._fail(error)
            return False
        if self.failure:
            self._tell("is read again")
        if self.failure or not self._was_read:
            self._unread("")
        self._was_read = True
        self.failure, self._failures = "", 0
        return busy and not self.is_done

    def close(self) -> None:
        """Stores the cursors of what was sent. Raises Undelivered."""
        self._end()
        if self._history is not None:
            self._store()

    def _read(self, stop: threading.Event, interval: float, metered: Sequence[Lane]) -> bool:
        history = self._history or self._begin()
        if "live" in self._lanes or self._clock() >= self._try_at:
            if self._go_on("live", history, stop):
                return True
            self._try_at = self._clock() + (interval if self.at_head else 0)
        for lane in metered:
            if self._is_done(lane) or stop.is_set() or self._left == 0:
                continue
            return self._go_on(lane, history, stop)
        return not self.at_head

    def _is_done(self, lane: Lane) -> bool:
        return {"present": self.cursors.present.done, "past": self.cursors.past.done}[lane]

    def _go_on(self, lane: Lane, history: History, stop: threading.Event) -> bool:
        """Takes steps of the lane; whether it is to be gone on with at once."""
        start = getattr(self.cursors, lane)
        if lane not in self._lanes:
            if lane == "live" and start.done and not start.target and history.head() == start.done:
                self.at_head = True
                return False
            self._lanes[lane] = self._steps(lane, history)
        for number in range(1, TURN_STEPS + 1):
            step = self._held.pop(lane, None) or next(self._lanes[lane], None)
            if step is None:
                break
            ready = step if lane == "live" else self._ready(lane, step)
            if ready is None:
                return False
            self._take(lane, ready)
            if stop.is_set() or number == TURN_STEPS or self._left == 0:
                return True
            if lane != "live" and self._clock() >= self._try_at:
                return True  # new commits first
        self._lanes.pop(lane)
        self._store()
        if lane == "live":
            self.at_head = self.cursors.live == start  # else more may have come meanwhile
            return not self.at_head
        return True

    def _ready(self, lane: Lane, step: Step[Any]) -> Step[Any] | None:
        """What of the step may be sent now; None holds it until there is room.

        One file or one commit that would keep new commits waiting for too long is left out, with a count.
        """
        size = sum(len(encode(event)) for event in step.events)
        if lane == "present":
            self.progress.tree_bytes_left = step.bytes_left
        alone = lane == "past" or sum(len(e.files) if isinstance(e, Files) else 1 for e in step.events) == 1
        if size and alone and not self._meter.fits(size, TIMES[lane]):
            self.left_out[BEYOND[lane]] += 1
            if lane == "present":
                self._tell(f"{_path(step.events[0])} is left out: it would take longer to train on than 4 × lag_s")
            return replace(step, events=())
        if size and not self._meter.has_room(size):
            self._held[lane] = step
            return None
        return step

    def _steps(self, lane: Lane, history: History) -> Generator[Step[Any]]:
        left_out = self.left_out
        match lane:
            case "live":
                return history.live(self.cursors.live, left_out, self.cursors.present.commit)
            case "present":
                return history.present(self.cursors.present, left_out)
            case "past":
                return history.past(self.cursors.past, left_out)

    def _begin(self) -> History:
        history, stored = self._open(), self._file.read()
        if warning := history.warning():
            self._tell(warning)
        cursors, note = history.begin(stored)
        if note:
            self._tell(note)
        self.cursors, note = history.mended(history.deepened(cursors))
        if note:
            self._tell(note)
        self._history, self._on_disk = history, stored
        if self.cursors.past.start and not self.cursors.past.done:
            self.progress.past_commits = history.past_commits(self.cursors.past.start)
        return history

    def _take(self, lane: Lane, step: Step[Any]) -> None:
        if step.note:
            self._tell(step.note)
        before = self._delivery.bytes
        for event in step.events:
            self._delivery.send(event, lane, self.left_out)
        if lane == "live":
            self.new_commits += step.commits
        else:
            self.progress.send(lane, step, self._delivery.bytes - before, self._clock())
        if self._left is not None:
            self._left -= step.commits
        self.cursors = msgspec.structs.replace(self.cursors, **{lane: step.cursor})
        if self._clock() - self._stored_at > CONFIRM_S:
            self._store()

    def _store(self) -> None:
        self._delivery.confirm()
        if self.cursors != self._on_disk:
            self._note()
            self._file.write(self.cursors)
        self._on_disk, self._stored_at = self.cursors, self._clock()

    def _end(self) -> None:
        for steps in self._lanes.values():
            steps.close()
        self._lanes.clear()
        self._held.clear()

    def _fail(self, error: Exception) -> None:
        sentence = str(error)
        if isinstance(error, msgspec.DecodeError):
            sentence = f"{self._file.path} is damaged: remove it, and the repository is read from its beginning"
        self._end()
        if sentence != self.failure:
            self._tell(sentence)
        self.failure = sentence
        self._unread(sentence)
        self._try_at = self._clock() + min(2.0**self._failures, LONGEST_WAIT_S)
        self._failures = min(self._failures + 1, 10)
        if self._history is not None and not isinstance(error, OSError):
            self._store()


def _path(event: Event) -> str:
    """Of the one file that an event of the tree holds."""
    return event.path if isinstance(event, Notebook) else event.files[0].path if isinstance(event, Files) else ""
