"""What the steps of a git history's lanes send, in lists."""

from __future__ import annotations

from collections import Counter

from streams.event import Commit, Files
from streams.sources.git.cursors import Cursor, Cursors
from streams.sources.git.history import History

NEW = Cursor()


def drain(history: History, cursors: Cursors, *lanes: str, steps: int | None = None):
    """(events, cursors, left out) of the lanes in turn, or of so many steps."""
    left_out: Counter[str] = Counter()
    events = []
    for lane in lanes:
        arguments = (cursors.present.commit,) if lane == "live" else ()
        for step in getattr(history, lane)(getattr(cursors, lane), left_out, *arguments):
            events += step.events
            cursors = Cursors(**{**{f: getattr(cursors, f) for f in cursors.__struct_fields__}, lane: step.cursor})
            if steps is not None and (steps := steps - 1) == 0:
                return events, cursors, left_out
    return events, cursors, left_out


def messages(events: list) -> list[str]:
    return [event.message for event in events if isinstance(event, Commit)]


def paths(events: list) -> list[str]:
    return [file.path for event in events if isinstance(event, Files) for file in event.files]


def read(history: History, cursor: Cursor = NEW, steps: int | None = None):
    """(commits, file events, cursor after the last step, what was left out, notes)."""
    left_out: Counter[str] = Counter()
    events, notes = [], []
    for step in history.live(cursor, left_out):
        events += step.events
        notes += [step.note] if step.note else []
        cursor = step.cursor
        if steps is not None and (steps := steps - 1) == 0:
            break
    commits = [event for event in events if isinstance(event, Commit)]
    return commits, [event for event in events if isinstance(event, Files)], cursor, left_out, notes


def changes(commit: Commit) -> dict[str, tuple[str | None, str | None]]:
    return {file.path: (file.before, file.after) for file in commit.files}
