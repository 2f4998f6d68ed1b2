"""Somebody else's records in the topics between the stages stop nobody and lose nothing (architecture §2.7)."""

from __future__ import annotations

import json
from random import Random

import msgspec
import pytest

from streams import frame as frames
from streams.document import Source
from streams.frame import Damaged, Frame, NewerFormat, NoFrame, Rejections
from streams.kafka.connection import Connection
from tests.support.models.tiny import write_checkpoint
from tests.support.programs.crew import CONTEXT, Crew, files, python
from tests.support.simulation.cluster import PARTITIONS
from tests.support.simulation.damage import damaged
from tests.support.simulation.simulation import FRAMES, Simulation
from tests.support.simulation.stories import story, tell

REJECTIONS = frames.encode(Rejections(source=Source("files", "ab" * 16, 0), items=[]))
JUNK = (b"hello", b'{"a": 1}', b"\xff\xfe\x00", b"\x93\x01", b"\xa3\xff\xff\xff", msgspec.msgpack.encode(7), REJECTIONS)
EMPTY = (b"", None)
TOPICS = tuple(topic for topic, _ in FRAMES)


@pytest.mark.parametrize("value", [*JUNK, *EMPTY])
def test_what_somebody_else_wrote_is_no_frame(value):
    with pytest.raises(NoFrame):
        frames.decode(value)
    assert frames.decode_or_none(value) is None


def test_a_frame_that_is_damaged_behind_its_head_is_our_own_bug():
    source = Source("files", "ab" * 16, 0)
    whole = frames.encode(Frame(source=source, start=3, upto=5, tallies=[]))
    with pytest.raises(Damaged, match=r"^unique/0 at 7 holds a Frame of files/0, offsets 3 to 4, .*midstream repair"):
        frames.decode_or_none(damaged(whole), "unique/0 at 7")
    assert frames.is_damaged(damaged(whole)) and not frames.is_damaged(whole)


def test_a_frame_of_a_later_version_is_not_called_damaged():
    source = Source("files", "ab" * 16, 0)
    later = damaged(frames.encode(Frame(source=source, start=3, upto=5, tallies=[])), v=99)
    for read in (frames.decode, frames.decode_candidate, frames.is_damaged):
        with pytest.raises(NewerFormat):
            read(later)


@pytest.mark.parametrize("chunk", range(4))
def test_junk_between_any_two_acts_of_a_story_breaks_no_promise(chunk: int) -> None:
    for seed in range(chunk, 60, 4):
        rng = Random(f"junk {seed}")

        def scatter(sim: Simulation, rng: Random = rng) -> None:
            topic, partitions = rng.choice(FRAMES)
            for _ in range(rng.choice([0, 1, 1, 2])):
                sim.cluster.append(topic, rng.randrange(partitions), b"k", rng.choice([*JUNK, *EMPTY]))

        sim = tell(story(seed), seed, scatter)
        ends = sim.cluster.end_offsets(["examples"])
        assert sim.feed().state()  # it can go on
        assert {p: sim.feed()._s.offsets[p] for p in range(PARTITIONS)} == {p: ends["examples", p] for p in range(2)}


def checkpointed(crew: Crew) -> None:
    """What the feed has taken, as a trainer keeps it."""
    write_checkpoint(crew.folder / "checkpoints", 1, feed=crew.state or b"", context=CONTEXT)


def write(connection: Connection, topic: str, *values: bytes) -> None:
    """As a console producer would."""
    producer = connection.producer()
    for value in values:
        producer.send(connection.topic(topic), value, partition=0).get(timeout=30)
    producer.close()


BESIDE = ("signatures", "rejected", "deadletters")
"""Topics of records that are no Frames."""


@pytest.mark.broker
@pytest.mark.slow
def test_a_console_producer_in_every_topic_stops_no_worker(connection, tmp_path):
    with Crew(connection, tmp_path / "state") as crew:
        for topic in (*TOPICS, *BESIDE):
            write(connection, topic, b"hello", b"secret text")
        crew.start()
        crew.produce("files", [files([python(n)]) for n in range(2)])
        crew.drain()
        for topic in TOPICS:
            write(connection, topic, b"once more")
        crew.drain()
        crew.stop()
        crew.start()  # dedup's index is made anew from its log
        crew.produce("files", [files([python(9)])])
        crew.drain()
        assert set(crew.stop().values()) == {0}
        assert len(crew.train().trained) == 3
        assert "signatures: 11 bytes at 2 are no record of the index" in crew.log("dedup")
        checkpointed(crew)
        result = crew.run("status")
        assert result.exit_code == 0, result.stdout
        for line in (
            "dedup: 3 records that are no Frames were passed over",
            "train: 3 records of examples that are no Frames were passed over",
        ):
            assert line in " ".join(result.stdout.split())
        listed = json.loads(crew.run("deadletters", "list", "--json").stdout)
        assert len(listed["others"]) == 11 and not listed["offered"]
        assert {f"deadletters/0/{n}" for n in range(2)} <= listed["others"].keys()
        assert "somebody else wrote it" in crew.run("deadletters", "list").stdout
        audit = crew.run("audit")
        assert audit.exit_code == 0, audit.stdout
        assert "Nothing is missing" in crew.run("repair", "--dry-run").stdout
        assert "secret" not in "".join(crew.log(name) for name in ("dedup", "redact", "pack"))
