"""A run over files of GitHub's events, with a delivery that keeps what was sent."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from streams.event import Event, Issue, Pull
from streams.sources.github.intake import send, take
from streams.sources.github.store import ThreadStore


class Kafka:
    """A delivery that keeps what was sent, and can be told to fail."""

    def __init__(self, fails_at: int = -1) -> None:
        self.left_out: Counter[str] = Counter()
        self.events: list[Event] = []
        self.confirmed = 0
        self.fails_at = fails_at

    def send(self, event: Event) -> None:
        if len(self.events) == self.fails_at:
            raise RuntimeError("no broker")
        self.events.append(event)

    def confirm(self) -> None:
        self.confirmed = len(self.events)


def never() -> bool:
    return False


def ingest(folder: Path, *files: Path, name: str = "", kafka: Kafka | None = None) -> tuple[Kafka, list[str]]:
    """One run over the files, with the store in `folder`."""
    kafka = kafka or Kafka()
    with ThreadStore(folder / "threads.sqlite3") as store:
        failures = list(take(files, store, kafka.left_out, name, never))
        send(store, kafka, never)
    return kafka, failures


def write(path: Path, *values: Any) -> Path:
    path.write_text("\n".join(v if isinstance(v, str) else json.dumps(v) for v in values))
    return path


def said(event: Event) -> list[tuple[str, str, str]]:
    assert isinstance(event, Issue | Pull)
    return [(c.action, c.author, c.text) for c in event.comments]


THREAD = [
    ("opened", "ann", "Here is how"),
    ("commented", "bob", "Me too"),
    ("closed", "cat", ""),
    ("reopened", "ann", ""),
]
