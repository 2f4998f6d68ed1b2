"""A reading process that is killed (SIGKILL) in the middle of a past, anywhere between two stored cursors."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import threading
from collections import Counter
from itertools import count
from pathlib import Path

import msgspec
import pytest

from streams.event import Commit, Event, decode, encode
from streams.sources import report
from streams.sources.git.cursors import CursorFile
from streams.sources.git.history import History
from streams.sources.git.reader import Reader
from streams.sources.git.rounds import rounds
from streams.sources.report import Reporter

COMMITS = 60
EMPTY = 7
"""Every seventh commit has no text: it is counted, not sent."""


class Log:
    """A delivery into a file. Until it is confirmed an event may be there or not: it is written at once, or then."""

    meter = None
    bytes = 0

    def __init__(self, path: Path, at_once: bool, kill_at: int) -> None:
        self._path, self._at_once, self._kill_at = path, at_once, kill_at
        self._held: list[bytes] = []
        self._sent = 0
        self.left_out: Counter[str] = Counter()

    def send(self, event: Event, lane: str = "live", left_out: Counter[str] | None = None) -> None:
        self._held.append(encode(event) + b"\n")
        self._sent += 1
        if self._at_once:
            self.confirm()
        if self._sent == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def confirm(self) -> None:
        with self._path.open("ab") as file:
            file.writelines(self._held)
        self._held.clear()


def read_on(folder: Path, at_once: bool, kill_at: int, every: int) -> None:
    """As `midstream ingest git` does it; a cursor is stored after every so many looks at the clock."""
    log = Log(folder / "log", at_once, kill_at)
    reporter = Reporter(folder, log, None, print)  # type: ignore[arg-type]
    readers: list[Reader] = []
    ticks = count()
    readers.append(
        Reader(
            lambda: History.open(folder / "repository", versions="none"),
            CursorFile(folder / "cursor.json"), log, print,  # type: ignore[arg-type]
            clock=lambda: next(ticks) / every, note=lambda: reporter.report(readers, at_once=True),
        )
    )  # fmt: skip
    for _ in rounds(readers, threading.Event(), follow=False, interval=0):
        reporter.report(readers)
    readers[0].close()
    reporter.report(readers, last=True)


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("kill_at", [1, 13, 28, 41])
def test_after_a_kill_every_commit_is_delivered_or_counted(git_folder, tmp_path, at_once, kill_at):
    stream = history(tmp_path / "stream")
    with stream.open("rb") as commands:
        subprocess.run(["git", "-C", git_folder.path, "fast-import", "--quiet"], stdin=commands, check=True)
    process = multiprocessing.get_context("spawn").Process(target=read_on, args=(tmp_path, at_once, kill_at, 9))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    halfway = cursor(tmp_path)
    assert halfway < COMMITS, "it was killed within the past"
    assert kill_at < 20 or halfway > 0, "a cursor was stored before"
    read_on(tmp_path, at_once, 0, 9)
    sent = Counter(message for line in (tmp_path / "log").read_bytes().splitlines() for message in messages(line))
    texts = {f"commit {number}" for number in range(1, COMMITS + 1) if number % EMPTY}
    assert sent.keys() == texts, "none is silent"
    assert max(sent.values()) <= 2, "at most what came after the last stored cursor is there twice"
    told = report.read(tmp_path)
    assert told is not None and told.left_out["commit without text"] >= COMMITS // EMPTY
    assert cursor(tmp_path) == COMMITS


def messages(line: bytes) -> list[str]:
    event = decode(line)
    return [event.message] if isinstance(event, Commit) else []


def cursor(folder: Path) -> int:
    path = folder / "cursor.json"
    return msgspec.json.decode(path.read_bytes())["past"]["position"] if path.exists() else 0


def history(path: Path) -> Path:
    """Commands of git fast-import."""
    lines: list[str] = []
    for number in range(1, COMMITS + 1):
        text = f"commit {number}"
        lines += ["commit refs/heads/main", f"committer A <a@example.org> {number} +0000", f"data {len(text)}", text]
        content = f"{number}\n"
        lines += [f"M 100644 inline {number}.py", f"data {len(content)}", content] if number % EMPTY else []
    path.write_text("\n".join(lines) + "\n")
    return path
