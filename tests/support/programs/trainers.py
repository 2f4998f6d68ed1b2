"""`midstream train` as real processes on Frames that a test writes straight into `examples`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from model.manifest import newest
from streams import frame as frames
from streams.document import Source
from streams.feed import ledger
from streams.feed.state import FeedState, decode
from streams.frame import Frame
from streams.kafka.connection import Connection
from tests.support.documents.lanes import ROW, Planned, expected, frame
from tests.support.models.tiny import tokenizer
from tests.support.programs.crew import ENVIRONMENT

PATIENCE_S = 120
SETTINGS = """
[model]
context = {context}
width = 32
layers = 2
heads = 2
[train]
warm_up_steps = 2
precision = "float32"
checkpoint_every_steps = 5
[feed]
rows = 1
open_bins = 4
idle_s = 0.2
"""


class Training:
    """A checkpoint folder, its trainers, and a topic `examples` of two partitions that holds what was planned."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.connection, self.folder = connection, folder
        folder.mkdir(parents=True, exist_ok=True)
        self.checkpoints = folder / "checkpoints"
        self.config = folder / "midstream.toml"
        self.config.write_text(
            f'[kafka]\nbrokers = "{connection.brokers}"\nprefix = "{connection.prefix}"\npartitions = 2\n'
            f'[paths]\nstate = "{folder}"\n' + SETTINGS.format(context=ROW)
        )
        tokenizer().save(folder / "tokenizer.json")
        self.lanes: list[list[Frame]] = [[], []]
        self._id = connection.topic_ids(["files"])["files"]
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Training:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def plan(self, partition: int, *events: list[Planned], **changes: object) -> Frame:
        """The partition's next Frame, written to `examples`."""
        lane = self.lanes[partition]
        start = lane[-1].upto if lane else 0
        planned_frame = frame(Source("files", self._id, partition), start, list(events), {})
        lane.append(msgspec.structs.replace(planned_frame, tokenizer=tokenizer().hash, **changes))
        self.write("examples", lane[-1])
        return lane[-1]

    def write(self, topic: str, *some: Frame) -> None:
        with self.connection.producer() as producer:
            for one in some:
                value, partition = frames.encode(one), one.source.partition
                producer.send(self.connection.topic(topic), value, partition=partition).get(timeout=30)

    def fill(self, count: int) -> None:
        """So many Frames in either partition, documents of one to four pieces."""
        sizes = [(7, 40, 13), (22,), (31, 5), (40, 40, 40, 9), (3,), (18, 18)]
        for n in range(count):
            for partition in (0, 1):
                self.plan(partition, [Planned(sizes[(n + partition) % 6])], [Planned(sizes[n % 6])])

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "midstream", "train", "--config", str(self.config), *options],
                stdout=subprocess.DEVNULL, stderr=log, env={**os.environ, **ENVIRONMENT},
            )  # fmt: skip
        self._processes.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes], code: int = 0) -> None:
        """Waits for its end, which must come with this exit code."""
        assert process.wait(timeout=PATIENCE_S) == code, self.said

    @property
    def log(self) -> Path:
        return self.folder / "train.log"

    @property
    def said(self) -> str:
        return self.log.read_text()

    def until(self, condition: Callable[[], bool], *alive: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, self.said
            assert all(process.poll() is None for process in alive), self.said
            time.sleep(0.05)

    @property
    def state(self) -> FeedState | None:
        """Of the newest checkpoint."""
        checkpoint = newest(self.checkpoints)
        return decode(checkpoint[1]) if checkpoint else None

    @property
    def lag(self) -> int:
        """Frames that the newest checkpoint has not read."""
        offsets = self.state.offsets if self.state else [0, 0]
        return sum(len(lane) - at for lane, at in zip(self.lanes, offsets, strict=True))

    def check_trained_once(self) -> None:
        state = self.state
        assert state is not None and not state.rows and not state.open_bins
        entries = ledger.read(self.checkpoints, state.ledger)
        trained = Counter((e.topic_id, e.partition, e.offset, e.index, e.piece) for e in entries)
        assert trained == expected(self.lanes)
