"""What operators and retention do to groups and logs, and the way back: nothing lost unnamed, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka import TopicPartition

from streams.document import Origin
from streams.feed.state import decode, encode
from streams.kafka.connection import Connection, GroupInUse
from streams.kafka.log import read
from streams.kafka.topics import create
from streams.repair.act import act, refuse_running
from streams.repair.plan import Missing, missing, plan
from streams.repair.steps import PassOver, Rewind, Skip, Step, TakeBack
from streams.repair.survey import KafkaLogs, survey
from tests.support.models.tiny import write_checkpoint
from tests.support.programs.crew import CONTEXT, PATIENCE_S, Crew, Fate, documents, files, python
from tests.support.simulation.damage import damaged

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@dataclass
class Settled:
    """A crew on a path where everything was taken, which each test that has it leaves so."""

    crew: Crew
    origins: set[str]
    """Of all documents that were produced."""
    records: int = 0

    def produce(self, records: int) -> None:
        self.origins |= produced(self.crew, self.records, records)
        self.records += records

    def check(self) -> None:
        """Takes everything; then nothing is lost or trained twice, and nothing is missing."""
        fate = run(self.crew)
        assert set(fate.trained) == self.origins and set(fate.trained.values()) == {1}
        assert look(self.crew) == ([], [])


@pytest.fixture(scope="module")
def settled(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settled]:
    connection = Connection(brokers=broker, prefix="repair.")
    create(connection, 2)
    with Crew(connection, tmp_path_factory.mktemp("repair")) as crew:
        settled = Settled(crew, set())
        settled.produce(3)
        settled.check()
        yield settled


@pytest.fixture
def crew(connection, tmp_path: Path) -> Iterator[Crew]:
    with Crew(connection, tmp_path / "state") as crew:
        yield crew


def run(crew: Crew) -> Fate:
    """All stages until everything is taken, then the feed."""
    crew.start()
    crew.drain()
    assert set(crew.stop().values()) == {0}
    return crew.train()


def look(crew: Crew) -> tuple[list[Missing], list[Step]]:
    logs = KafkaLogs(crew.connection)
    state = decode(crew.state) if crew.state else None
    picture = survey(crew.connection, logs, state.marks if state else {}, state.offsets if state else [])
    return missing(picture, logs), plan(picture, logs)


def produced(crew: Crew, start: int, records: int) -> set[str]:
    """Records of two new files each; the origins of all."""
    values = [files([python(2 * n), python(2 * n + 1)], str(n)) for n in range(start, start + records)]
    return set(documents(crew.produce("files", values), [2] * records))


def to_the_end(crew: Crew, stage: str, topic: str) -> None:
    """What an operator does who wants a stage to skip."""
    connection = crew.connection
    ends = connection.end_offsets([topic])
    connection.commit(connection.group(stage), ends)


def deleted(crew: Crew, topic: str, below: int) -> None:
    with crew.connection.admin() as admin:
        admin.delete_records({TopicPartition(crew.connection.topic(topic), 0): below})


def test_a_whole_path_lacks_nothing(settled):
    assert look(settled.crew) == ([], [])


def test_nothing_is_altered_while_a_worker_runs(crew):
    produced(crew, 0, 1)
    crew.start("prepare")
    crew.until("candidates", 1)
    with pytest.raises(GroupInUse, match="has members"):
        refuse_running(crew.connection)


def test_prepare_set_to_the_end_goes_back_to_dedups_mark(crew):
    """The records behind are passed over; the gap is named, also when nothing follows it."""
    origins = produced(crew, 0, 2)
    to_the_end(crew, "prepare", "files")
    gaps, steps = look(crew)
    assert [(g.start, g.upto, g.before) for g in gaps] == [(0, 2, "dedup")]
    assert steps == [Rewind("prepare", "files", 0, 0)]
    origins |= produced(crew, 2, 2)
    assert not run(crew).trained
    assert "offsets 0 to 1 are missing before a Frame in candidates" in crew.log("dedup")
    act(crew.connection, look(crew)[1])
    fate = run(crew)
    assert set(fate.trained) == origins and set(fate.trained.values()) == {1}
    assert look(crew) == ([], [])


@pytest.mark.parametrize(("stage", "topic"), [("redact", "unique"), ("pack", "clean")])
def test_a_stage_set_to_the_end_goes_back_to_what_the_next_has_taken(settled, stage, topic):
    crew, end = settled.crew, settled.crew.connection.end_offsets([topic])[topic, 0]
    settled.produce(2)
    crew.start(*["prepare", "dedup", "redact"][: 2 + (stage == "pack")])
    crew.until(topic, end + 1)
    assert set(crew.stop().values()) == {0}
    to_the_end(crew, stage, topic)
    gaps, steps = look(crew)
    assert [g.before for g in gaps] == ["the trainer"]
    assert steps == [Rewind(stage, topic, 0, end)]
    act(crew.connection, steps)
    settled.check()


def test_dedup_hands_on_again_what_unique_lost(crew):
    origins = produced(crew, 0, 2)
    crew.start("prepare", "dedup")
    crew.until("unique", 1)
    crew.stop()
    deleted(crew, "unique", crew.connection.end_offsets(["unique"])["unique", 0])
    _, steps = look(crew)
    assert steps == [Rewind("redact", "unique", 0, 1), Rewind("dedup", "candidates", 0, 0)]
    act(crew.connection, steps)
    fate = run(crew)
    assert set(fate.trained) == origins and set(fate.trained.values()) == {1}
    assert look(crew) == ([], [])


def test_what_no_log_holds_any_more_comes_from_the_source_again(crew):
    """Dedup's mark goes back, and what stands in the index is kept when it comes again."""
    origins = produced(crew, 0, 2)
    crew.start("prepare", "dedup")
    crew.until("unique", 1)
    crew.stop()
    for topic, partition in (("unique", 0), ("candidates", 0)):
        deleted(crew, topic, crew.connection.end_offsets([topic])[topic, partition])
    _, steps = look(crew)
    assert isinstance(steps[0], TakeBack) and steps[0].to == 0
    assert Rewind("prepare", "files", 0, 0) in steps
    act(crew.connection, steps)
    copies = produced(crew, 0, 1)
    fate = run(crew)
    assert set(fate.trained) == origins and set(fate.trained.values()) == {1}
    assert {origin: fate.rejected[origin] for origin in copies} == dict.fromkeys(copies, "exact_duplicate")
    assert look(crew) == ([], [])


def test_candidates_that_were_deleted_unread_come_from_the_source_again(settled):
    """Retention passed dedup while it was down: those offsets never get a record in signatures."""
    crew, end = settled.crew, settled.crew.connection.end_offsets(["candidates"])["candidates", 0]
    settled.produce(2)
    crew.start("prepare")
    crew.until("candidates", end + 1)
    assert set(crew.stop().values()) == {0}
    deleted(crew, "candidates", crew.connection.end_offsets(["candidates"])["candidates", 0])
    act(crew.connection, look(crew)[1])
    settled.check()


def test_what_the_source_no_longer_holds_is_counted_as_lost(crew):
    lost = produced(crew, 0, 3)
    deleted(crew, "files", 2)
    origins = {o for o in lost if Origin.parse(o).offset == 2} | produced(crew, 3, 1)
    gaps, steps = look(crew)
    assert [str(gap).partition(": ")[2] for gap in gaps] == ["offsets 0 to 1 do not reach dedup"]
    assert isinstance(steps[0], Skip) and (steps[0].start, steps[0].upto) == (0, 2)
    assert steps[1:] == [Rewind("prepare", "files", 0, 2)]
    act(crew.connection, steps)
    fate = run(crew)
    assert set(fate.trained) == origins
    assert [count.lost for count in fate.state.counts.values()] == [2]
    assert look(crew) == ([], [])


def damage_the_last(crew: Crew, stage: str, topic: str) -> int:
    """The record that the stage would take next becomes one whose Frame is damaged; its offset."""
    connection, end = crew.connection, crew.connection.end_offsets([topic])[topic, 0]
    (last,) = read(connection, topic, 0, end - 1, end)
    deleted(crew, topic, end)
    to_the_end(crew, stage, topic)
    producer = connection.producer()
    producer.send(connection.topic(topic), damaged(last.value or b""), partition=0).get(timeout=30)
    producer.close()
    return end


DAMAGED = {
    "candidates": ("dedup", Rewind("prepare", "files", 0, 1)),
    "unique": ("redact", Rewind("dedup", "candidates", 0, 1)),
    "clean": ("pack", Rewind("redact", "unique", 0, 1)),
}


@pytest.mark.parametrize("topic", DAMAGED)
def test_a_damaged_frame_stops_its_stage_and_repair_brings_back_what_was_in_it(crew, topic):
    origins = produced(crew, 0, 1)
    run(crew)
    stage, way_back = DAMAGED[topic]
    stages = ("prepare", "dedup", "redact", "pack")
    before, end = stages[: stages.index(stage)], crew.connection.end_offsets([topic])[topic, 0]
    origins |= produced(crew, 1, 1)
    crew.start(*before)
    crew.until(topic, end + 1)
    crew.drain(stages=before)
    crew.stop()
    at = damage_the_last(crew, stage, topic)
    origins |= produced(crew, 2, 1)
    crew.start()
    assert crew.processes.pop(stage).wait(timeout=PATIENCE_S) == 1
    said = f"{topic}/0 at {at} holds a Frame of files/0, offsets 1 to 1, that cannot be decoded"
    assert said in crew.log(stage)
    write_checkpoint(crew.folder / "checkpoints", 1, feed=crew.state or b"", context=CONTEXT)
    status = " ".join(crew.run("status").stdout.split())
    assert f"worker {stage} ended with an error at {topic}/0/{at}" in status
    assert said in status and "run `midstream repair`" in status
    crew.drain(stages=before)
    crew.stop()
    assert look(crew)[1] == [PassOver(stage, topic, 0, at), way_back]
    repaired = crew.run("repair")
    assert repaired.exit_code == 0, repaired.stdout
    assert f"{stage} passes over {topic}/0 {at}, a Frame that is damaged" in repaired.stdout
    fate = run(crew)
    assert set(fate.trained) == origins and set(fate.trained.values()) == {1}
    assert look(crew) == ([], [])


def test_the_trainer_passes_over_a_damaged_frame_and_repair_sends_it_again(crew):
    origins = produced(crew, 0, 1)
    run(crew)
    origins |= produced(crew, 1, 1)
    crew.start()
    crew.drain()
    crew.stop()
    end = crew.connection.end_offsets(["examples"])["examples", 0]
    (last,) = read(crew.connection, "examples", 0, end - 1, end)
    producer = crew.connection.producer()
    deleted(crew, "examples", end)
    producer.send(crew.connection.topic("examples"), damaged(last.value or b""), partition=0).get(timeout=30)
    producer.close()
    state = decode(crew.state or b"")
    state.offsets[0] = end
    crew.state = encode(state)
    assert crew.train().state.foreign == 1
    assert look(crew)[1] == [Rewind("pack", "clean", 0, 1)]
    act(crew.connection, look(crew)[1])
    fate = run(crew)
    assert set(fate.trained) == origins and set(fate.trained.values()) == {1}
