"""Producers that write in transactions: what was aborted is not trained on, and markers leave no lag."""

from __future__ import annotations

import pytest

from midstream.status.overview import caught_up
from streams.document import Origin
from tests.support.programs.crew import Crew, documents, files, python
from tests.support.programs.mishaps import in_transactions

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def test_aborted_records_are_not_trained_on_and_markers_leave_no_lag(connection, tmp_path):
    with Crew(connection, tmp_path / "state") as crew:
        crew.start()
        story = [
            ("abort", files([python(1)])),
            ("commit", files([python(2), python(3)])),
            ("abort", files([python(4)])),
        ]
        offsets = in_transactions(crew, story)
        crew.drain()
        assert caught_up(connection)
        topic_id = connection.topic_ids(["files"])["files"]
        (later,) = crew.produce("files", [files([python(5)])])
        crew.drain()
        assert set(crew.stop().values()) == {0}
        fate = crew.train()
        origin = Origin(topic_id, 0, offsets[1], 0)
        assert set(fate.trained) == set(documents([origin, later], [2, 1]))
        assert fate.state.marks[f"{topic_id}:0"] == connection.end_offsets(["files"])["files", 0]


def test_an_open_transaction_holds_the_end_back(connection, tmp_path):
    with Crew(connection, tmp_path / "state") as crew:
        crew.start()
        with connection.producer(transactional_id=connection.prefix) as producer:
            producer.init_transactions()
            producer.begin_transaction()
            producer.send(connection.topic("files"), files([python(1)]), key=b"local/r", partition=0).get(timeout=30)
            assert connection.end_offsets(["files"])["files", 0] == 0
            assert caught_up(connection)
            producer.commit_transaction()
        crew.drain()
        assert connection.end_offsets(["candidates"])["candidates", 0] > 0
