"""The whole path with real workers on a real broker: every document once, poison in between, a retry (architecture §2).

One crew goes through the story of the module once; the tests look at what it left behind.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from itertools import pairwise

import pytest
from kafka.errors import MessageSizeTooLargeError

from model.manifest import folders
from streams import frame as frames
from streams.event import (
    MAX_RECORD_BYTES,
    Cell,
    ChangedFile,
    Comment,
    Commit,
    Files,
    Issue,
    Notebook,
    Repository,
    SourceFile,
    encode,
)
from streams.feed.state import retryable
from streams.kafka.connection import Connection
from streams.kafka.topics import create
from tests.crew import Crew, Fate, documents, files, python
from tests.tiny import write_checkpoint

pytestmark = [pytest.mark.broker, pytest.mark.slow]

REPOSITORY = Repository(name="r", licence="MIT")
HEAD = b'{"kind":"files","repository":{"name":"r","licence":"MIT"},"files":'
MEGABYTE = 1_000_000

POISON: dict[str, bytes | None] = {
    "undecodable": b"{not json",
    "a missing field": b'{"kind":"files","repository":{"name":"r"}}',
    "an unknown kind": b'{"kind":"poem"}',
    "invalid UTF-8": HEAD + b'[{"path":"a.py","text":"x = \'\xff\'"}]}',
    "half a surrogate": HEAD + b'[{"path":"a.py","text":"x = \\ud800"}]}',
    "empty": b"",
    "a tombstone": None,
}
"""Records that die whole."""


def with_nul() -> bytes:
    return encode(Files(repository=REPOSITORY, files=[SourceFile(path="nul.py", text=f"{python(900)}\0{python(901)}")]))


def at_the_limit() -> bytes:
    """A record of exactly the largest size: a small file, eight of a million characters, a last one that fills up."""
    big = [SourceFile(path=f"big{n}.py", text=f"big{n} = 1  # " + "word " * (MEGABYTE // 5 - 4)) for n in range(8)]
    small = SourceFile(path="small.py", text=python(950))
    value = encode(Files(repository=REPOSITORY, files=[small, *big, SourceFile(path="last.py", text="")]))
    filling = "x" * (MAX_RECORD_BYTES - len(b"local/r") - len(value))
    return encode(Files(repository=REPOSITORY, files=[small, *big, SourceFile(path="last.py", text=filling)]))


def other_kinds() -> dict[str, bytes]:
    code = python(700)
    commit = Commit(
        repository=REPOSITORY, sha="a" * 40, message="Make the numbers larger everywhere",
        files=[ChangedFile(path="k.py", before=code, after=code.replace("+", "-"))],
    )  # fmt: skip
    talk = [Comment(text=f"I see number {n} fail on every second run of it. " * 3, author=f"u{n}") for n in range(3)]
    cells = [Cell(type="markdown", source="# How to add numbers"), Cell(type="code", source=python(710), output="3")]
    return {
        "commits": encode(commit),
        "issues": encode(Issue(repository=REPOSITORY, number=7, title="It fails", comments=talk)),
        "notebooks": encode(Notebook(repository=REPOSITORY, path="n.ipynb", cells=cells)),
    }


@dataclass
class Story:
    crew: Crew
    sent: set[str]
    """Origins of all documents; a record that dies whole counts as one."""
    poison: dict[str, str]
    """Kind of poison to its origin."""
    unpackable: str
    large: list[str]
    first: Fate
    listed: dict
    shown: str
    refused: str
    retried: str
    second: Fate
    codes: dict[str, int]


@pytest.fixture(scope="module")
def story(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    connection = Connection(brokers=broker, prefix="path.")
    create(connection, 2)
    with Crew(connection, tmp_path_factory.mktemp("path")) as crew:
        return tell(crew)


def tell(crew: Crew) -> Story:
    crew.start()
    sent: set[str] = set()
    poison: dict[str, str] = {}
    for number, (name, value) in enumerate(POISON.items()):
        (origin,) = crew.produce("files", [value])
        poison[name] = str(origin)
        good = crew.produce("files", [files([python(number)], f"good{number}")])
        sent |= {str(origin), *map(str, good)}
    nul, large, long_path = crew.produce("files", [with_nul(), at_the_limit(), unpackable("p" * 4000)], partition=1)
    behind = crew.produce(
        "files", [files([python(300 + n) for n in range(3)], "behind"), files([python(0)], "copy")], 1
    )
    sent |= {str(nul), str(long_path), *documents([large], [10]), *documents(behind, [3, 1])}
    for topic, value in other_kinds().items():
        sent |= set(map(str, crew.produce(topic, [value])))
    crew.drain()
    first = crew.train()
    checkpoint(crew)
    listed = json.loads(crew.run("deadletters", "list", "--json").stdout)
    shown = crew.run("deadletters", "list").stdout
    refused = crew.run("deadletters", "retry", str(behind[0])).stderr
    fixed = crew.folder / "fixed.json"
    fixed.write_bytes(unpackable("short"))
    retried = crew.run("deadletters", "retry", str(long_path), "--fixed", str(fixed)).stdout
    retried += crew.run("deadletters", "discard", poison["undecodable"]).stdout
    retried += crew.run("deadletters", "retry", poison["an unknown kind"]).stdout
    crew.drain()
    second = crew.train()
    checkpoint(crew)
    codes = crew.stop()
    return Story(
        crew, sent, poison, str(long_path), list(documents([large], [10])), first, listed, shown, refused, retried,
        second, codes,
    )  # fmt: skip


def unpackable(path: str) -> bytes:
    """A path that is longer than the context by itself cannot be packed."""
    return encode(Files(repository=REPOSITORY, files=[SourceFile(path=path + ".py", text=python(800))]))


def checkpoint(crew: Crew) -> None:
    """A checkpoint with the feed's state, as the trainer writes it."""
    assert crew.state is not None
    root = crew.folder / "checkpoints"
    write_checkpoint(root, len(folders(root)) + 1, feed=crew.state)


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
    assert story.first.dead == {*story.poison.values(), story.unpackable}


def test_nul_is_text_like_any_other_and_a_copy_is_dropped(story):
    assert set(story.first.rejected.values()) >= {"exact_duplicate"}
    counts = story.first.state.counts.values()
    assert sum(c.documents for c in counts) == len(story.sent)
    assert sum(c.waiting for c in counts) == 0


def test_a_record_at_the_limit_goes_through(story):
    assert len(at_the_limit()) + len(b"local/r") == MAX_RECORD_BYTES
    small, *big = story.large
    assert story.first.trained[small] == 1
    assert {story.first.rejected[origin] for origin in big} == {"long_lines"}


def test_a_larger_one_is_refused_when_it_is_produced(story):
    incompressible = random.Random(0).randbytes(MAX_RECORD_BYTES + 8192)
    connection = story.crew.connection
    with connection.producer() as producer, pytest.raises(MessageSizeTooLargeError):
        producer.send(connection.topic("files"), incompressible, partition=0).get(timeout=30)


def test_order_is_kept_in_every_partition(story, story_frames):
    for found in story_frames.values():
        for one, other in pairwise(found):
            assert one.upto == other.start
        offsets = [tally.offset for frame in found for tally in frame.tallies]
        assert offsets == sorted(offsets)


@pytest.fixture(scope="module")
def story_frames(story: Story) -> dict[str, list[frames.Frame]]:
    """All Frames of `examples`, by source partition."""
    from streams.kafka.log import read

    found: dict[str, list[frames.Frame]] = {}
    for partition in range(2):
        for logged in read(story.crew.connection, "examples", partition):
            frame = frames.decode(logged.value or b"")
            found.setdefault(str(frame.source), []).append(frame)
    return found


def test_the_list_shows_facts_and_no_content(story):
    offered = {facts["origin"]: facts for facts in story.listed["offered"]}
    assert set(offered) == story.first.dead
    assert offered[story.unpackable]["stage"] == "pack"
    assert offered[story.unpackable]["error"] == "ValueError"
    assert {offered[o]["topic"] for o in story.poison.values()} == {"files"}
    assert offered[story.poison["undecodable"]]["bytes"] == len(b"{not json")
    assert f"{len(offered)} may be retried or discarded" in story.shown
    assert "not json" not in story.shown


def test_what_is_not_offered_is_refused_with_the_reason(story):
    assert "is not offered: no such dead letter is known. Nothing was sent." in story.refused


def test_a_retry_is_trained_once_and_replaces_its_origin(story):
    assert story.retried == "1 retried\n1 discarded\n1 retried\n"
    state = story.second.state
    again = retries_of(story, story.second)
    assert len(again & set(story.second.trained)) == 1
    assert state.replaced == {story.unpackable, story.poison["undecodable"], story.poison["an unknown kind"]}
    still_dead = again & story.second.dead
    assert len(still_dead) == 1
    assert set(retryable(state)) == {*story.poison.values(), *still_dead} - state.replaced


def test_the_sum_holds_in_the_status(story):
    told = story.crew.run("status", "--json")
    found = json.loads(told.stdout)
    assert [stage["lag"] for stage in found["stages"]] == [0, 0, 0, 0]
    assert found["trainer"]["conserved"] is True
    total = found["trainer"]["total"]
    assert total["documents"] == total["trained"] + total["rejected"] + total["dead"]
    assert total["trained"] == len(story.second.trained)
    assert found["stages"][1]["rules"]["exact_duplicate"] == 1


def test_the_workers_end_well_and_say_nothing_of_the_content(story):
    assert story.codes == {"prepare": 0, "dedup": 0, "redact": 0, "pack": 0}
    for stage in story.codes:
        log = story.crew.log(stage)
        assert "return a" not in log
        assert "not json" not in log
