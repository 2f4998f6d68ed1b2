"""Repositories on their way into the topics, side by side: each reads a bounded number of commits in its turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

import msgspec

from streams.sources.cursors import Cursor, CursorFile
from streams.sources.delivery import EventDelivery
from streams.sources.git import History, Step
from streams.sources.objects import GitError

TURN_STEPS = 256
"""Commits a turn, or parts of large ones: a tenth to half a second of reading, so that a small repository waits
seconds for a huge one."""
OPEN = 32
"""Histories open at a time, each with two programs and ten or so files; a further one opens when one is read."""
CONFIRM_S = 1.0
"""How often the cursor is stored: what is sent again after a crash is at most about this much."""
LONGEST_WAIT_S = 300.0
"""A repository that fails is tried again after one second, then twice as many each time, up to this."""


class Reader:
    """One history and its cursor, which follows what Kafka has confirmed.

    What is wrong with the repository or its cursor's file is kept in `failure` and told once; Undelivered is raised.
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
    ) -> None:
        """`unread` is called with what is wrong at every try that fails, and with "" once the repository is read."""
        self._open, self._file, self._delivery, self._tell, self._unread = open_, file, delivery, tell, unread
        self._clock = clock
        self._left = limit
        """Commits that may still be read; None: no limit."""
        self._history: History | None = None
        self._cursor = self._cursor_on_disk = Cursor()
        self._steps: Generator[Step] | None = None
        self._start = Cursor()
        """The cursor when `_steps` began."""
        self._stored_at = self._try_at = self._clock()
        self._failures = 0
        self.failure = ""
        self._was_read = False
        """Since this Reader was made: what an earlier one said may stand yet."""
        self.at_end = False
        """Everything there is was sent."""

    @property
    def is_open(self) -> bool:
        return self._steps is not None

    @property
    def is_done(self) -> bool:
        """Nothing is left to do without --follow."""
        return self._left == 0 or self.at_end or bool(self.failure)

    def turn(self, stop: threading.Event, interval: float) -> bool:
        """Reads up to TURN_STEPS commits; whether to go on at once. At its end it looks again after `interval` s."""
        if self._left == 0 or (not self.is_open and self._clock() < self._try_at):
            return False
        try:
            self._read(stop)
        except (GitError, OSError, msgspec.DecodeError) as error:
            self._fail(error)
        else:
            if self.failure:
                self._tell("is read again")
            if self.failure or not self._was_read:
                self._unread("")
            self._was_read = True
            self.failure, self._failures = "", 0
            self._try_at = self._clock() + (interval if self.at_end else 0)
        return not self.is_done

    def close(self) -> None:
        """Stores the cursor of what was sent. Raises Undelivered."""
        self._end()
        if self._history is not None:
            self._store()

    def _read(self, stop: threading.Event) -> None:
        steps = self._steps or self._begin()
        for number, step in enumerate(steps, 1):
            self._take(step)
            if self._left is not None:
                self._left -= step.commits
            if stop.is_set() or number == TURN_STEPS or self._left == 0:
                return
        self._end()
        self._store()
        self.at_end = self._cursor == self._start  # else more may have come meanwhile

    def _begin(self) -> Iterable[Step]:
        if self._history is None:
            history, cursor = self._open(), self._file.read()
            if warning := history.warning():
                self._tell(warning)
            self._history, self._cursor, self._cursor_on_disk = history, cursor, cursor
        self.at_end = False
        self._start = self._cursor
        if self._cursor.done and not self._cursor.target and self._history.head() == self._cursor.done:
            return ()
        self._steps = self._history.steps(self._cursor, self._delivery.left_out)
        return self._steps

    def _take(self, step: Step) -> None:
        if step.note:
            self._tell(step.note)
        for event in step.events:
            self._delivery.send(event)
        self._cursor = step.cursor
        if self._clock() - self._stored_at > CONFIRM_S:
            self._store()

    def _store(self) -> None:
        self._delivery.confirm()
        if self._cursor != self._cursor_on_disk:
            self._file.write(self._cursor)
        self._cursor_on_disk, self._stored_at = self._cursor, self._clock()

    def _end(self) -> None:
        steps, self._steps = self._steps, None
        if steps is not None:
            steps.close()

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


def rounds(readers: Sequence[Reader], stop: threading.Event, follow: bool, interval: float) -> Iterator[None]:
    """Gives every reader its turn, round after round, until all are done or `stop` is set.

    With `follow` those at their end look for new commits and those that failed try again, for ever.
    """
    left = list(readers)
    while left and not stop.is_set():
        busy = False
        for reader in left:
            if not stop.is_set() and (reader.is_open or sum(other.is_open for other in left) < OPEN):
                busy |= reader.turn(stop, interval)
        yield
        left = [reader for reader in left if not reader.is_done] if not follow else left
        if not busy and left:
            stop.wait(interval)
