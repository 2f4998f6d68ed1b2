"""Ways back for a trainer that keeps its weights: a setting that was put back, a head of `examples` that is gone, what
is lost for good. Real workers, a real trainer and the commands that a person gives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from kafka import TopicPartition

from model.manifest import folders, newest
from streams.feed import ledger
from streams.feed.state import FeedState, decode
from streams.kafka.connection import Connection
from streams.kafka.topics import create
from tests.support.programs.crew import ENVIRONMENT, STAGES, Crew, documents, files, python

pytestmark = [pytest.mark.broker, pytest.mark.slow]

MODEL = 'width = 32\nlayers = 2\nheads = 2\n[train]\nwarm_up_steps = 2\nprecision = "float32"\n[feed]\nrows = 2\n'


class Stream:
    """The whole path under one file of settings, which a person may change."""

    def __init__(self, crew: Crew) -> None:
        self.crew, self.connection = crew, crew.connection
        self.origins: set[str] = set()
        self.checkpoints = crew.folder / "checkpoints"
        self._records = 0
        self._first = crew.config.read_text().partition("[model]")[0]
        self.set(context=128)

    def set(self, context: int, checkpoints: str = "checkpoints") -> None:
        paths = f'checkpoints = "{self.crew.folder / checkpoints}"\n'
        self.crew.config.write_text(f"{self._first}{paths}[model]\ncontext = {context}\n{MODEL}")

    def produce(self, records: int) -> None:
        values = [files([python(n)], str(n)) for n in range(self._records, self._records + records)]
        self._records += records
        self.origins |= set(documents(self.crew.produce("files", values), [1] * records))

    def work(self, *stages: str) -> None:
        """The stages take what there is."""
        self.crew.start(*stages)
        self.crew.drain(stages=stages or STAGES)
        assert set(self.crew.stop().values()) == {0}

    def train(self, *options: str) -> tuple[int, str]:
        """Its exit code, and what it said."""
        command = [sys.executable, "-m", "midstream", "train", "--until-drained", "--config", str(self.crew.config)]
        ended = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=120, env={**os.environ, **ENVIRONMENT},
            check=False,
        )  # fmt: skip
        return ended.returncode, ended.stderr

    def said(self, command: str, *options: str, code: int = 0) -> str:
        result = self.crew.run(command, *options)
        assert result.exit_code == code, result.output
        return " ".join(result.output.split())

    def delete(self, *topics: str) -> None:
        """All that the topics hold."""
        ends = self.connection.end_offsets(topics)
        with self.connection.admin() as admin:
            admin.delete_records({TopicPartition(self.connection.topic(t), p): end for (t, p), end in ends.items()})

    @property
    def state(self) -> FeedState:
        checkpoint = newest(self.checkpoints)
        assert checkpoint is not None
        return decode(checkpoint[1])

    def check(self) -> None:
        """Everything was trained on once, and nobody says that something is missing."""
        entries = ledger.read(self.checkpoints, self.state.ledger)
        assert Counter((str(e.origin), e.piece) for e in entries if not e.piece) == dict.fromkeys(
            ((origin, 0) for origin in self.origins), 1
        )
        assert self.said("repair", "--dry-run") == "Nothing is missing."
        assert "the sum holds" in self.said("status")
        assert "lost 0" in self.said("audit")


@pytest.fixture
def path(connection: Connection, tmp_path: Path) -> Iterator[Stream]:
    with Crew(connection, tmp_path / "state") as crew:
        path = Stream(crew)
        path.produce(2)
        path.work()
        assert path.train()[0] == 0
        yield path


def test_a_context_that_is_put_back_costs_nothing(path: Stream) -> None:
    path.set(context=256)
    path.crew.start("pack")
    assert path.crew.processes.pop("pack").wait(timeout=60) == 1
    assert "[model] context (256, the checkpoint has 128): its trainer takes nothing" in path.crew.log("pack")
    path.set(context=256, checkpoints="none")  # as a pack of an earlier version, that did not look
    path.produce(2)
    path.work()
    path.set(context=128)
    code, said = path.train()
    assert code == 1 and "put the setting back and run `midstream repair`" in said
    assert "[model] context (256, the checkpoint has 128)" in path.said("status", code=1)
    path.produce(1)
    assert "pack begins again at clean/0" in path.said("repair")
    path.work()
    code, said = path.train()
    assert code == 0 and "which was packed under another setting, is passed over" in said
    assert path.state.misfits and not path.state.above
    path.check()


def test_the_trainer_goes_on_behind_a_head_of_examples_that_is_gone(path: Stream) -> None:
    path.produce(2)
    path.work()
    path.delete("examples")
    need = path.said("status", code=1)
    assert "do not reach the trainer. Stop the workers and run `midstream repair`" in need
    assert "pack begins again at clean/0" in path.said("repair")
    path.work()
    assert path.train()[0] == 0
    path.check()
    path.produce(2)
    path.work()
    path.connection.commit(path.connection.group("pack"), path.connection.beginning_offsets(["clean"]))
    ends = path.connection.end_offsets(["examples"])
    path.work("pack")  # the same documents stand again behind what is deleted now
    with path.connection.admin() as admin:
        admin.delete_records({TopicPartition(path.connection.topic(t), p): end for (t, p), end in ends.items()})
    assert "the sum holds" in path.said("status")
    assert path.said("repair") == "Nothing is missing."
    code, said = path.train()
    assert code == 0 and "were deleted before they were trained on. Reading goes on at" in said
    path.check()
    assert path.train("--checkpoints", str(path.crew.folder / "anew"))[0] == 0  # they lead on from the Genesis


def test_what_was_given_up_is_named_ever_after(path: Stream) -> None:
    known = set(path.origins)
    path.produce(2)
    path.work()
    path.origins = known
    path.delete("files", "candidates", "unique", "clean", "examples")
    assert "Nothing was done" in path.said("repair", code=1)
    assert "offsets 2 to 3 are lost" in path.said("repair", "--accept-loss")
    path.produce(1)
    path.work()
    assert path.train()[0] == 0
    path.check()
    assert "files/0: 2 offsets were given up by `midstream repair --accept-loss`, 2 to 3" in path.said("status")
    assert "given up files/0 offsets 2 to 3 2" in path.said("audit")


@pytest.mark.parametrize("topics", [("clean", "examples"), ("candidates", "unique")], ids="-".join)
def test_a_topic_between_the_stages_is_made_again_and_what_was_in_it_comes_again(path: Stream, topics) -> None:
    path.produce(2)
    path.work("prepare", "dedup", "redact")
    path.crew.start()
    path.crew.drain(stages=STAGES)
    with path.connection.admin() as admin:
        admin.delete_topics([path.connection.topic(topic) for topic in topics])
    for process in path.crew.processes.values():
        assert process.wait(timeout=90) == 1
    for stage in STAGES:
        assert "was deleted. Stop the workers and the trainer, run `midstream topics create`" in path.crew.log(stage)
    path.crew.processes.clear()
    assert "run `midstream topics create`" in path.said("status", code=1)
    code, said = path.train()
    assert code == 1 and "run `midstream topics create`" in said
    assert path.said("topics", "create").startswith("12 topics")
    path.said("repair")
    path.produce(1)
    path.work()
    assert path.train()[0] == 0
    path.check()
    assert path.said("topics", "create").startswith("12 topics")


def test_a_trainer_whose_topic_is_deleted_ends_with_a_sentence(path: Stream) -> None:
    command = [sys.executable, "-m", "midstream", "train", "--config", str(path.crew.config)]
    environment = {**os.environ, **ENVIRONMENT, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as trainer:  # fmt: skip
        assert trainer.stdout is not None and trainer.stderr is not None
        path.produce(1)
        path.work()
        assert "step" in trainer.stdout.readline()  # it runs
        with path.connection.admin() as admin:
            admin.delete_topics([path.connection.topic("examples")])
        assert trainer.wait(timeout=90) == 1
        assert "examples was deleted. Stop the workers" in trainer.stderr.read()


def test_where_the_stream_is_gone_its_weights_go_on_under_another_prefix(path: Stream, tmp_path: Path) -> None:
    """What the sentence says that a person can do."""
    with path.connection.admin() as admin:
        admin.delete_topics([path.connection.topic("files")])
    said = path.said("status", code=1)
    assert "another prefix ([kafka] prefix) and a new state folder" in said and "[model] weights naming" in said
    newest_folder = folders(path.checkpoints)[-1]
    other = replace(path.connection, prefix=f"{path.connection.prefix}2.")
    create(other, 2)
    with Crew(other, tmp_path / "new") as crew:
        anew = Stream(crew)
        text = crew.config.read_text()
        crew.config.write_text(text.replace("width = 32", f'weights = "{newest_folder}"\nwidth = 32'))
        (crew.folder / "tokenizer.json").unlink()  # it comes with the weights
        code, said = anew.train()
        assert code == 0, said
        anew.produce(2)
        anew.work()
        code, said = anew.train()
        assert code == 0, said
        anew.check()
