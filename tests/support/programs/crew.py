"""The four workers as real processes on a real broker, and the audit of what became of every document."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result

from midstream.cli import main
from midstream.settings import Settings, load
from midstream.status.overview import positions
from midstream.status.trainer import lags
from model.reign import take
from streams.document import Origin
from streams.event import Files, Repository, SourceFile
from streams.event import encode as encode_event
from streams.feed.examples import open_feed
from streams.feed.ledger import Entry, read
from streams.feed.left import first_state
from streams.feed.state import FeedState, Limits, decode
from streams.frame import decode_rejections_or_none
from streams.kafka.connection import Connection
from streams.kafka.log import read as read_log
from streams.stages import SOURCES, STAGE
from tests.support.models.tiny import tokenizer

STAGES = tuple(STAGE)
CONTEXT = 256
PATIENCE_S = 240
"""Less than the time limit of a test, so that a failure says what the workers said; no test is to be that slow."""
POLL_S = 0.2
"""Between two questions to the broker, each of which costs a twentieth of a second of CPU."""
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}
"""Many starts: keep the compiled modules, without which a start takes three times as long."""


@dataclass(frozen=True)
class Fate:
    """What the audit knows of all documents, by origin."""

    trained: Counter[str]
    """Times that a document's last piece was trained on."""
    rejected: dict[str, str]
    """Origin to rule."""
    state: FeedState

    @property
    def dead(self) -> set[str]:
        return self.state.dead

    @property
    def all(self) -> set[str]:
        """Every origin that was trained on, rejected or dead."""
        return {*self.trained, *self.rejected, *self.dead}


class Crew:
    """Workers of one state folder on one set of topics."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.connection, self.folder = connection, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "midstream.toml"
        self.config.write_text(
            f'[kafka]\nbrokers = "{connection.brokers}"\nprefix = "{connection.prefix}"\npartitions = 2\n'
            f'[paths]\nstate = "{folder}"\n[model]\ncontext = {CONTEXT}\n'
        )
        tokenizer().save(folder / "tokenizer.json")
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.state: bytes | None = None
        self._producer = connection.producer(max_request_size=64 << 20)  # as any client may be set
        self._topic_ids = connection.topic_ids(SOURCES)

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()
        self._producer.close()

    @property
    def settings(self) -> Settings:
        return load(self.config)

    def start(self, *names: str) -> None:
        """All stages when none is named; `dedup.2` is another worker of dedup, with a log of its own."""
        for name in names or STAGES:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "midstream", "worker", stage(name), "--config", str(self.config)],
                    stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **ENVIRONMENT},
                )  # fmt: skip

    def run(self, *arguments: str) -> Result:
        """A midstream command with this crew's settings, in this process: importing it anew takes seconds."""
        return CliRunner().invoke(main, [*arguments, "--config", str(self.config)])

    def kill(self, *stages: str) -> None:
        for stage in stages:
            self.processes[stage].kill()
        for stage in stages:
            assert self.processes.pop(stage).wait() == -signal.SIGKILL, self.log(stage)

    def tend(self) -> int:
        """Start again what has died, as `midstream up` does; how many."""
        dead = [name for name, process in self.processes.items() if process.poll() is not None]
        if dead:
            self.start(*dead)
        return len(dead)

    def stop(self, *names: str) -> dict[str, int]:
        """SIGTERM to all, or to those that are named; their exit codes."""
        ending = {name: self.processes.pop(name) for name in names or tuple(self.processes)}
        for process in ending.values():
            process.terminate()
        return {name: process.wait(timeout=60) for name, process in ending.items()}

    def log(self, stage: str) -> str:
        return (self.folder / f"{stage}.log").read_text(errors="replace")

    def drain(self, tended: bool = False, stages: Sequence[str] = STAGES) -> None:
        """Returns when the stages have taken everything; fails when a worker dies meanwhile, unless they are tended."""
        deadline = time.monotonic() + PATIENCE_S
        while self._behind(stages):
            if tended:
                self.tend()
            for name, process in self.processes.items():
                assert tended or process.poll() is None, f"{name} died:\n{self.log(name)}"
            assert time.monotonic() < deadline, {s: self.log(s)[-2000:] for s in STAGES}
            time.sleep(POLL_S)

    def until(self, topic: str, end: int) -> None:
        """Returns when the first partition of the topic ends at `end` or later."""
        deadline = time.monotonic() + PATIENCE_S
        while self.connection.end_offsets([topic])[topic, 0] < end:
            assert time.monotonic() < deadline, {name: self.log(name)[-2000:] for name in self.processes}
            time.sleep(POLL_S)

    def _behind(self, stages: Sequence[str]) -> bool:
        """Whether a stage has not yet taken everything; as `caught_up`, of some."""
        committed, ends = positions(self.connection)
        return any(lag.lag for s in stages for lag in lags(STAGE[s].reads, committed[s], ends))

    def produce(self, topic: str, values: list[bytes | None], partition: int = 0) -> list[Origin]:
        """Origins of the records, index 0; every delivery is checked."""
        name = self.connection.topic(topic)
        futures = [self._producer.send(name, key=b"local/r", value=v, partition=partition) for v in values]
        deliveries = [future.get(timeout=30) for future in futures]
        return [Origin(self._topic_ids[topic], t.partition, t.offset, 0) for t in deliveries]

    def train(self, begin: FeedState | None = None) -> Fate:
        """Everything that is in `examples` now through the feed, goes on where the last call ended.

        `begin`: where the first call begins; without it, at the Genesis.
        """
        checkpoints = self.folder / "checkpoints"
        limits = Limits(row_tokens=CONTEXT, rows=2, open_bins=8, closed=True)
        begin = begin or (None if self.state else first_state(self.connection, tokenizer().hash))
        start = begin or decode(self.state or b"")
        step, deadline = 0, time.monotonic() + PATIENCE_S
        with closing(open_feed(self.connection, checkpoints, start, limits, take(checkpoints))) as feed:
            while not feed.drained:
                assert time.monotonic() < deadline, feed.summary()
                if feed.next(0.5) is not None:
                    step += 1
                    feed.trained(step)
            self.state = feed.state()
        state = decode(self.state)
        return Fate(trained_times(read(checkpoints, state.ledger)), self.rejections(), state)

    def rejections(self) -> dict[str, str]:
        rules: dict[str, str] = {}
        for partition in range(2):
            for logged in read_log(self.connection, "rejected", partition):
                record = decode_rejections_or_none(logged.value)
                rules.update({str(r.origin): r.rule for r in record.items} if record else {})
        return rules


def stage(name: str) -> str:
    """Of a worker's name."""
    return name.partition(".")[0]


def trained_times(entries: Iterable[Entry]) -> Counter[str]:
    """How often each document was trained on; fails when a piece is missing or doubled beside its others."""
    pieces: dict[str, Counter[int]] = {}
    counts: dict[str, int] = {}
    for entry in entries:
        pieces.setdefault(str(entry.origin), Counter())[entry.piece] += 1
        counts[str(entry.origin)] = entry.pieces
    times: Counter[str] = Counter()
    for origin, times_of_pieces in pieces.items():
        assert sorted(times_of_pieces) == list(range(counts[origin])), (
            f"pieces of {origin} are missing: {times_of_pieces}"
        )
        assert len(set(times_of_pieces.values())) == 1, f"a piece of {origin} was trained on twice"
        times[origin] = times_of_pieces[0]
    return times


def files(texts: list[str], name: str = "r") -> bytes:
    source_files = [SourceFile(path=f"{name}/{n}.py", text=text) for n, text in enumerate(texts)]
    return encode_event(Files(repository=Repository(name="r", licence="MIT"), files=source_files))


def python(seed: int, lines: int = 6) -> str:
    """A small Python file that is like no other seed's."""
    return "".join(
        f"def f{seed}_{n}(a{seed * 7 + n}, b{seed}):\n    return a{seed * 7 + n} * {seed + n}\n" for n in range(lines)
    )


def documents(origins: list[Origin], counts: list[int]) -> Iterator[str]:
    """The origins of all documents of records that hold so many each."""
    for origin, count in zip(origins, counts, strict=True):
        for index in range(count):
            yield str(Origin(origin.topic_id, origin.partition, origin.offset, index))


def at(crew: Crew, stage: str) -> str:
    """The record that a worker is at and how many died there, from its attempts file; "" between two."""
    try:
        record = (crew.folder / f"attempts/{stage}-0").read_text().strip()
    except OSError:
        return ""
    return record if json.loads(record or "{}").get("record") else ""
