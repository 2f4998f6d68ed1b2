"""A new checkpoint folder where retention has deleted what came first: it begins at what is left, and says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import TopicPartition

from midstream.audit import audit
from streams.feed.examples import ExamplesLog, open_feed
from streams.feed.left import Stretch, WorkersAtWork, lowest, state_of_what_is_left
from streams.feed.state import Limits
from streams.frame import Frame
from streams.index.signatures import Applied, encode
from streams.kafka.connection import Connection
from streams.pack.sample import documents
from tests.support.documents.lanes import Planned
from tests.support.models.tiny import tokenizer
from tests.support.programs.crew import files, python
from tests.support.programs.trainers import Training


def leads(mark: int, stretches: list[Stretch]) -> int:
    """Where a mark ends that takes the stretches in this order."""
    for start, upto in stretches:
        mark = upto if start <= mark < upto else mark
    return mark


stretch = st.tuples(st.integers(0, 12), st.integers(1, 4)).map(lambda pair: Stretch(pair[0], sum(pair)))


@given(st.lists(stretch, min_size=1, max_size=12))
def test_it_is_the_lowest_start_that_leads_to_the_highest_end(stretches: list[Stretch]) -> None:
    top = max(s.upto for s in stretches)
    assert lowest(stretches) == min(s.start for s in stretches if leads(s.start, stretches) == top)


@pytest.mark.parametrize(
    ("stretches", "begins"),
    [
        ([(3, 5), (5, 9), (9, 10)], 3),
        ([(3, 5), (7, 9), (9, 10)], 7),
        ([(3, 5), (7, 9), (3, 7), (7, 9)], 3),
        ([(3, 5), (3, 5)], 3),
        ([(3, 5), (7, 9), (5, 7)], 7),
    ],
)
def test_what_lies_above_is_passed_over(stretches: list[tuple[int, int]], begins: int) -> None:
    assert lowest([Stretch(*s) for s in stretches]) == begins


@pytest.fixture
def training(connection: Connection, tmp_path: Path) -> Iterator[Training]:
    with Training(connection, tmp_path / "state") as training:
        yield training


def delete(connection: Connection, topic: str, below: int, partition: int = 0) -> None:
    with connection.admin() as admin:
        admin.delete_records({TopicPartition(connection.topic(topic), partition): below})


@pytest.mark.broker
@pytest.mark.slow
def test_training_begins_at_what_is_left_when_it_is_asked_to(training: Training) -> None:
    training.fill(6)
    delete(training.connection, "examples", below=2)
    training.end(training.start("--until-drained"), code=1)
    assert "examples/0: offsets 0 to 1 were deleted by retention" in training.said
    assert "--from-what-is-left" in training.said and "Traceback" not in training.said
    under_way = training.lanes[0][-1].upto
    training.end(training.start("--until-drained", "--from-what-is-left"))
    assert "files/0: training begins at offset 4" in training.said and "still dropped as duplicates" in training.said
    state = training.state
    assert state is not None and list(state.began.values()) == [4] and under_way == 12
    assert [count.documents for count in state.counts.values()] == [8, 12]
    training.lanes[0] = training.lanes[0][2:]
    training.check_trained_once()
    training.fill(2)
    training.end(training.start("--until-drained"))
    training.check_trained_once()
    training.end(training.start("--until-drained", "--from-what-is-left"), code=2)
    assert "is for a new checkpoint folder" in training.said


@pytest.mark.broker
def test_what_is_under_way_counts_and_without_any_dedup_s_mark(training: Training) -> None:
    connection = training.connection
    training.fill(2)
    for topic, at in (("clean", training.lanes[0][-1].upto), ("unique", training.lanes[0][-1].upto + 2)):
        one = msgspec.structs.replace(training.lanes[0][-1], start=at, upto=at + 2, examples=[], tallies=[])
        training.write(topic, one)
    delete(connection, "examples", below=2)
    delete(connection, "examples", below=2, partition=1)
    key = [frame.source.key for frame in (training.lanes[0][0], training.lanes[1][0])]
    assert state_of_what_is_left(connection, tokenizer().hash).began == {key[0]: 4}
    with connection.producer() as producer:
        for upto in (2, 4, 3):
            record = Applied(offset=0, source=training.lanes[1][0].source, upto=upto, fingerprint="f")
            producer.send(connection.topic("signatures"), encode(record), partition=0).get(timeout=30)
    state = state_of_what_is_left(connection, tokenizer().hash)
    assert state.began == {key[0]: 4, key[1]: 3} and state.offsets == [2, 2]


@pytest.mark.broker
def test_workers_that_move_on_meanwhile_are_noticed(training: Training, monkeypatch) -> None:
    from streams.feed import left

    def dedup_marks(connection: Connection) -> dict[str, int]:
        training.plan(0, [Planned((3,))])
        return {}

    monkeypatch.setattr(left, "_dedup_marks", dedup_marks)
    with pytest.raises(WorkersAtWork, match="The workers are at work: end them"):
        state_of_what_is_left(training.connection, tokenizer().hash)


@pytest.mark.broker
@pytest.mark.slow
def test_an_offset_beyond_the_end_is_set_to_the_end(training: Training) -> None:
    """The log lost its tail: what comes there is held against the marks."""
    training.fill(4)
    training.end(training.start("--until-drained"))
    state = training.state
    assert state is not None
    state.offsets = [9, 4]
    with closing(open_feed(training.connection, training.checkpoints, state, Limits(40, 1), 99)) as feed:
        assert feed.summary()["lag"] == 0 and feed._s.offsets == [4, 4]
        training.plan(0, [Planned((3,))])
        while feed.next(1.0) is None:
            pass
        assert feed._s.offsets == [5, 4]


@pytest.mark.broker
def test_a_log_that_changes_while_it_is_read(training: Training) -> None:
    """Its front is deleted: reading goes on at what is left. Its tail is gone: at its end."""
    training.fill(3)
    polled: list[tuple[int, int, Frame | None]] = []
    with closing(ExamplesLog(training.connection, [0, 0], closed=False)) as log:
        delete(training.connection, "examples", below=2)
        while not polled:
            polled = log.poll(0.2, {1})
        assert [(p, offset) for p, offset, _ in polled] == [(0, 2)] and log.lag([0, 3]) == 1
    with closing(ExamplesLog(training.connection, [7, 3], closed=False)) as log:
        for _ in range(10):
            assert log.poll(0.2, set()) == []
        training.plan(0, [Planned((3,))])
        polled = []
        while not polled:
            polled = log.poll(0.2, set())
        assert [(p, offset) for p, offset, _ in polled] == [(0, 3)] and log.lag([4, 3]) == 0


@pytest.mark.broker
@pytest.mark.slow
def test_the_audit_and_the_sample_read_what_is_left(connection: Connection, tmp_path: Path) -> None:
    from tests.support.programs.crew import Crew

    with Crew(connection, tmp_path / "state") as crew:
        crew.start()
        for n in range(6):
            crew.produce("files", [files([python(n)], f"e{n}")])
            crew.drain()  # a Frame each
        assert set(crew.stop().values()) == {0}
        for topic in ("files", "clean", "examples"):
            delete(connection, topic, below=2)
        assert len(list(documents(connection, 10**9, patience_s=None))) == 4
        start = state_of_what_is_left(connection, tokenizer().hash)
        assert list(start.began.values()) == [2]
        fate = crew.train(start)
        account = audit(connection, crew.folder / "checkpoints", fate.state)
        assert (account.documents, account.trained, account.lost, account.trained_twice) == (4, 4, 0, 0)
