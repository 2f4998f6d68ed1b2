"""Workers killed in the middle of a Frame lose nothing and train nothing twice (architecture §2)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import xxhash

from midstream.status.overview import caught_up
from streams.feed.examples import open_feed
from streams.feed.state import Limits, fresh
from streams.kafka.connection import Connection
from streams.kafka.topics import TopicsError, create
from tests.support.models.tiny import tokenizer
from tests.support.programs.crew import CONTEXT, STAGES, Crew, Fate, at
from tests.support.programs.producing import Source

pytestmark = [pytest.mark.broker, pytest.mark.slow]

ROUNDS = 2
SEED = 3


def draw(most: int, *what: object) -> int:
    """A number from 1 to `most` by keyed hash: the same moments every time."""
    return xxhash.xxh3_64_intdigest(repr(what).encode(), SEED) % most + 1


def kill_at_work(crew: Crew, number: int, left: dict[str, str]) -> int:
    """SIGKILL to each worker at its drawn record, the last stage first, while the others go on.

    `left` is what its former life left in the attempts file. Returns how many died at a record.
    """
    for stage in reversed(STAGES):
        records: set[str] = set()
        deadline = time.monotonic() + 60
        while len(records) < draw(3, number, stage) and time.monotonic() < deadline:
            records |= {at(crew, stage)} - {"", left[stage]}
            time.sleep(0.001)
        crew.kill(stage)
    return sum(bool(at(crew, stage)) for stage in STAGES)


@dataclass
class Story:
    sent: set[str]
    copies: int
    died_at_work: int
    codes: dict[str, int]
    lag_at_the_end: bool
    fate: Fate


@pytest.fixture(scope="module")
def story(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    connection = Connection(brokers=broker, prefix="faults.")
    create(connection, 2)
    with Crew(connection, tmp_path_factory.mktemp("faults")) as crew:
        return tell(crew)


def tell(crew: Crew) -> Story:
    """Rounds that end with kills, one that ends with SIGTERM, and a last one in which all is taken."""
    sources: list[Source] = []
    died, codes = 0, {}
    for number in range(ROUNDS + 1):
        left = {stage: at(crew, stage) for stage in STAGES}
        crew.start()
        sources.append(Source(crew, number))
        if number < ROUNDS:
            died += kill_at_work(crew, number, left)
        else:
            codes = stop_at_work(crew, left["pack"])
        sources[-1].ending.set()
        sources[-1].join()
    behind = not caught_up(crew.connection)
    crew.start()
    crew.drain()
    fate = crew.train()
    sent = {origin for source in sources for origin in source.sent}
    return Story(sent, sum(source.copies for source in sources), died, codes, behind, fate)


def stop_at_work(crew: Crew, left: str) -> dict[str, int]:
    """SIGTERM to all while the last stage is at a record."""
    while at(crew, "pack") in ("", left):
        time.sleep(0.001)
    return crew.stop()


def test_workers_died_in_the_middle_of_their_work(story):
    assert story.died_at_work >= 2 * ROUNDS


def test_nothing_is_lost_and_nothing_trained_twice(story):
    fate = story.fate
    assert fate.all == story.sent
    assert set(fate.trained.values()) == {1}
    assert fate.dead == set()
    assert not set(fate.trained) & set(fate.rejected)


def test_the_feeds_own_sum_agrees(story):
    counts = story.fate.state.counts.values()
    assert sum(c.documents for c in counts) == len(story.sent)
    assert sum(c.trained for c in counts) == len(story.fate.trained)
    assert sum(c.rejected for c in counts) == len(story.sent) - len(story.fate.trained)


def test_copies_alone_are_rejected(story):
    assert set(story.fate.rejected.values()) == {"exact_duplicate"}
    assert len(story.fate.rejected) == story.copies


def test_sigterm_in_the_middle_ends_well_and_loses_nothing(story):
    assert story.codes == dict.fromkeys(STAGES, 0)
    assert story.lag_at_the_end


def test_a_topic_made_again_is_refused_by_worker_and_feed(connection, tmp_path: Path):
    name = connection.topic("files")
    with connection.admin() as admin:
        admin.delete_topics([name])
        admin.create_topics({name: {"num_partitions": 2, "replication_factor": 1}})
        admin.wait_for_topics([name])
    with Crew(connection, tmp_path) as crew:
        for stage in STAGES:
            result = crew.run("worker", stage)
            assert result.exit_code == 1
            assert f"{name} was deleted and made again" in result.stderr
    with pytest.raises(TopicsError, match="made again"):
        open_feed(connection, tmp_path, fresh(tokenizer().hash, [0, 0], {}), Limits(row_tokens=CONTEXT, rows=2))


def test_a_changed_partition_count_is_refused(connection, tmp_path: Path):
    with connection.admin() as admin:
        admin.create_partitions({connection.topic("clean"): 3})
    with Crew(connection, tmp_path) as crew:
        result = crew.run("worker", "pack")
    assert result.exit_code == 1
    assert "clean has 3 partitions now, and this stream was made with 2" in result.stderr
