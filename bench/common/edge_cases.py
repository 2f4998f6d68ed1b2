"""The cases of the bench `edges`: what each does to a running stream, and the stream with its workers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner
from kafka import TopicPartition

from midstream.cli import main as main_command
from midstream.processes.lock import FolderLock
from midstream.status.overview import FRESH_S, collect
from model.manifest import newest
from streams.document import Origin
from streams.feed.left import state_of_what_is_left
from streams.feed.state import decode
from tests.support.models.tiny import tokenizer
from tests.support.programs.crew import PATIENCE_S, Crew, documents, files, python
from tests.support.programs.mishaps import delete_offsets, in_transactions, write_another_genesis
from tests.support.programs.outage import Outage
from tests.support.programs.path import LARGE, checkpoint, commit, with_half_a_surrogate

AWAY_S = 15
LARGE_RECORDS = 12
PREPARE_KIB = 600 << 10
LARGE_FILE = "value_%d = 1  # " + "word " * 80_000
"""A rule drops it, so that prepare alone has to hold it."""


@dataclass
class Stream:
    """One set of topics with its workers, and all that was sent through it."""

    outage: Outage
    crew: Crew
    sent: set[str] = field(default_factory=set)
    numbers: int = 0
    lost: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)

    def produce(self, records: int = 4) -> None:
        """New files, two a record."""
        first, self.numbers = self.numbers, self.numbers + records
        values = [files([python(2 * n), python(2 * n + 1)], str(n)) for n in range(first, self.numbers)]
        self.add(self.crew.produce("files", values), [2] * records)

    def add(self, origins: list[Origin], counts: list[int]) -> None:
        self.sent |= set(documents(origins, counts))

    def rest(self, *stages: str) -> None:
        """End all workers; those that are named run alone until they have taken everything."""
        self.crew.tend()
        self.crew.stop()
        if stages:
            self.produce()
            self.crew.start(*stages)
            self.crew.drain(stages=stages)
            self.crew.stop()

    def settle(self) -> None:
        """Run until everything is taken, and train on it. Raises AssertionError when something stands still."""
        self.crew.start() if not self.crew.processes else self.crew.tend()
        self.crew.drain(tended=True)
        fate = self.crew.train()
        self.lost = self.sent - fate.all
        self.twice = {origin for origin, times in fate.trained.items() if times > 1}
        checkpoint(self.crew)

    def repair(self) -> None:
        """What `status` asks for."""
        self.settle()
        needs = self.crew.run("status").exit_code
        self.rest()
        result = self.crew.run("repair")
        assert needs == 1 and "Done." in result.output, result.output


class Trainer:
    """A real trainer with a checkpoint folder of its own, beside the feed that keeps the stream's account."""

    def __init__(self, crew: Crew) -> None:
        self.folder = crew.folder / "trainer"
        self.folder.mkdir()
        self.config = self.folder / "midstream.toml"
        self.config.write_text(
            crew.config.read_text().replace(f'state = "{crew.folder}"', f'state = "{self.folder}"')
            + "layers = 1\nwidth = 32\nheads = 2\n[train]\ncheckpoint_every_s = 2.0\n[feed]\nidle_s = 0.5\n"
        )
        tokenizer().save(self.folder / "tokenizer.json")

    def __enter__(self) -> Trainer:
        with (self.folder / "train.log").open("ab") as log:
            command = [sys.executable, "-m", "midstream", "train", "--config", str(self.config)]
            self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        assert self.process.wait(timeout=120) == 0, self.log

    @property
    def log(self) -> str:
        return (self.folder / "train.log").read_text(errors="replace")[-2000:]

    def has_taken(self, crew: Crew) -> None:
        """Returns when a checkpoint has read all of `examples`."""
        ends = crew.connection.end_offsets(["examples"])
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert self.process.poll() is None, f"the trainer ended: {self.log}"
            checkpoint = newest(self.folder / "checkpoints")
            if checkpoint and decode(checkpoint[1]).offsets == [ends["examples", p] for p in range(2)]:
                return
            assert time.monotonic() < deadline, f"the trainer stands still: {self.log}"
            time.sleep(0.5)

    def audit(self) -> dict[str, int]:
        result = CliRunner().invoke(main_command, ["audit", "--json", "--config", str(self.config)])
        return json.loads(result.output)


def large(stream: Stream) -> None:
    """Records that become too large, or are."""
    origins = stream.crew.produce("files", list(LARGE.values()))
    stream.add(origins, [1] * len(origins))
    stream.produce()


def long_message(stream: Stream) -> None:
    """A commit of 256 files with a message of 110 KB."""
    stream.add(stream.crew.produce("commits", [commit(256)]), [256])


def half_a_surrogate(stream: Stream) -> None:
    """Half a surrogate pair in one of 16 files."""
    stream.add(stream.crew.produce("files", [with_half_a_surrogate(5)]), [16])


def aborted(stream: Stream) -> None:
    """Records of an aborted transaction, and of one that is committed."""
    stream.numbers += 2
    values = [files([python(2 * stream.numbers + n)]) for n in range(2)]
    offsets = in_transactions(stream.crew, [("abort", values[0]), ("commit", values[1])])
    topic_id = stream.crew.connection.topic_ids(["files"])["files"]
    stream.sent.add(str(Origin(topic_id, 0, offsets[1], 0)))


def no_step(stream: Stream) -> None:
    """The last Frames bring no training step."""
    stream.settle()
    stream.add(stream.crew.produce("files", [b"{not json"]), [1])


def two_creations(stream: Stream) -> None:
    """Two programs made the topics at the same time, and a second Genesis was written."""
    write_another_genesis(stream.crew.connection)
    stream.produce()


def two_trainers(stream: Stream) -> None:
    """A second trainer on the checkpoint folder is refused."""
    with FolderLock(stream.crew.folder / "checkpoints", "training"):
        result = stream.crew.run("train", "--until-drained")
    assert result.exit_code == 1 and "training" in result.output, result.output


def lost_groups(stream: Stream) -> None:
    """Every group lost its offsets."""
    stream.rest("prepare")
    delete_offsets(stream.crew.connection)


def to_the_end(stream: Stream) -> None:
    """Prepare's group is set to the end, and what comes behind it goes on."""
    stream.rest()
    stream.produce()
    connection = stream.crew.connection
    connection.commit(connection.group("prepare"), connection.end_offsets(["files"]))
    stream.produce()
    stream.repair()


def power_cut(stream: Stream) -> None:
    """`candidates` loses its last record while the broker is down."""
    stream.settle()
    stream.rest("prepare")
    stream.outage.kill()
    stream.outage.cut(stream.crew.connection, "candidates", 0, 1)
    stream.outage.start()
    stream.produce()
    stream.repair()


def broker_away(stream: Stream) -> None:
    """The broker is killed under a trainer at work, and comes back."""
    stream.produce()
    stream.settle()
    with Trainer(stream.crew) as trainer:
        trainer.has_taken(stream.crew)
        stream.produce(20)
        stream.outage.kill()
        time.sleep(AWAY_S)
        stream.outage.start()
        stream.produce()
        stream.crew.drain(tended=True)
        trainer.has_taken(stream.crew)
    fate = trainer.audit()
    assert not fate["lost"] and not fate["trained_twice"], fate


def stale_counters(stream: Stream) -> None:
    """A worker that died a moment ago has no rate."""
    stream.produce(20)
    stream.crew.drain()
    stream.crew.kill("prepare")
    time.sleep(FRESH_S + 1)
    rate = {stage.name: stage.documents_per_s for stage in collect(stream.crew.settings).stages}["prepare"]
    stream.crew.start("prepare")
    assert rate == 0, rate


def many_large(stream: Stream) -> None:
    """Records of several MB wait, and prepare's memory is bounded."""
    prepare = Path(f"/proc/{stream.crew.processes['prepare'].pid}")
    (prepare / "clear_refs").write_text("5")  # the peak counts anew
    for _ in range(LARGE_RECORDS):
        stream.numbers += 16
        texts = [LARGE_FILE % n for n in range(stream.numbers, stream.numbers + 16)]
        stream.add(stream.crew.produce("files", [files(texts)]), [16])
    stream.crew.drain()
    peak = next(int(line.split()[1]) for line in (prepare / "status").open() if line.startswith("VmHWM"))
    assert peak < PREPARE_KIB, f"prepare took {peak:,} KiB"


def careful(stream: Stream) -> None:
    """Three workers died at a record; the fourth takes it in careful mode, and leaves that behind it."""
    stream.rest()
    end = stream.crew.connection.end_offsets(["files"])["files", 0]
    stream.produce()
    left = {"record": f"files/0/{end}", "deaths": {f"files/0/{end}": 3}}
    (stream.crew.folder / "attempts/prepare-0").write_text(json.dumps(left).ljust(1024))
    stream.crew.start()
    stream.crew.drain()
    log = stream.crew.log("prepare")
    assert f"died three times at files/0/{end}: careful mode" in log and "careful mode is left" in log, log[-2000:]


def retention(stream: Stream) -> None:
    """`examples` was deleted in front, and training begins anew at what is left."""
    stream.rest()
    crew = stream.crew
    stream.produce()
    crew.start()
    ends = crew.connection.end_offsets(["examples"])
    crew.drain()
    crew.stop()
    with crew.connection.admin() as admin:
        name = crew.connection.topic("examples")
        admin.delete_records({TopicPartition(name, p): end for (_, p), end in ends.items()})
    crew.state = None
    begin = state_of_what_is_left(crew.connection, tokenizer().hash)
    (crew.folder / "checkpoints").rename(crew.folder / "checkpoints-before")
    crew.train(begin)
    key = {Origin.parse(o): o for o in stream.sent}
    stream.sent = {o for at, o in key.items() if at.offset >= begin.began.get(f"{at.topic_id}:{at.partition}", 0)}


CASES: tuple[tuple[str, Callable[[Stream], None]], ...] = (
    ("D2", two_creations),
    ("D1", large),
    ("S3", long_message),
    ("S14", half_a_surrogate),
    ("D6", aborted),
    ("D8", no_step),
    ("D15", many_large),
    ("D16", stale_counters),
    ("D3", two_trainers),
    ("D17", careful),
    ("D9", lost_groups),
    ("D5", to_the_end),
    ("D4", power_cut),
    ("D10", broker_away),
    ("D7", retention),
)
