"""Commit to served model: commits to a scratch repository that is being followed, each timed to the end."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path

from model.manifest import newest
from server.client import AsyncClient
from streams import event as events
from streams.document import Origin
from streams.feed import ledger
from streams.feed.state import decode
from streams.frame import decode_rejections_or_none
from streams.kafka.connection import Connection
from streams.kafka.log import read
from streams.kafka.topics import Genesis

TOPICS = ("commits", "files")
PATIENCE_S = 120.0
FUNCTIONS = ("parse_header", "merge_spans", "count_tokens", "open_segment", "drop_stale_rows", "fold_lines")


class Stale(RuntimeError):
    """A commit did not reach the served model in time."""


class Scratch:
    """A small git repository that commits to itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch", "main")
        (folder / "LICENSE").write_text("SPDX-License-Identifier: MIT\n" + "Permission is hereby granted. " * 4)
        self.commit(0)

    def commit(self, number: int) -> str:
        """Add a module and return the commit's id."""
        name = FUNCTIONS[number % len(FUNCTIONS)]
        (self.folder / f"{name}.py").write_text(module(name, number))
        self._git("add", ".")
        self._git("commit", "--quiet", "-m", f"Add {name.replace('_', ' ')} with its bounds checked")
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *words: str) -> str:
        who = ("-c", "user.name=Demo", "-c", "user.email=demo@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *who, *words], cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"git {words[0]} failed in the scratch repository: {done.stderr.strip()}")
        return done.stdout


def module(name: str, number: int) -> str:
    """A module of some twenty lines whose words differ from number to number."""
    words = name.split("_")
    lines = [f'"""{name.replace("_", " ").capitalize()}, step {number} of the demo."""', "", ""]
    for i, word in enumerate((*words, "check", "show")):
        lines += [
            f"def {word}_{name}_{i}(items, limit={17 * number + i}):",
            f"    {word}_total = sum(len(item) for item in items if item != {word!r})",
            f"    if {word}_total > limit:",
            f"        raise ValueError(f'{{{word}_total}} of {word} is more than {{limit}} in {name}')",
            f"    return {word}_total * {number + i + 2}",
            "",
            "",
        ]
    return "\n".join(lines)


class FreshnessWatch:
    """Follows one commit through the topics, the ledger and the server."""

    def __init__(self, connection: Connection, genesis: Genesis, checkpoints: Path, server: AsyncClient) -> None:
        self._connection, self._genesis = connection, genesis
        self._checkpoints, self._server = checkpoints, server
        self._partitions = range(len(genesis.topics["commits"].starts))

    def here(self) -> dict[tuple[str, int], int]:
        """Where the topics end now: a commit made after this stands above it."""
        return self._connection.end_offsets([*TOPICS, "rejected"])

    async def served(self, sha: str, above: dict[tuple[str, int], int]) -> float:
        """Wait until the served model was trained on all of the commit that was not rejected; the moment of it."""
        deadline = time.monotonic() + PATIENCE_S
        origins: set[Origin] = set()
        while time.monotonic() < deadline:
            origins = origins or await asyncio.to_thread(self._origins, sha, above)
            step = await asyncio.to_thread(self._trained_at, origins, above) if origins else None
            if step is not None and (await self._server.model()).step >= step:
                return time.monotonic()
            await asyncio.sleep(0.25)
        raise Stale(f"commit {sha[:10]} was not in the served model after {PATIENCE_S:.0f} s")

    def _origins(self, sha: str, above: dict[tuple[str, int], int]) -> set[Origin]:
        """All documents of the commit, once its commit and its files have both arrived; else none."""
        origins: set[Origin] = set()
        shas: set[str] = set()
        for topic in TOPICS:
            for p in self._partitions:
                for logged in read(self._connection, topic, p, above[topic, p]):
                    event = events.decode(logged.value or b"")
                    if getattr(event, "sha", "") == sha or getattr(event, "revision", "") == sha:
                        shas.add(topic)
                        ids = range(len(event.files))  # type: ignore[union-attr]
                        origins |= {Origin(self._genesis.topics[topic].id, p, logged.offset, i) for i in ids}
        return origins if shas == set(TOPICS) else set()

    def _trained_at(self, origins: set[Origin], above: dict[tuple[str, int], int]) -> int | None:
        """The step of the last piece, or None while a document is neither trained on nor rejected."""
        pieces: dict[Origin, list[tuple[int, int]]] = {}
        checkpoint = newest(self._checkpoints)
        for entry in ledger.read(self._checkpoints, decode(checkpoint[1]).ledger) if checkpoint else ():
            if entry.origin in origins:
                pieces.setdefault(entry.origin, []).append((entry.step, entry.pieces))
        missing = {o for o in origins if o not in pieces or len(pieces[o]) < pieces[o][0][1]}
        if missing and missing - self._rejected(above):
            return None
        return max((step for rows in pieces.values() for step, _ in rows), default=None)

    def _rejected(self, above: dict[tuple[str, int], int]) -> set[Origin]:
        return {
            item.origin
            for p in self._partitions
            for logged in read(self._connection, "rejected", p, above["rejected", p])
            if (record := decode_rejections_or_none(logged.value))
            for item in record.items
        }
