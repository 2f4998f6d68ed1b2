"""Large and unreadable records on the real path: none of them stops the stream (architecture §2, Large events)."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace

import pytest

from streams.document import Document, Part, Source
from streams.event import MAX_RECORD_BYTES, ChangedFile, Commit, Files, Repository, SourceFile, encode
from streams.frame import Frame, Outcome, Rejection, Tally, decode, decode_rejections
from streams.kafka.connection import Connection
from streams.kafka.log import read
from streams.kafka.producer import Delivery, KafkaSink
from streams.kafka.topics import create
from streams.pipeline import FORM
from tests.crew import Crew, Fate, documents, files, python
from tests.test_path import checkpoint

pytestmark = [pytest.mark.broker, pytest.mark.slow]

REPOSITORY = Repository(name="r", licence="MIT")
MESSAGE = "".join(f"Change {n}: the parser reads what it wrote, and says where it is.\n" for n in range(1600))[:110_000]


def commit(count: int) -> bytes:
    changed = [ChangedFile(path=f"{n}.py", before=python(n, 1), after=python(n + 1000, 1)) for n in range(count)]
    return encode(Commit(repository=REPOSITORY, sha="a" * 40, message=MESSAGE, files=changed))


def with_half_a_surrogate(index: int) -> bytes:
    return files([python(500 + n) if n != index else "half a pair" for n in range(16)], "pair").replace(
        b"half a pair", b"half a pair \\ud800"
    )


LARGE: dict[str, bytes] = {
    "no JSON": b"{not json" + b" " * 30_000_000,
    "empty files": encode(Files(repository=REPOSITORY, files=[SourceFile(path="", text="")] * 150_000)),
    "files of a line": encode(
        Files(repository=REPOSITORY, files=[SourceFile(path=f"{n}", text="x = 1\n") for n in range(190_000)])
    ),
}
"""Events that die whole."""


@dataclass
class Story:
    crew: Crew
    sent: set[str]
    whole: dict[str, str]
    """Name to origin of what dies whole."""
    half: str
    nothing: str
    """Origin of a record in `retries` that is empty and no removal."""
    fate: Fate
    listed: dict[str, dict]
    refused: str
    retried: str
    second: Fate
    codes: dict[str, int]


@pytest.fixture(scope="module")
def story(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Story:
    connection = Connection(brokers=broker, prefix="large.")
    create(connection, 2)
    with Crew(connection, tmp_path_factory.mktemp("large")) as crew:
        return tell(crew)


def tell(crew: Crew) -> Story:
    crew.start()
    whole: dict[str, str] = {}
    sent: set[str] = set()
    for name, value in LARGE.items():
        (origin,) = crew.produce("files", [value])
        whole[name] = str(origin)
        sent |= {str(origin), *map(str, crew.produce("files", [files([python(len(sent))], name)]))}
    sent |= set(documents(crew.produce("files", [with_half_a_surrogate(5)]), [16]))
    (half,) = (o for o in sent if o.endswith(":5"))
    sent |= set(documents(crew.produce("commits", [commit(256)]), [256]))
    crew.drain()
    fate = crew.train()
    checkpoint(crew)
    listed = {f["origin"]: f for f in json.loads(crew.run("deadletters", "list", "--json").stdout)["offered"]}
    refused = crew.run("deadletters", "retry", whole["no JSON"]).stderr
    nothing = retry_nothing(crew, whole["empty files"])
    retried = crew.run("deadletters", "retry", half).stdout
    crew.drain()
    second = crew.train()
    return Story(crew, sent, whole, half, nothing, fate, listed, refused, retried, second, crew.stop())


def retry_nothing(crew: Crew, origin: str) -> str:
    """An empty value in `retries`, as no command sends it."""
    connection = crew.connection
    with connection.producer() as producer:
        future = producer.send(
            connection.topic("retries"), key=origin.encode(), value=b"", headers=[(FORM, b"event")], partition=0
        )
        found = future.get(timeout=30)
    return f"{connection.topic_ids(['retries'])['retries']}:0:{found.offset}:0"


def test_every_document_is_trained_once_or_rejected_or_dead(story):
    assert story.fate.all == story.sent
    assert set(story.fate.trained.values()) == {1}
    assert story.fate.dead == {*story.whole.values(), story.half}
    assert story.codes == dict.fromkeys(story.codes, 0)


def test_what_is_larger_than_a_record_may_be_is_held_by_length_and_hash(story):
    facts = story.listed[story.whole["no JSON"]]
    assert (facts["error"], facts["bytes"], facts["incomplete"]) == ("TooLarge", len(LARGE["no JSON"]), True)
    assert len(LARGE["no JSON"]) > MAX_RECORD_BYTES
    letters = {(r.key or b"").decode(): r for r in read(story.crew.connection, "deadletters", 0)}
    letter = letters[story.whole["no JSON"]]
    assert letter.value == b"" and letter.headers["__midstream.errors.incomplete"] == b"true"
    assert len(letter.headers["__midstream.errors.sha256"]) == 64


def test_what_expands_too_far_is_held_as_it_came(story):
    letters = {(r.key or b"").decode(): r.value for r in read(story.crew.connection, "deadletters", 0)}
    for name in ("empty files", "files of a line"):
        assert story.listed[story.whole[name]]["error"] == "TooLargeWhenExpanded"
        assert letters[story.whole[name]] == LARGE[name]


def test_the_files_of_a_commit_with_a_long_message_are_taken(story):
    commits = {o for o in story.sent if story.crew.connection.topic_ids(["commits"])["commits"] in o}
    assert len(commits) == 256 and commits <= {*story.fate.trained, *story.fate.rejected}


def test_what_no_record_holds_is_refused_by_name(story):
    assert f"{story.whole['no JSON']} is left out: its value has 30,000,009 bytes" in story.refused
    assert "--fixed FILE, or discard it" in story.refused and "Nothing was sent." in story.refused


def test_an_empty_value_in_retries_dies_and_a_file_alone_can_be_sent_again(story):
    assert story.retried == "1 retried\n"
    assert story.nothing in story.second.dead
    assert story.second.state.replaced == {story.whole["empty files"], story.half}
    assert len(story.second.dead) == len(story.fate.dead) + 2


async def test_a_cluster_of_smaller_records_cuts_frames_and_stops_nothing(connection):
    """The table says 24 MiB, the cluster takes 300 KB: all is delivered in smaller parts."""
    source = Source("files", connection.topic_ids(["files"])["files"], 1)
    with connection.admin() as admin:
        for name in ("clean", "rejected", "deadletters"):
            narrow(admin, connection.topic(name))
    delivery = Delivery(KafkaSink(connection), "redact", "clean")
    await delivery.start()
    delivered = await delivery.outcome(outcome(source), 1)
    await delivery.outcome(replace(outcome(source), rejections=(), dead=()), 1)
    await delivery.stop()
    found = [decode(r.value or b"") for r in read(connection, "clean", 1)]
    assert [(f.start, f.upto) for f in found[: len(delivered)]] == [(p.frame.start, p.frame.upto) for p in delivered]
    ranges = sorted({(f.start, f.upto) for f in found})
    assert ranges[0][0] == 0 and ranges[-1][1] == 9 and len(ranges) > 1
    assert {d.offset for f in found for d in f.documents} | {8} == set(range(9))
    rejected = [i for r in read(connection, "rejected", 1) for i in decode_rejections(r.value or b"").items]
    assert {i.reason for i in rejected} == {noise(n, 3_000) for n in range(200)}
    letters = {(r.key or b"").decode(): r for r in read(connection, "deadletters", 0)}
    assert len(letters) == 1 and next(iter(letters)).endswith(":1:8:0")


def test_a_record_of_the_index_that_the_cluster_refuses_is_named_with_the_setting(connection, tmp_path):
    with connection.admin() as admin:
        narrow(admin, connection.topic("signatures"), "2000")
    with Crew(connection, tmp_path) as crew:
        crew.produce("files", [files([python(n) for n in range(20)])])
        crew.start()
        assert crew.processes["dedup"].wait(timeout=60) == 1
        crew.processes.pop("dedup")
        told = crew.run("status")
        said = " ".join(told.stdout.split())
        assert told.exit_code == 1
        assert said.startswith("worker dedup ended with an error at candidates/0/0")
        assert "in signatures: set max.message.bytes of that topic to 25169920 again" in said
        with connection.admin() as admin:
            narrow(admin, connection.topic("signatures"), "25169920")
        crew.start("dedup")
        crew.drain()
        assert crew.run("status").exit_code == 0
        assert len(crew.train().trained) == 20


def narrow(admin, name: str, size: str = "300000") -> None:
    from kafka.admin import ConfigResource, ConfigResourceType

    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"max.message.bytes": size})])


def noise(seed: int, size: int) -> str:
    """Text that does not compress."""
    return random.Random(seed).randbytes(size * 3 // 4 + 3).hex()[:size]


def outcome(source: Source) -> Outcome:
    """Eight documents of 120,000 characters in as many offsets, and one of 2,000,000."""
    sizes = [120_000] * 8 + [2_000_000]
    found = [
        Document(offset=o, index=0, kind="file", parts=[Part("text", noise(o, size))]) for o, size in enumerate(sizes)
    ]
    rejections = tuple(
        Rejection(origin=found[0].origin(source), stage="redact", rule="r", reason=noise(n, 3_000)) for n in range(200)
    )
    frame = Frame(source=source, start=0, upto=9, tallies=[Tally(o, 1) for o in range(9)], documents=found)
    return Outcome(frame, rejections)
