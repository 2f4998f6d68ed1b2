"""A broker that is away, all killed at once, groups that lost or moved their offsets: nothing lost, nothing twice."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from streams.kafka.connection import Connection
from streams.kafka.topics import create
from streams.stages import STAGE
from tests.support.programs.crew import STAGES, Crew, Fate, at, documents, files, python
from tests.support.programs.mishaps import delete_offsets
from tests.support.programs.outage import Outage

pytestmark = [pytest.mark.broker, pytest.mark.slow]

AWAY_S = 15
"""Longer than a session and than a client's first tries."""
RECORDS = 60


@dataclass
class Story:
    crew: Crew
    outage: Outage
    produced: int = 0
    sent: set[str] = field(default_factory=set)
    fates: dict[str, Fate] = field(default_factory=dict)
    """By what happened."""
    documents: dict[str, set[str]] = field(default_factory=dict)
    """What had been sent by then."""
    codes: list[int] = field(default_factory=list)

    def produce(self, records: int = RECORDS) -> None:
        """New files, two a record, in both partitions."""
        for partition in range(2):
            first, self.produced = self.produced, self.produced + records // 2
            values = [files([python(2 * n), python(2 * n + 1)], str(n)) for n in range(first, self.produced)]
            self.sent |= set(documents(self.crew.produce("files", values, partition), [2] * len(values)))

    def note(self, name: str) -> None:
        """Everything has been taken: train, and keep what became of all."""
        self.fates[name], self.documents[name] = self.crew.train(), set(self.sent)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, broker: str) -> Story:
    """`broker`: the session's has fetched the jars."""
    folder: Path = tmp_path_factory.mktemp("outage")
    with Outage(folder / "broker") as outage:
        connection = Connection(brokers=outage.brokers, prefix="outage.")
        create(connection, 2)
        with Crew(connection, folder / "state") as crew:
            return tell(Story(crew, outage))


def tell(story: Story) -> Story:
    crew, outage = story.crew, story.outage
    crew.start()
    at_work(story)
    outage.kill()
    time.sleep(AWAY_S)
    outage.start()
    story.produce()
    crew.drain(tended=True)
    story.note("broker away")
    at_work(story)
    outage.kill()
    crew.kill(*STAGES)
    outage.start()
    start(story)
    story.note("all killed")
    for name, change in (("offsets deleted", delete_offsets), ("set to the earliest", set_to_earliest)):
        story.codes += crew.stop().values()
        story.produce(6)
        change(crew.connection)
        start(story)
        story.note(name)
    return story


def at_work(story: Story) -> None:
    """Records go in until the last stage has one in its hands."""
    deadline = time.monotonic() + 120
    story.produce()
    while not at(story.crew, "pack"):
        assert time.monotonic() < deadline, story.crew.log("pack")
        if not story.crew._behind(STAGES):
            story.produce()
        time.sleep(0.001)


def start(story: Story) -> None:
    story.crew.start()
    story.crew.drain()


def set_to_earliest(connection: Connection) -> None:
    for stage in STAGES:
        connection.commit(connection.group(stage), connection.beginning_offsets(STAGE[stage].reads))


@pytest.mark.parametrize("name", ["broker away", "all killed", "offsets deleted", "set to the earliest"])
def test_nothing_is_lost_and_nothing_trained_twice(story, name: str):
    fate = story.fates[name]
    assert set(fate.trained) == story.documents[name]
    assert set(fate.trained.values()) == {1}
    assert not fate.dead and not fate.rejected


def test_workers_that_were_stopped_ended_well(story):
    assert set(story.codes) == {0}


def test_a_group_that_lost_its_offsets_says_where_it_begins(story):
    for stage in STAGES:
        assert "has lost its offsets: it begins at" in story.crew.log(stage)
