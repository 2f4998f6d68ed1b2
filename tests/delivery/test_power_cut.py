"""A broker that is killed and whose logs lost their tails: what is missing is said, and `repair` brings it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from streams.kafka.connection import Connection
from streams.kafka.topics import create
from tests.support.programs.crew import STAGES, Crew, Fate, documents, files, python
from tests.support.programs.outage import Outage
from tests.support.programs.path import checkpoint

pytestmark = [pytest.mark.broker, pytest.mark.slow]

AGAIN = {"candidates": ("prepare", "dedup"), "unique": ("prepare", "dedup", "redact")}
"""By the log that is cut: who runs until its last but one record has been taken; the last of them does not see the
last record."""
CUT = 2
"""Records: one that the next stage has taken, and one that it has not."""


@dataclass
class Case:
    topic: str
    crew: Crew
    sent: set[str] = field(default_factory=set)
    before: int = -1
    """Exit code of `status` before the repair, and what it said."""
    needs: str = ""
    repair: str = ""
    after: int = -1
    fate: Fate | None = None

    def produce(self, number: int) -> None:
        """Two records of two files each."""
        values = [files([python(4 * number + i), python(4 * number + i + 1)], f"{number}/{i}") for i in (0, 2)]
        self.sent |= set(documents(self.crew.produce("files", values), [2, 2]))

    def train(self) -> None:
        self.fate = self.crew.train()
        checkpoint(self.crew)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory, broker: str) -> list[Case]:
    """`broker`: the session's has fetched the jars."""
    folder = tmp_path_factory.mktemp("cut")
    with Outage(folder / "broker") as outage:
        one, two = (case(outage, topic, folder) for topic in AGAIN)
        with one.crew, two.crew:
            tell(outage, [one, two])
        return [one, two]


def case(outage: Outage, topic: str, folder: Path) -> Case:
    connection = Connection(brokers=outage.brokers, prefix=f"{topic}-cut.")
    create(connection, 2)
    return Case(topic, Crew(connection, folder / topic))


def tell(outage: Outage, cases: Sequence[Case]) -> None:
    for one in cases:
        one.crew.start()
    for number, last in enumerate((None, 0, -1)):  # everybody; without those behind; without the one that reads the log
        for one in cases:
            leave(one, STAGES if last is None else AGAIN[one.topic][: last or None])
            one.produce(number)
        for one in cases:
            one.crew.drain(stages=tuple(one.crew.processes))
    for one in cases:
        assert set(one.crew.stop().values()) == {0}
    outage.kill()
    for one in cases:
        outage.cut(one.crew.connection, one.topic, 0, CUT)
    outage.start()
    run(cases, 3)
    for one in cases:
        result = one.crew.run("status")
        one.before, one.needs = result.exit_code, result.output
        one.repair = one.crew.run("repair").output
    run(cases, 4)
    for one in cases:
        one.after = one.crew.run("status").exit_code


def run(cases: Sequence[Case], number: int) -> None:
    """All stages take more, until everything is taken; then the trainer."""
    for one in cases:
        one.produce(number)
        one.crew.start()
    for one in cases:
        one.crew.drain()
    for one in cases:
        assert set(one.crew.stop().values()) == {0}
        one.train()


def leave(one: Case, staying: Sequence[str]) -> None:
    leaving = set(one.crew.processes) - set(staying)
    if leaving:
        assert set(one.crew.stop(*leaving).values()) == {0}


def test_the_status_says_that_something_is_missing(cases):
    for one in cases:
        assert one.before == 1, one.needs
        assert "Stop the workers and run `midstream repair`" in " ".join(one.needs.split())


def test_the_repair_brings_it_back(cases):
    for one in cases:
        assert "Done. Start the workers again" in one.repair
        assert one.after == 0


def test_nothing_is_lost_and_nothing_trained_twice(cases):
    for one in cases:
        assert one.fate is not None
        assert set(one.fate.trained) == one.sent
        assert set(one.fate.trained.values()) == {1}
        assert not one.fate.rejected and not one.fate.dead
