"""The whole path with real workers on a real broker: every document once, poison in between, large and unreadable
records, retries (architecture §2).

One crew goes through the story of tests/support/programs/path.py once; the tests look at what it left behind.
"""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pytest
from kafka.errors import MessageSizeTooLargeError

from streams import frame as frames
from streams.event import MAX_RECORD_BYTES
from streams.feed.state import retryable
from streams.kafka.connection import Connection
from streams.kafka.log import Logged, read
from streams.kafka.topics import create
from tests.support.programs.crew import Crew, Fate
from tests.support.programs.path import LARGE, Story, at_the_limit, tell

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.fixture(scope="module")
def story(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    connection = Connection(brokers=broker, prefix="path.")
    create(connection, 2)
    with Crew(connection, tmp_path_factory.mktemp("path")) as crew:
        return tell(crew)


@pytest.fixture(scope="module")
def letters(story: Story) -> dict[str, Logged]:
    """The dead letters of the first partition, by origin."""
    return {(r.key or b"").decode(): r for r in read(story.crew.connection, "deadletters", 0)}


def retries_of(story: Story, fate: Fate) -> set[str]:
    topic_id = story.crew.connection.topic_ids(["retries"])["retries"]
    return {origin for origin in fate.all if origin.startswith(topic_id)}


def test_every_document_is_trained_once_or_rejected_or_dead(story):
    for fate in (story.first, story.second):
        assert fate.all - retries_of(story, fate) == story.sent
        assert set(fate.trained.values()) == {1}
        assert not set(fate.trained) & fate.dead
        assert not set(fate.trained) & set(fate.rejected)
        assert not fate.dead & set(fate.rejected)


def test_each_poison_dies_whole_and_alone(story):
    assert story.first.dead == story.dead


def test_nul_is_text_like_any_other_and_a_copy_is_dropped(story):
    assert set(story.first.rejected.values()) >= {"exact_duplicate"}
    counts = story.first.state.counts.values()
    assert sum(c.documents for c in counts) == len(story.sent)
    assert sum(c.waiting for c in counts) == 0


def test_a_record_at_the_limit_goes_through(story):
    assert len(at_the_limit()) + len(b"local/r") == MAX_RECORD_BYTES
    small, *big = story.at_the_limit
    assert story.first.trained[small] == 1
    assert {story.first.rejected[origin] for origin in big} == {"long_lines"}


def test_a_larger_one_is_refused_when_it_is_produced(story):
    incompressible = random.Random(0).randbytes(MAX_RECORD_BYTES + 8192)
    connection = story.crew.connection
    with connection.producer() as producer, pytest.raises(MessageSizeTooLargeError):
        producer.send(connection.topic("files"), incompressible, partition=0).get(timeout=30)


def test_order_is_kept_in_every_partition(story, story_frames):
    for frames_of_source in story_frames.values():
        for one, other in pairwise(frames_of_source):
            assert one.upto == other.start
        offsets = [tally.offset for frame in frames_of_source for tally in frame.tallies]
        assert offsets == sorted(offsets)


@pytest.fixture(scope="module")
def story_frames(story: Story) -> dict[str, list[frames.Frame]]:
    """All Frames of `examples`, by source partition."""
    by_source: dict[str, list[frames.Frame]] = {}
    for partition in range(2):
        for logged in read(story.crew.connection, "examples", partition):
            frame = frames.decode(logged.value or b"")
            by_source.setdefault(str(frame.source), []).append(frame)
    return by_source


def test_what_is_larger_than_a_record_may_be_is_held_by_length_and_hash(story, letters):
    facts = story.listed[story.poison["no JSON"]]
    assert (facts["error"], facts["bytes"], facts["incomplete"]) == ("TooLarge", len(LARGE["no JSON"]), True)
    assert len(LARGE["no JSON"]) > MAX_RECORD_BYTES
    letter = letters[story.poison["no JSON"]]
    assert letter.value == b"" and letter.headers["__midstream.errors.incomplete"] == b"true"
    assert len(letter.headers["__midstream.errors.sha256"]) == 64


def test_what_expands_too_far_is_held_as_it_came(story, letters):
    for name in ("empty files", "files of a line"):
        assert story.listed[story.poison[name]]["error"] == "TooLargeWhenExpanded"
        assert letters[story.poison[name]].value == LARGE[name]


def test_the_files_of_a_commit_with_a_long_message_are_taken(story):
    assert len(story.long_commit) == 256
    assert story.long_commit <= {*story.first.trained, *story.first.rejected}


def test_the_list_shows_facts_and_no_content(story):
    offered = story.listed
    assert set(offered) == story.first.dead
    assert offered[story.unpackable]["stage"] == "pack"
    assert offered[story.unpackable]["error"] == "ValueError"
    assert {offered[o]["topic"] for o in story.poison.values()} == {"files"}
    assert offered[story.poison["undecodable"]]["bytes"] == len(b"{not json")
    assert f"{len(offered)} may be retried or discarded" in story.shown
    assert "not json" not in story.shown


def test_what_is_not_offered_is_refused_with_the_reason(story):
    trained, too_large = story.refused
    assert "is not offered: no such dead letter is known. Nothing was sent." in trained
    assert f"{story.poison['no JSON']} is left out: its value has 30,000,009 bytes" in too_large
    assert "--fixed FILE, or discard it" in too_large and "Nothing was sent." in too_large


def test_a_retry_is_trained_once_and_replaces_its_origin(story):
    """What cannot be read dies again: an unknown kind, a file alone, an empty value."""
    assert story.retried == "1 retried\n1 discarded\n1 retried\n1 retried\n"
    state, poison = story.second.state, story.poison
    again = retries_of(story, story.second)
    assert len(again & set(story.second.trained)) == 1
    mended = {poison[name] for name in ("undecodable", "an unknown kind", "empty files")}
    assert state.replaced == {story.unpackable, story.half, *mended}
    still_dead = again & story.second.dead
    assert len(still_dead) == 3 and story.nothing in still_dead
    assert story.second.dead == story.dead | still_dead
    assert set(retryable(state)) == story.second.dead - state.replaced


def test_the_sum_holds_in_the_status(story):
    result = story.crew.run("status", "--json")
    status = json.loads(result.stdout)
    assert [stage["lag"] for stage in status["stages"]] == [0, 0, 0, 0]
    assert status["trainer"]["conserved"] is True
    total = status["trainer"]["total"]
    assert total["documents"] == total["trained"] + total["rejected"] + total["dead"]
    assert total["trained"] == len(story.second.trained)
    assert status["stages"][1]["rules"]["exact_duplicate"] == 1


def test_the_workers_end_well_and_say_nothing_of_the_content(story):
    assert story.codes == {"prepare": 0, "dedup": 0, "redact": 0, "pack": 0}
    for stage in story.codes:
        log = story.crew.log(stage)
        assert "return a" not in log
        assert "not json" not in log
