"""The store of threads: their items on disk, across files and runs, and which threads Kafka has not confirmed.

A SQLite file that its owner alone can read. Of an item the newest version is kept, whatever order they come in, and a
deletion for good. A thread that has changed since Kafka confirmed it is offered until it is confirmed as it is now.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from streams.event import Issue, Pull, Repository
from streams.sources.github.items import FACTS, Item, Told, Value
from streams.sources.github.threads import assemble

VERSION = 1
"""In the file's `user_version`."""
PATIENCE_S = 30
"""How long another program may write into the same file."""
_TABLES = """
CREATE TABLE threads (
  id INTEGER PRIMARY KEY, host TEXT NOT NULL, repository TEXT NOT NULL, name TEXT NOT NULL,
  changed INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL DEFAULT 0, digest BLOB NOT NULL DEFAULT x'',
  UNIQUE (host, repository, name));
CREATE INDEX unsent ON threads (id) WHERE changed > sent;
CREATE TABLE items (
  thread INTEGER NOT NULL, key TEXT NOT NULL, gone INTEGER NOT NULL, updated INTEGER NOT NULL, seen INTEGER NOT NULL,
  value BLOB NOT NULL, PRIMARY KEY (thread, key)) WITHOUT ROWID;
"""
_PUT = """
INSERT INTO items VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (thread, key) DO UPDATE
SET gone = excluded.gone, updated = excluded.updated, seen = excluded.seen, value = excluded.value
WHERE (excluded.gone, excluded.updated, excluded.seen, excluded.value) > (gone, updated, seen, value)
"""


class StoreError(Exception):
    """The store cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Changed:
    """A thread that Kafka has not confirmed as it is now."""

    id: int
    change: int
    """Which of its changes the event shows."""
    event: Issue | Pull | None
    """None: it was deleted, or nothing was said in it yet."""
    digest: bytes
    """Of what the event says; as the one that was confirmed last when nothing new is said."""
    is_new: bool


class ThreadStore:
    """Use as a context manager: leaving it commits; after an error, what was put since the last commit is put again by
    reading the file again. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it. Raises StoreError."""
        self.path = path
        self._values = msgspec.json.Decoder(Value)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        with self._clear():
            self._db = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)
            self._open()

    @classmethod
    def of(cls, folder: Path, topic_id: str) -> ThreadStore:
        """The store of threads that go into one topic: a topic made anew begins anew, as a repository's cursor does."""
        return cls(folder / f"{hashlib.sha256(topic_id.encode()).hexdigest()[:24]}.sqlite3")

    def _open(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("BEGIN IMMEDIATE")
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            self._db.execute("ROLLBACK")
            self._db.close()
            raise StoreError(f"{self.path} was written by a later Midstream (version {version}): run the newer one")
        if version == 0:
            for statement in filter(str.strip, _TABLES.split(";")):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {VERSION}")
        self._db.execute("COMMIT")

    def __enter__(self) -> ThreadStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._clear():
            if kind is not None and self._db.in_transaction:
                self._db.execute("ROLLBACK")
            self.commit()
            self._db.close()

    def put(self, told: Told) -> bool:
        """Takes what is newer than what is kept. Whether that was anything. On disk after the next `commit`."""
        with self._clear():
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
            thread = self._thread(told.repository, told.thread)
            changed = [item.key for item in told.items if self._item(thread, item)]
            if any(key != FACTS for key in changed):
                self._db.execute("UPDATE threads SET changed = changed + 1 WHERE id = ?", (thread,))
            return bool(changed)

    def commit(self) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def changed(self) -> Iterator[Changed]:
        """The threads to be sent, in the order in which they came; what is confirmed meanwhile does not come again."""
        last = 0
        while True:
            with self._clear():
                row = self._db.execute(
                    "SELECT id, host, repository, name, changed, digest FROM threads"
                    " WHERE changed > sent AND id > ? ORDER BY id LIMIT 1", (last,)
                ).fetchone()  # fmt: skip
                if row is None:
                    return
                last, host, name, thread, change, former = row
                event = assemble(Repository(host=host, name=name), thread, self._items(last))
            digest = _digest(event) if event else b""
            yield Changed(last, change, event, digest, digest != former)

    def confirm(self, sent: Iterable[Changed]) -> None:
        """Kafka has these. One that has changed again since it was read stays to be sent. On disk when it returns."""
        with self._clear():
            if not self._db.in_transaction:
                self._db.execute("BEGIN IMMEDIATE")
            rows = [(one.change, one.digest, one.id) for one in sent]
            self._db.executemany("UPDATE threads SET sent = ?, digest = ? WHERE id = ?", rows)
            self.commit()

    @property
    def waiting(self) -> int:
        """Threads that Kafka has not confirmed as they are."""
        with self._clear():
            return self._db.execute("SELECT count(*) FROM threads WHERE changed > sent").fetchone()[0]

    def _thread(self, repository: Repository, name: str) -> int:
        key = (repository.host, repository.name, name)
        find = "SELECT id FROM threads WHERE host = ? AND repository = ? AND name = ?"
        row = self._db.execute(find, key).fetchone()
        if row is None:
            row = self._db.execute(
                "INSERT INTO threads (host, repository, name) VALUES (?, ?, ?) RETURNING id", key
            ).fetchone()
        return row[0]

    def _item(self, thread: int, item: Item) -> bool:
        value = msgspec.json.encode(item.value) if item.value is not None else b""
        row = (thread, item.key, item.value is None, item.updated, item.seen, value)
        return self._db.execute(_PUT, row).rowcount > 0

    def _items(self, thread: int) -> list[Item]:
        rows = self._db.execute("SELECT key, updated, seen, gone, value FROM items WHERE thread = ?", (thread,))
        return [
            Item(key, updated, seen, None if gone else self._values.decode(value))
            for key, updated, seen, gone, value in rows
        ]

    def _clear(self) -> _Clear:
        return _Clear(self.path)


class _Clear:
    """SQLite's errors as sentences."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, sqlite3.OperationalError):
            raise StoreError(
                f"{self._path} cannot be used ({error}). Is the disk full, or does another `midstream ingest events` "
                "write into it? Nothing is lost: run the same command again."
            ) from error
        if isinstance(error, sqlite3.DatabaseError | msgspec.DecodeError):
            raise StoreError(
                f"{self._path} is damaged. Move it away and ingest the files again: threads are assembled anew, and "
                "what was sent before is found to be a duplicate."
            ) from error


def _digest(event: Issue | Pull) -> bytes:
    """Of what it says: a new label, or another star, is nothing to send a thread again for."""
    files = [(f.path, f.text) for f in event.files] if isinstance(event, Pull) else []
    said = [(c.text, c.author, c.action, c.date, c.path, c.hunk) for c in event.comments]
    value = (isinstance(event, Pull), event.title, event.state, said, files)
    return hashlib.sha256(msgspec.json.encode(value)).digest()[:16]
