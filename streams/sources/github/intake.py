"""Files of GitHub's events into the store of threads, and the threads that have changed into their topic."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Protocol

from streams.event import Event
from streams.sources.github import shapes as github
from streams.sources.github.items import told
from streams.sources.github.lines import UnreadableFile, files, values
from streams.sources.github.store import Changed, ThreadStore
from streams.sources.github.threads import fitted
from streams.sources.texts.text import Counts

BATCH = 1000
"""Events between two commits of the store, and threads between two confirmations."""
STDIN = Path("-")


class ThreadDelivery(Protocol):
    """What `streams.sources.delivery.EventDelivery` does."""

    left_out: Counts

    def send(self, event: Event) -> None: ...
    def confirm(self) -> None: ...


def take(
    paths: Iterable[Path], store: ThreadStore, left_out: Counts, name: str, step: Callable[[], bool]
) -> Iterator[str]:
    """Reads the files into the store. Yields a sentence for each that cannot be read, and goes on with the next.

    `step` is called after each JSON value; when it says so, reading ends. `name`: the webhook's event where its payload
    does not tell it. All that was read is on disk at the end.
    """
    at = 0
    for path in files(paths, left_out):
        try:
            with _opened(path) as file:
                for value in values(file, str(path), left_out):
                    for event in github.events(value, left_out, name):
                        _put(event, store, left_out)
                        at += 1
                        if at % BATCH == 0:
                            store.commit()
                    if step():
                        store.commit()
                        return
        except (UnreadableFile, OSError) as error:
            yield str(error) if isinstance(error, UnreadableFile) else f"{path}: cannot be opened ({error.strerror})"
    store.commit()


def send(store: ThreadStore, delivery: ThreadDelivery, step: Callable[[], bool]) -> bool:
    """Sends every thread that has changed, and notes what Kafka has confirmed. Whether it came to the end."""
    batch: list[Changed] = []
    for changed in store.changed():
        batch.append(changed)
        if changed.event is None:
            delivery.left_out["thread without words, or deleted"] += 1
        elif not changed.is_new:
            delivery.left_out["thread that says what was sent before"] += 1
        else:
            event, was_cut = fitted(changed.event)
            delivery.left_out.update({"middle of a thread too long for a record": 1} if was_cut else {})
            delivery.send(event)
        if len(batch) >= BATCH:
            delivery.confirm()
            store.confirm(batch)
            batch = []
        if step():
            break
    delivery.confirm()
    store.confirm(batch)
    return not store.waiting


def _put(event: github.GitHubEvent, store: ThreadStore, left_out: Counts) -> None:
    for thread in told(event, left_out):
        gone = any(item.value is None for item in thread.items)
        if not store.put(thread):
            left_out["event that was known, or older than what is known"] += 1
        elif gone:
            left_out["what was deleted"] += 1


def _opened(path: Path) -> IO[bytes]:
    """The standard input is not closed when it was read."""
    return open(sys.stdin.fileno(), "rb", closefd=False) if path == STDIN else path.open("rb")
