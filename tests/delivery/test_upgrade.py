"""Logs, groups and a checkpoint that an earlier version left, and this version goes on: every document once.

tests/data/upgrade-v1.msgpack.gz holds what the commit 9f1e486 wrote, with a table of topics that had no `notebooks`:
documents wait before every stage and before the trainer, three records are dead, and removals of two of them, null
values as they were written then, wait in `retries`. Kafka names the topics anew, so their ids are put in place of the
old ones, which are as long.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from midstream.audit import Audit, audit
from midstream.cli import main
from model.manifest import newest
from streams.document import Document, Part, Source
from streams.event import Cell, Notebook, Repository
from streams.event import encode as encode_event
from streams.export.run import former_fingerprint
from streams.feed.state import FeedState, decode
from streams.frame import Frame, Tally
from streams.frame import encode as encode_frame
from streams.kafka.connection import Connection
from streams.kafka.topics import Genesis, check, create, genesis
from streams.stages import TOPICS, Topic
from tests.support.programs.crew import ENVIRONMENT, Crew, python
from tests.tree import ROOT

pytestmark = [pytest.mark.broker, pytest.mark.slow]

GOLDEN = ROOT / "tests/data/upgrade-v1.msgpack.gz"
NEW = "notebooks"
"""The topic that the table has gained since."""
SHAPE = """width = 16
layers = 1
heads = 1
[train]
checkpoint_every_steps = 12
warm_up_steps = 2
precision = "float32"
[feed]
rows = 1
open_bins = 4
"""


@dataclass
class Left:
    """What the earlier version left, with this cluster's topic ids."""

    logs: dict[str, list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]]]
    groups: dict[str, list[tuple[str, int, int]]]
    files: dict[str, bytes]


def left(ids: dict[str, str]) -> Left:
    golden: dict[str, Any] = msgspec.msgpack.decode(gzip.decompress(GOLDEN.read_bytes()))

    def renamed(value: Any) -> Any:
        if isinstance(value, bytes):
            for name, old in golden["ids"].items():
                value = value.replace(old.encode(), ids[name].encode())
                value = value.replace(bytes.fromhex(old), bytes.fromhex(ids[name]))  # in the ledger
            return value
        if isinstance(value, list):
            return [renamed(item) for item in value]
        return {key: renamed(item) for key, item in value.items()} if isinstance(value, dict) else value

    return Left(renamed(golden["logs"]), golden["groups"], with_sums(renamed(golden["files"])))


def with_sums(files: dict[str, bytes]) -> dict[str, bytes]:
    """The checkpoint's manifest names the hash of the feed's state, in which ids stand."""
    (name,) = (name for name in files if name.endswith("manifest.json"))
    manifest = msgspec.json.decode(files[name])
    manifest["sha256"]["feed.msgpack"] = sha256(files[name.replace("manifest.json", "feed.msgpack")]).hexdigest()
    return {**files, name: msgspec.json.encode(manifest)}


def make_old_topics(connection: Connection) -> None:
    """As the earlier version did: no topic that the table has gained, no flush."""
    specs = {
        connection.topic(t.name): {"num_partitions": t.count(2), "replication_factor": 1, "configs": before(t)}
        for t in TOPICS
        if t.name != NEW
    }
    with connection.admin() as admin:
        admin.create_topics(specs)
        admin.wait_for_topics(list(specs))


def before(topic: Topic) -> dict[str, str]:
    return {name: value for name, value in topic.configs().items() if name != "flush.messages"}


def put_back(connection: Connection, folder: Path) -> Left:
    """Topics with their records, the groups' offsets, the state folder."""
    make_old_topics(connection)
    leftover = left(connection.topic_ids([t.name for t in TOPICS if t.name != NEW]))
    with connection.producer() as producer:
        for name, records in leftover.logs.items():
            topic, _, partition = name.partition("/")
            for key, value, headers in records:
                place = {"key": key, "headers": [(k, v) for k, v in headers], "partition": int(partition)}
                producer.send(connection.topic(topic), value, **place).get(timeout=30)
    for stage, offsets in leftover.groups.items():
        connection.commit(connection.group(stage), {(topic, p): at for topic, p, at in offsets})
    for name, data in leftover.files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return leftover


@dataclass
class Story:
    crew: Crew
    began: Genesis
    gained: Genesis
    state: FeedState
    found: Audit
    notebook: str
    status: int
    text: str


@pytest.fixture(scope="module")
def story(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    connection, folder = Connection(brokers=broker, prefix="upgrade."), tmp_path_factory.mktemp("upgrade")
    put_back(connection, folder)
    began = genesis(connection)
    gained = create(connection, 2)
    tokenizer = (folder / "tokenizer.json").read_bytes()
    with Crew(connection, folder) as crew:
        crew.config.write_text(crew.config.read_text() + SHAPE)
        (folder / "tokenizer.json").write_bytes(tokenizer)
        yield tell(crew, began, gained)


def tell(crew: Crew, began: Genesis, gained: Genesis) -> Story:
    cells = [Cell(type="markdown", source="# How to add numbers"), Cell(type="code", source=python(710), output="3")]
    event = encode_event(Notebook(repository=Repository(name="r", licence="MIT"), path="n.ipynb", cells=cells))
    (notebook,) = crew.produce(NEW, [event])
    crew.start()
    crew.drain()
    assert set(crew.stop().values()) == {0}
    train(crew)
    folder = crew.folder / "checkpoints"
    checkpoint = newest(folder)
    assert checkpoint is not None
    state = decode(checkpoint[1])
    result = crew.run("status")
    return Story(
        crew,
        began,
        gained,
        state,
        audit(crew.connection, folder, state),
        str(notebook),
        result.exit_code,
        result.output,
    )


def train(crew: Crew) -> None:
    command = [sys.executable, "-m", "midstream", "train", "--until-drained", "--config", str(crew.config)]
    result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **ENVIRONMENT}, timeout=200)
    assert result.returncode == 0, result.stderr


def test_every_document_is_trained_once_or_rejected_or_dead(story):
    fate = story.found
    assert (fate.lost, fate.trained_twice, fate.waiting, fate.in_flight) == (0, 0, 0, 0)
    assert fate.documents == fate.trained + sum(fate.rejected.values()) + fate.dead_letters
    # Twelve times: two files, one file, the two again; three that cannot be read; a notebook. Removals hold none.
    assert fate.documents == 12 * 5 + 3 + 1
    assert fate.rejected == {"exact_duplicate": 24}
    assert fate.trained == 12 * 3 + 1


def test_removals_of_the_old_form_are_removals(story):
    assert len(story.state.replaced) == 2 and len(story.state.dead - story.state.replaced) >= 1


def test_a_topic_that_the_table_has_gained_is_named_and_read_by_every_part(story):
    assert NEW not in story.began.topics and NEW in story.gained.topics
    assert check(story.crew.connection) == story.gained
    topic_id = story.gained.topics[NEW].id
    assert story.notebook.startswith(topic_id)
    assert story.state.marks[f"{topic_id}:0"] == 1
    assert story.state.counts[f"{topic_id}:0"].trained == 1


@pytest.mark.parametrize("former", [False, True])
def test_an_export_goes_on_when_the_table_has_gained_a_topic(bare_connection, tmp_path, former):
    put_back(bare_connection, tmp_path / "state")
    out = tmp_path / "out"
    command = ["export", "--to", "jsonl", "--pass-gaps", "--out", str(out)]
    where = ["--brokers", bare_connection.brokers, "--prefix", bare_connection.prefix]
    assert CliRunner().invoke(main, [*command, *where]).exit_code == 0
    written = json.loads((out / "export.json").read_text())
    if former:
        written["made"]["genesis"] = former_fingerprint(genesis(bare_connection))
        (out / "export.json").write_text(json.dumps(written))
    topic_id = create(bare_connection, 2).topics[NEW].id
    frame = Frame(
        source=Source(NEW, topic_id, 0), start=0, upto=1, tallies=[Tally(0, 1)],
        documents=[Document(offset=0, index=0, kind="notebook", parts=[Part("code", "x = 1")])],
    )  # fmt: skip
    with bare_connection.producer() as producer:
        producer.send(bare_connection.topic("clean"), encode_frame(frame), partition=0).get(timeout=30)
    result = CliRunner().invoke(main, [*command, *where])
    assert result.exit_code == 0, result.output
    assert "+1 documents in this run" in result.output


def test_the_status_needs_nobody(story):
    assert story.status == 0, story.text
    assert "the sum holds;" in story.text
