"""What goes wrong with a running stream, one case after another, on a real broker with the four real workers.

After each case the workers are tended as `midstream up` does, everything is trained on, and the ids that were sent are
held against those that were trained on, rejected or dead. The last line is one JSON object: `stopped` counts the cases
after which a stage stood still for good, `lost` and `twice` documents. The documents are generated.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kafka import TopicPartition
from machine import machine

from midstream.lock import FolderLock
from streams.document import Origin
from streams.feed.left import state_of_what_is_left
from streams.kafka.connection import Connection
from streams.kafka.topics import check
from tests.crew import Crew, documents, files, python
from tests.outage import Outage
from tests.path import LARGE, checkpoint, commit, with_half_a_surrogate
from tests.test_outage import delete_offsets
from tests.test_storm import make_topics_twice_at_once, write_another_genesis
from tests.test_transactions import in_transactions
from tests.tiny import tokenizer

AWAY_S = 15
LARGE_RECORDS = 12
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
        told = self.crew.run("repair")
        assert needs == 1 and "Done." in told.output, told.output


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
        told = stream.crew.run("train", "--until-drained")
    assert told.exit_code == 1 and "training" in told.output, told.output


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
    """The broker is killed and comes back."""
    stream.produce(20)
    stream.outage.kill()
    time.sleep(AWAY_S)
    stream.outage.start()
    stream.produce()


def many_large(stream: Stream) -> None:
    """Records of several MB wait."""
    for _ in range(LARGE_RECORDS):
        stream.numbers += 16
        texts = [LARGE_FILE % n for n in range(stream.numbers, stream.numbers + 16)]
        stream.add(stream.crew.produce("files", [files(texts)]), [16])


def careful(stream: Stream) -> None:
    """Three workers died at a record; the fourth takes it in careful mode, and leaves that behind it."""
    stream.rest()
    end = stream.crew.connection.end_offsets(["files"])["files", 0]
    stream.produce()
    left = {"record": f"files/0/{end}", "deaths": {f"files/0/{end}": 3}}
    (stream.crew.folder / "attempts/prepare-0").write_text(json.dumps(left).ljust(1024))


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
    ("D3", two_trainers),
    ("D17", careful),
    ("D9", lost_groups),
    ("D5", to_the_end),
    ("D4", power_cut),
    ("D10", broker_away),
    ("D7", retention),
)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Outage(folder / "broker") as outage:
            codes = make_topics_twice_at_once(outage.brokers, "edges.", folder)
            connection = Connection(brokers=outage.brokers, prefix="edges.")
            check(connection)
            assert 0 in codes
            with Crew(connection, folder / "state") as crew:
                counts = run(Stream(outage, crew))
    told = {
        "bench": "edges", "cases": len(CASES), "names": [name for name, _ in CASES], **counts,
        "histories": "generated", "machine": machine(),
    }  # fmt: skip
    print(json.dumps(told))


def run(stream: Stream) -> dict[str, int]:
    """Cases that left a stage that stands still; documents that were lost or trained twice after any case; all."""
    stopped = 0
    lost, twice, sent = set[str](), set[str](), set[str]()
    stream.crew.start()
    for name, act in CASES:
        began = time.monotonic()
        word = "goes on"
        try:
            act(stream)
            stream.settle()
        except AssertionError as error:
            stopped, word = stopped + 1, f"STOPPED: {str(error)[:2000]}"
        lost, twice, sent = lost | stream.lost, twice | stream.twice, sent | stream.sent
        say(
            f"{name:<4} {(act.__doc__ or '').strip():<60} {time.monotonic() - began:5.1f} s  {word}, "
            f"lost {len(stream.lost)}, twice {len(stream.twice)} of {len(stream.sent)}"
        )
    return {"stopped": stopped, "lost": len(lost), "twice": len(twice), "documents": len(sent)}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
