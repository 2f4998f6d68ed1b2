"""What became of the commits and files of `bench/first_hour.py`: sent, trained on, left out, or silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from midstream.settings import Settings
from model.tokens.tokenizer import Tokenizer
from streams import event as events
from streams import frame as frames
from streams.feed.ledger import Entry
from streams.feed.ledger import read as read_ledger
from streams.kafka.connection import Connection
from streams.kafka.log import read as read_log
from streams.sources import report
from streams.sources.git.commits import ALL_TOO_WIDE, EDGE, LACKING, MERGE, NO_TEXT

COMMIT_REASONS = (ALL_TOO_WIDE, EDGE, LACKING, MERGE, NO_TEXT)


class Account:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._connection: Connection = settings.connection()
        self._ids: dict[str, str] = {}
        self._read: dict[int, int] = {}
        self._origins: dict[str, tuple[str, int, int]] = {}
        """Commit to (topic id, partition, offset)."""
        self.tokens: dict[tuple[str, int, int], int] = {}
        self.packed: dict[tuple[str, int, int], float] = {}
        """When the examples of a record were appended, seconds since 1970."""
        self._past: set[tuple[str, int, int]] = set()
        """Records of windows."""
        self._rows: list[Entry] = []

    def trained(self, shas: Iterable[str]) -> list[str]:
        """Those of the commits of which a document was trained on."""
        if not self._ids:
            self._ids = self._connection.topic_ids(["commits", "files", "notebooks"])
        self._look()
        known = {(e.topic_id, e.partition, e.offset) for e in self._ledger()}
        return [sha for sha in shas if self._origins.get(sha) in known]

    def left(self) -> dict[str, Any]:
        """What the last line says beside the seconds."""
        self._look()
        latest = report.read(self._settings.paths.state)
        assert latest is not None and self._settings.paths.tokenizer is not None
        commits = sum(r.past_commits + r.commits for r in latest.repositories)
        counted = sum(latest.left_out.get(reason, 0) for reason in COMMIT_REASONS)
        tokens = self._tokens()
        return {
            "share_of_today": round(tokens["today"] / max(1, tokens.total()), 3), "tokens_trained": tokens.total(),
            "tokenizer_ids": Tokenizer.load(self._settings.paths.tokenizer).vocab_size,
            "past_commits_sent": sum(r.past_commits for r in latest.repositories),
            "trees_read": sum(r.present_done for r in latest.repositories), "left_out": latest.left_out,
            "silent": commits - len(self._origins) - counted,
        }  # fmt: skip

    def _look(self) -> None:
        """Takes what is new in the topic `commits`."""
        for (_, partition), end in self._connection.end_offsets(["commits"]).items():
            for logged in read_log(self._connection, "commits", partition, self._read.get(partition, 0), end):
                self._read[partition] = logged.offset + 1
                event = events.decode(logged.value or b"")
                assert isinstance(event, events.Commit)
                place = self._ids["commits"], partition, logged.offset
                self._origins[event.sha] = place
                if any(file.line for file in event.files):
                    self._past.add(place)

        for (_, partition), end in self._connection.end_offsets(["examples"]).items():
            for logged in read_log(self._connection, "examples", partition, self._read.get(-1 - partition, 0), end):
                self._read[-1 - partition] = logged.offset + 1
                frame = frames.decode(logged.value or b"")
                for example in frame.examples:
                    place = frame.source.topic_id, frame.source.partition, example.offset
                    self.packed[place] = logged.time_ms / 1000
                    self.tokens[place] = self.tokens.get(place, 0) + example.tokens

    def packed_at(self, sha: str) -> float:
        return self.packed.get(self._origins[sha], 0.0)

    def _ledger(self) -> list[Entry]:
        folder = self._settings.paths.checkpoints
        assert folder is not None
        sizes = {path.name: path.stat().st_size // _ROW * _ROW for path in Path(folder).glob("ledger*.bin")}
        return list(read_ledger(folder, sizes))

    def _tokens(self) -> Counter[str]:
        """That were trained on: of today, which are the trees and the new commits, and of the past."""
        pieces = {(e.topic_id, e.partition, e.offset, e.index, e.piece) for e in self._ledger()}
        counts: Counter[str] = Counter()
        for (_, partition), end in self._connection.end_offsets(["examples"]).items():
            for logged in read_log(self._connection, "examples", partition, 0, end):
                frame = frames.decode(logged.value or b"")
                for e in frame.examples:
                    place = frame.source.topic_id, frame.source.partition, e.offset
                    if (*place, e.index, e.piece) in pieces:
                        counts["past" if place in self._past else "today"] += e.tokens
        return counts


_ROW = 44
"""Bytes of a ledger's row."""
