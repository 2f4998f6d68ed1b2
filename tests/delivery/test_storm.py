"""Workers that were thought dead, second workers, a storm of joins and leaves: nothing lost, nothing trained twice.

The topics are made by two programs at the same time, and a second Genesis stands in `signatures`.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass, field

import pytest

from streams.kafka.connection import Connection
from streams.kafka.topics import check
from streams.stages import TOPICS
from tests.support.programs.crew import STAGES, Crew, Fate, at
from tests.support.programs.mishaps import PATIENCE_S, make_topics_twice_at_once, write_another_genesis
from tests.support.programs.producing import Source

pytestmark = [pytest.mark.broker, pytest.mark.slow]

TRIES = 2
"""Pairs of programs that make topics at the same time."""
GUSTS = 4
"""Two workers leave by SIGTERM, and two by SIGKILL, whose sessions have to end before the next has a part."""
STEP_S = 2.0
"""Between a join and the next leave."""


@dataclass
class Story:
    created: list[list[int]]
    sent: set[str] = field(default_factory=set)
    copies: int = 0
    after_zombies: Fate | None = None
    codes: dict[str, int] = field(default_factory=dict)
    fate: Fate | None = None

    def add(self, source: Source) -> None:
        """End the source, and expect what it sent."""
        source.ending.set()
        source.join()
        self.sent |= source.sent
        self.copies += source.copies


@pytest.fixture(scope="module")
def story(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("storm")
    story = Story([make_topics_twice_at_once(broker, f"storm{n}.", folder) for n in range(TRIES)])
    for n in range(TRIES):
        check(Connection(brokers=broker, prefix=f"storm{n}."))
    connection = Connection(brokers=broker, prefix="storm0.")
    write_another_genesis(connection)
    with Crew(connection, folder / "state") as crew:
        tell(crew, story)
    return story


def tell(crew: Crew, story: Story) -> None:
    crew.start()
    source = Source(crew, 0)
    zombies = [stop_at_work(crew, stage) for stage in reversed(STAGES)]
    crew.start(*(f"{stage}.2" for stage in STAGES))
    story.add(source)
    crew.drain()  # by the second workers, once the session of the first has ended
    source = Source(crew, 1)
    for name in zombies:
        crew.processes[name].send_signal(signal.SIGCONT)
    story.add(source)
    crew.drain(tended=True)
    story.after_zombies = crew.train()
    source = Source(crew, 2)
    crew.tend()
    crew.kill("dedup.2")
    storm(crew, "redact")
    story.add(source)
    crew.drain(tended=True)
    crew.tend()
    story.codes = crew.stop()
    story.fate = crew.train()


def stop_at_work(crew: Crew, stage: str) -> str:
    """SIGSTOP while the worker has a record in its hands."""
    process, deadline = crew.processes[stage], time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if at(crew, stage):
            process.send_signal(signal.SIGSTOP)
            if at(crew, stage):
                return stage
            process.send_signal(signal.SIGCONT)
        time.sleep(0.001)
    raise AssertionError(f"{stage} was never seen at work:\n{crew.log(stage)}")


def storm(crew: Crew, stage: str) -> None:
    """Workers join, and leave in turn by SIGTERM and SIGKILL."""
    for gust in range(GUSTS):
        crew.start(f"{stage}.{gust + 3}")
        time.sleep(STEP_S)
        oldest = next(name for name in crew.processes if name.startswith(stage))
        process = crew.processes.pop(oldest)
        process.kill() if gust % 2 else process.terminate()
        process.wait(timeout=PATIENCE_S)


def test_two_programs_make_the_topics_at_the_same_time(story, broker):
    assert all(0 in codes for codes in story.created), story.created
    assert story.created == [[0, 0]] * TRIES
    assert set(check(Connection(brokers=broker, prefix="storm1.")).topics) == {topic.name for topic in TOPICS}


def test_a_worker_that_was_thought_dead_does_no_harm(story):
    assert story.after_zombies.dead == set()
    assert set(story.after_zombies.trained.values()) == {1}


def test_nothing_is_lost_and_nothing_trained_twice(story):
    fate = story.fate
    assert fate.all == story.sent
    assert set(fate.trained.values()) == {1}
    assert fate.dead == set()
    assert not set(fate.trained) & set(fate.rejected)
    assert set(fate.rejected.values()) == {"exact_duplicate"} and len(fate.rejected) == story.copies


def test_all_end_well(story):
    assert set(story.codes.values()) == {0}, story.codes
