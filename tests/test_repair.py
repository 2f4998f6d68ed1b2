"""What operators and retention do to groups and logs, and the way back: nothing lost unnamed, nothing twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import TopicPartition

from streams.document import Origin
from streams.feed.state import decode
from streams.kafka.connection import GroupInUse
from streams.repair.act import act, refuse_running
from streams.repair.plan import Missing, Rewind, Skip, Step, TakeBack, missing, plan
from streams.repair.survey import KafkaLogs, survey
from tests.crew import Crew, Fate, documents, files, python

pytestmark = [pytest.mark.broker, pytest.mark.slow]


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


def test_a_whole_path_lacks_nothing(crew):
    origins = produced(crew, 0, 3)
    assert set(run(crew).trained) == origins
    assert look(crew) == ([], [])


def test_nothing_is_altered_while_a_worker_runs(crew):
    produced(crew, 0, 1)
    crew.start("prepare")
    while not crew.connection.end_offsets(["candidates"])["candidates", 0]:
        pass
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


@pytest.mark.parametrize(("stage", "topic", "before"), [("redact", "unique", "clean"), ("pack", "clean", "examples")])
def test_a_stage_set_to_the_end_goes_back_to_what_the_next_has_taken(crew, stage, topic, before):
    origins = produced(crew, 0, 1)
    assert set(run(crew).trained) == origins
    origins |= produced(crew, 1, 2)
    names = ["prepare", "dedup", "redact"][: 2 + (stage == "pack")]
    crew.start(*names)
    while crew.connection.end_offsets([topic])[topic, 0] < 2:
        pass
    crew.stop()
    to_the_end(crew, stage, topic)
    gaps, steps = look(crew)
    assert [g.before for g in gaps] == ["the trainer"]
    assert steps == [Rewind(stage, topic, 0, 1)]
    act(crew.connection, steps)
    fate = run(crew)
    assert set(fate.trained) == origins and set(fate.trained.values()) == {1}


def test_dedup_hands_on_again_what_unique_lost(crew):
    origins = produced(crew, 0, 2)
    crew.start("prepare", "dedup")
    while crew.connection.end_offsets(["unique"])["unique", 0] < 1:
        pass
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
    while crew.connection.end_offsets(["unique"])["unique", 0] < 1:
        pass
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


def test_candidates_that_were_deleted_unread_come_from_the_source_again(crew):
    """Retention passed dedup while it was down: those offsets never get a record in signatures."""
    origins = produced(crew, 0, 1)
    assert set(run(crew).trained) == origins
    origins |= produced(crew, 1, 2)
    crew.start("prepare")
    while crew.connection.end_offsets(["candidates"])["candidates", 0] < 2:
        pass
    crew.stop()
    deleted(crew, "candidates", crew.connection.end_offsets(["candidates"])["candidates", 0])
    act(crew.connection, look(crew)[1])
    fate = run(crew)
    assert set(fate.trained) == origins and set(fate.trained.values()) == {1}
    assert look(crew) == ([], [])


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
