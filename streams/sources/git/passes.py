"""The passes over a repository's commits: new ones from the oldest on, past ones from the newest on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice

import msgspec

from streams.sources.git.commits import Reading, Step
from streams.sources.git.cursors import Cursor, Past
from streams.sources.git.log import LoggedCommit, log, tree
from streams.sources.git.objects import Git, GitError

AHEAD = 32
"""Commits whose contents are asked for together: git answers one question of many ids much faster than many of one."""
OLDER = "older commit beyond [sources] history_commits"


def count_copies(copies: Counter[str], view: Git, present: str, done: str) -> None:
    """The whole versions of each path in the tree of `present` and in the commits from there to `done`."""
    copies.update(tree(view, present).keys())
    if done != present and view.commit(done):
        for logged in log(view, present, done):
            copies.update(change.path for change in logged.changes if change.after)


def live(view: Git, reading: Reading, start: Cursor) -> Iterator[Step[Cursor]]:
    """The commits from the cursor to its target, the oldest first."""
    paths: set[str] = set()
    last, position = start, 0
    for position, logged in enumerate(_ahead(log(view, start.done, start.target), reading, start.position), 1):
        paths.update(change.path for change in logged.changes)
        reading.licences.go_on(logged)
        if position == start.position and start.last not in ("", logged.sha):
            yield from _again(view, reading, start)
            return
        if position > start.position:
            for step in reading.steps(logged, last, last.at(position, logged.sha)):
                last = step.cursor
                yield step
        else:
            reading.count(logged.changes, windows=False)
    if position < start.position:
        yield from _again(view, reading, start)
        return
    if reading.versions == "last":
        blobs = tree(view, start.target)
        changed = {path: blobs[path] for path in sorted(paths & blobs.keys())}
        reading.changes.lacking.clear()
        for event in reading.files(changed, start.target):
            yield Step((event,), last)
        last = last.lacking(reading.changes.lacking)
    yield Step((), Cursor(start.target, edges=start.edges, lacks=last.lacks, lacks_from=last.lacks_from))


def _again(view: Git, reading: Reading, start: Cursor) -> Iterator[Step[Cursor]]:
    """The pass from its beginning: its commits are not those that a position was counted in."""
    yield Step((), start, "commits were added below what was read: the pass begins again")
    reading.licences.begin(start.done)
    yield from live(view, reading, start.at(0, ""))


def past(view: Git, reading: Reading, start: Past, most: int) -> Iterator[Step[Past]]:
    """The commits behind `start`, the newest first, up to `most` of them."""
    last, position = start, 0
    commits = log(view, "", start.start, newest_first=True)
    for position, logged in enumerate(_ahead(commits, reading, start.position), 1):
        if position == start.position and start.last not in ("", logged.sha):
            again = Past(start.start, edges=start.edges, lacks=start.lacks, lacks_from=start.lacks_from)
            yield Step((), again, "the past is another than was read: it is read from its newest commit again")
            reading.licences.begin(start.start)
            yield from past(view, reading, again, most)
            return
        if position > most:
            break
        if position > start.position:
            for step in reading.steps(logged, last, last.at(position, logged.sha), windows=True):
                last = step.cursor
                yield step
        else:
            reading.count(logged.changes, windows=True)
        reading.licences.go_back(logged)
    if position > most:
        reading.left_out[OLDER] += int(view.run("rev-list", "--count", start.start)) - most
    yield Step((), msgspec.structs.replace(last, done=True))


def _ahead(commits: Iterator[LoggedCommit], reading: Reading, skipped: int) -> Iterator[LoggedCommit]:
    """The same commits, the contents of some of them read together; not those of the first `skipped`.

    Raises GitError where the commits do, when those before were given.
    """
    error: GitError | None = None
    while error is None:
        some: list[LoggedCommit] = []
        try:
            some.extend(islice(commits, AHEAD))
        except GitError as caught:
            error = caught
        if not some and error is None:
            return
        ids = {i for logged in some[max(0, skipped) :] for c in logged.changes for i in (c.before, c.after) if i}
        skipped -= len(some)
        reading.changes.blobs.read_ahead(sorted(ids))
        yield from some
    raise error
