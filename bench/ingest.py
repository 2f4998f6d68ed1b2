"""The speed of the sources: commits listed, files of git read into events, folders, notebooks and GitHub events.

Each figure is things a second of CPU time, ours and git's. Every part runs in a process of its own; `peak_mb` is the
largest memory of any. Nothing is sent. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

from common.histories import histories
from common.machine import machine
from common.single_files import single_files
from first_hour import clone

from midstream.settings import cache_home
from streams.event import Event, encode
from streams.sources.folders import files
from streams.sources.git.cursors import Cursors
from streams.sources.git.history import History
from streams.sources.git.log import log
from streams.sources.git.objects import view_of
from streams.sources.github.intake import send, take
from streams.sources.github.store import ThreadStore
from streams.sources.texts import notebooks

NOTEBOOKS, CELLS = 300, 40
ACTIONS = 20_000

Part = Callable[[list[Path], Path], tuple[int, Counter[str]]]
"""(repositories, a folder) to how many things were read, and what was left out."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="Clones of git; else releases, file by file.")
    folders = parser.parse_args().folders
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        origin, repositories = ("given", folders) if folders else made(work)
        report: dict[str, object] = {"bench": "ingest", "histories": origin}
        peak = 0.0
        left_out: Counter[str] = Counter()
        for key, part in PARTS.items():
            with get_context("spawn").Pool(1) as pool:
                count, seconds, mb, left = pool.apply(measured, (part, repositories, work))
            report[key] = round(count / seconds)
            left_out += left
            peak = max(peak, mb)
            print(f"{key}: {count:,} in {seconds:.2f} s, {mb:.0f} MB", file=sys.stderr, flush=True)
    print(json.dumps({**report, "peak_mb": round(peak), "left_out": dict(left_out), "machine": machine()}))


def made(work: Path) -> tuple[str, list[Path]]:
    origin, clones = histories(cache_home(), work / "generated")
    for path in clones:
        single_files(path, work / "bare" / path.name)
    return origin, [clone(work / "bare" / path.name, work / "repositories" / path.name) for path in clones]


def measured(part: Part, repositories: list[Path], work: Path) -> tuple[int, float, float, Counter[str]]:
    before = cpu_s()
    count, left_out = part(repositories, work)
    return count, cpu_s() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, left_out


def cpu_s() -> float:
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


def encoded(events: Iterator[Event] | tuple[Event, ...]) -> int:
    return sum(bool(encode(event)) for event in events)


def commits_s(repositories: list[Path], work: Path) -> tuple[int, Counter[str]]:
    """Commits with their changed paths."""
    count = 0
    for path in repositories:
        history = History.open(path)
        with view_of(history.git) as view:
            count += sum(1 for _ in log(view, "", history.head(), newest_first=True))
    return count, Counter()


def blobs_s(repositories: list[Path], work: Path) -> tuple[int, Counter[str]]:
    """Files of the present trees, and both sides of every change of the past as windows."""
    left_out: Counter[str] = Counter()
    count = 0
    for path in repositories:
        history = History.open(path, versions="last", commits=2_000)
        cursors, _ = history.begin(Cursors())
        for step in history.present(cursors.present, left_out):
            encoded(step.events)
            count += sum(len(getattr(event, "files", "1")) for event in step.events)
        for step in history.past(cursors.past, left_out):
            encoded(step.events)
            changed = [file for event in step.events for file in getattr(event, "files", ())]
            count += sum((file.before is not None) + (file.after is not None) for file in changed)
    return count, left_out


def files_s(repositories: list[Path], work: Path) -> tuple[int, Counter[str]]:
    """Text files of folders."""
    left_out: Counter[str] = Counter()
    count = 0
    with ExitStack() as stack:
        for path in repositories:
            folder = path
            if not (path / ".git").exists():  # a bare one
                folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / path.name
                subprocess.run(["git", "clone", "--quiet", str(path), str(folder)], check=True)
            for event in files.events(folder, left_out):
                encode(event)
                count += len(getattr(event, "files", "1"))
    return count, left_out


def notebooks_s(repositories: list[Path], work: Path) -> tuple[int, Counter[str]]:
    """Generated notebooks with outputs and pictures."""
    folder, draw = work / "notebooks", random.Random(0)
    folder.mkdir()
    for number in range(NOTEBOOKS):
        cells = [cell(draw, n) for n in range(CELLS)]
        text = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})
        (folder / f"{number}.ipynb").write_text(text)
    left_out: Counter[str] = Counter()
    return encoded(notebooks.events(folder, left_out)), left_out


def cell(draw: random.Random, number: int) -> dict[str, object]:
    lines = [f"value_{draw.getrandbits(20)} = {draw.getrandbits(30)}\n" for _ in range(8)]
    if number % 3 == 0:
        return {"cell_type": "markdown", "metadata": {}, "source": [f"# Part {number}\n", "What comes next.\n"]}
    data = {"image/png": draw.randbytes(6_000).hex(), "text/plain": [f"{draw.getrandbits(30)}"]}
    output = {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": data}
    return {"cell_type": "code", "metadata": {}, "source": lines, "execution_count": 1, "outputs": [output]}


def events_s(repositories: list[Path], work: Path) -> tuple[int, Counter[str]]:
    """Lines of issue and comment events, as an archive holds them."""
    path, draw = work / "events.json", random.Random(1)
    with path.open("w") as lines:
        for number in range(ACTIONS):
            lines.write(json.dumps(action(draw, number)) + "\n")
    delivery = Kept()
    with ThreadStore.of(work / "threads", "0" * 32) as store:
        for sentence in take([path], store, delivery.left_out, "", lambda: False):
            raise SystemExit(sentence)
        send(store, delivery, lambda: False)
    return ACTIONS, delivery.left_out


class Kept:
    """A delivery that encodes, and sends nothing."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()

    def send(self, event: Event) -> None:
        encode(event)

    def confirm(self) -> None:
        pass


def action(draw: random.Random, number: int) -> dict[str, object]:
    issue = {
        "number": number // 5 + 1, "title": f"Issue {number // 5}", "state": "open", "body": "It fails. " * 20,
        "user": {"login": f"user{number % 50}"}, "created_at": "2026-01-01T00:00:00Z",
        "updated_at": f"2026-01-01T00:{number % 5:02}:00Z",
    }  # fmt: skip
    comment = {
        "id": number, "body": f"Seen with {draw.getrandbits(40)} too. " * 10, "user": {"login": f"user{number % 7}"},
        "created_at": f"2026-01-01T01:{number % 60:02}:00Z", "updated_at": f"2026-01-01T01:{number % 60:02}:00Z",
    }  # fmt: skip
    payload = {"action": "created", "issue": issue, "comment": comment} if number % 5 else {
        "action": "opened", "issue": issue,
    }  # fmt: skip
    return {
        "id": str(number), "type": "IssueCommentEvent" if number % 5 else "IssuesEvent", "payload": payload,
        "actor": {"login": f"user{number % 7}"}, "repo": {"id": 1, "name": "octo/repository"},
        "created_at": f"2026-01-01T01:{number % 60:02}:00Z",
    }  # fmt: skip


PARTS: dict[str, Part] = {
    "commits_s": commits_s, "blobs_s": blobs_s, "files_s": files_s, "notebooks_s": notebooks_s, "events_s": events_s,
}  # fmt: skip

if __name__ == "__main__":
    main()
