"""Status: lag from Kafka, counts from the workers' files, the sum from the newest checkpoint."""

from __future__ import annotations

import json
import time

import pytest
from kafka import TopicPartition

from midstream.processes.errors import Errors
from midstream.settings import Settings, from_mapping
from midstream.status.needs import failing
from midstream.status.overview import _stage, caught_up
from midstream.status.trainer import Lag, lags, trainer
from model.example import Example
from model.manifest import newest
from model.training.publisher import Retried
from streams.document import Document, Source
from streams.feed.feed import Feed
from streams.feed.state import Limits, fresh
from streams.frame import Frame, Gap, Outcome, Tally
from streams.stages import STAGE
from streams.worker.counts import Counts
from tests.support.documents.counts import write_counts
from tests.support.models.tiny import example, tokenizer, write_checkpoint
from tests.support.programs.crew import Crew, files, python
from tests.support.simulation.memory import MemoryLedger

TOPIC_ID = "ab" * 16


class OneFrame:
    """A closed log that holds one Frame: three documents, of which one was rejected and one died."""

    partitions = 1

    def __init__(self) -> None:
        made: Example = example(python(1), 0)
        made.offset, made.index = 5, 0
        tallies = [Tally(5, 3, rejected=[1], dead=[2])]
        source = Source("files", TOPIC_ID, 0)
        self.left = [
            (0, 0, Frame(source=source, start=5, upto=6, tallies=tallies, examples=[made], tokenizer=tokenizer().hash))
        ]

    def poll(self, timeout_s: float, enough: set[int]) -> list[tuple[int, int, Frame]]:
        frames, self.left = self.left, []
        return frames

    def ended(self, partition: int, position: int) -> bool:
        return not self.left

    def lag(self, positions: list[int]) -> int:
        return len(self.left)


@pytest.mark.parametrize(("trains", "waiting"), [(True, 0), (False, 1)])
def test_the_sum_counts_what_waits_one_by_one(tmp_path, trains, waiting):
    feed = Feed(
        OneFrame(), MemoryLedger(), Limits(row_tokens=512, rows=1, closed=True),
        fresh(tokenizer().hash, [0], {f"{TOPIC_ID}:0": 5}),
    )  # fmt: skip
    assert feed.next(0.0) is not None
    if trains:
        feed.trained(1)
    write_checkpoint(tmp_path, 1, feed=feed.state())
    status = trainer(tmp_path, {("examples", 0): 4})
    assert status is not None
    total = status.total
    assert (total.documents, total.waiting, total.rejected, total.dead) == (3, waiting, 1, 1)
    assert (status.held, status.conserved, status.lag, status.retryable) == (waiting, True, 3, 1)
    assert [source.source for source in status.sources] == ["files/0"]


def test_the_newest_finished_checkpoint_counts(tmp_path):
    assert newest(tmp_path) is None
    for step in (2, 10):
        write_checkpoint(tmp_path, step)
    (tmp_path / ".unfinished-step-00000011").mkdir()
    checkpoint = newest(tmp_path)
    assert checkpoint is not None
    assert checkpoint[0].step == 10


def test_slots_of_a_stage_are_summed_and_a_torn_file_is_none(tmp_path):
    folder = tmp_path / "counts"
    folder.mkdir()
    counts = {
        "documents_out": 7,
        "rejected": 2,
        "dead": 1,
        "cpu_us": 500_000,
        "rule.size": 2,
        "documents_per_s": 4.5,
        "time": time.time(),
    }
    for slot in range(2):
        (folder / f"prepare-{slot}.json").write_text(json.dumps(counts))
    (folder / "prepare-2.json").write_text('{"documents')
    stage = _stage("prepare", [], tmp_path)
    assert (stage.documents_in, stage.documents_out, stage.rejected, stage.dead) == (20, 14, 4, 2)
    assert (stage.rules, stage.cpu_s, stage.documents_per_s) == ({"size": 4}, 1.0, 9.0)
    assert stage.documents_per_cpu_s == 20.0


def test_replacements_are_shown_by_kind_where_they_are_made(tmp_path):
    (tmp_path / "counts").mkdir()
    counts = Counts(tmp_path / "counts" / "redact-0.json")
    found: list[dict[str, int]] = [{"key": 1, "email": n} for n in range(3)]
    documents = [Document(offset=n, index=0, kind="file", parts=[], redactions=r) for n, r in enumerate(found)]
    frame = Frame(source=Source(TOPIC_ID, "files", 0), start=0, upto=3, tallies=[], documents=documents)
    counts.add(Outcome(frame), 0.0)
    counts.write()
    stage = _stage("redact", [], tmp_path)
    assert stage.redacted == {"key": 3, "email": 3}
    (tmp_path / "counts" / "redact-0.json").rename(tmp_path / "counts" / "prepare-0.json")
    assert _stage("prepare", [], tmp_path).redacted == {}


def test_lag_is_never_negative_and_follows_the_topics_of_the_stage():
    ends = {("clean", 0): 5, ("clean", 1): 2, ("unique", 0): 9}
    rows = lags(["clean"], {("clean", 0): 3, ("clean", 1): 4}, ends)
    assert [(lag.partition, lag.lag) for lag in rows] == [(0, 2), (1, 0)]


@pytest.mark.broker
def test_caught_up_when_every_stage_has_committed_the_end(connection, tmp_path):
    assert caught_up(connection)
    with Crew(connection, tmp_path) as crew:
        crew.produce("files", [files([python(1)])])
        assert not caught_up(connection)
        result = json.loads(crew.run("status", "--json").stdout)
    assert {stage["name"]: stage["lag"] for stage in result["stages"]} == dict.fromkeys(STAGE, 0) | {"prepare": 1}
    assert result["trainer"] is None
    connection.commit(connection.group("prepare"), {("files", 0): 1})
    assert caught_up(connection)


@pytest.mark.broker
def test_without_topics_it_says_how_to_make_them(bare_connection):
    from midstream.status.overview import collect
    from streams.kafka.topics import TopicsError

    kafka = {"brokers": bare_connection.brokers, "prefix": bare_connection.prefix}
    with pytest.raises(TopicsError, match="midstream topics create"):
        collect(from_mapping(Settings, {"kafka": kafka}, "test"))


def test_an_error_is_named_until_the_program_has_done_something_since(tmp_path):
    errors = Errors(tmp_path, "m.")
    errors.note("worker pack", Gap("offsets 3 to 5 are missing"), "clean/0/7")
    errors.note("train", KeyError("a user's text"))
    stages = [_stage("pack", [], tmp_path)]
    assert failing(errors, stages, trained_at=0.0) == [
        "train ended with an error and has done nothing since: KeyError",
        "worker pack ended with an error at clean/0/7 and has done nothing since: Gap: offsets 3 to 5 are missing",
    ]
    write_counts(tmp_path, "pack", time=time.time() + 1)
    assert failing(errors, [_stage("pack", [], tmp_path)], trained_at=time.time() + 1) == []
    with errors.noted("train"):
        pass
    assert [e.program for e in errors.read()] == ["worker pack"]


def test_a_trainer_that_cannot_write_has_not_ended(tmp_path):
    errors = Errors(tmp_path, "m.")
    errors.note("train", Retried("No space left on device; step-00000008 is the last good one"))
    assert failing(errors, [], trained_at=0.0) == [
        "train cannot write a checkpoint, goes on and tries again: No space left on device; step-00000008 is the last "
        "good one"
    ]


@pytest.mark.parametrize(("lag", "named"), [(0, []), (1, ["worker pack"])])
def test_an_error_of_a_worker_that_runs_again_is_named_only_while_something_waits(tmp_path, lag, named):
    errors = Errors(tmp_path, "m.")
    errors.note("worker pack", Gap("missing"))
    write_counts(tmp_path, "pack", time=time.time() - 60, alive=time.time() + 1)
    waiting = [Lag("clean", 0, 0, lag, lag)]
    assert [need.partition(" ended")[0] for need in failing(errors, [_stage("pack", waiting, tmp_path)], 0.0)] == named


def test_a_worker_with_nothing_to_do_gives_a_sign_of_life_and_no_new_time(tmp_path):
    write_counts(tmp_path, "pack", frames=3, time=5.5)
    before = time.time()
    Counts(tmp_path / "counts" / "pack-0.json").report()
    stage = _stage("pack", [], tmp_path)
    assert (stage.frames, stage.active_at) == (3, 5.5)
    assert stage.alive_at >= before


def test_errors_of_another_prefix_are_not_named(tmp_path):
    Errors(tmp_path, "a.").note("train", KeyError())
    assert Errors(tmp_path, "b.").read() == []
    Errors(tmp_path, "b.").note("train", ValueError())
    assert [e.error for e in Errors(tmp_path, "a.").read()] == ["KeyError"]


def test_that_nobody_reads_what_train_prints_is_no_error(tmp_path):
    errors = Errors(tmp_path, "m.")
    with pytest.raises(BrokenPipeError), errors.noted("train"):
        raise BrokenPipeError
    assert errors.read() == []


def test_a_repository_that_cannot_be_read_is_named_with_the_log_until_it_is_read_or_left(tmp_path):
    errors, path = Errors(tmp_path, "m."), tmp_path / "gone"
    errors.unread(path, "is not a git repository")
    assert failing(errors, [], 0.0) == [f"{path} is not read, and tried again: is not a git repository."]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/ingest.log").touch()
    assert failing(errors, [], 0.0)[0].endswith(f"The log is {tmp_path}/logs/ingest.log.")
    (file,) = (tmp_path / "errors").iterdir()
    file.write_text(json.dumps(json.loads(file.read_text()) | {"time": time.time() - 700}))
    assert failing(errors, [], 0.0) == []  # whoever followed it is gone
    errors.unread(path, "again")
    errors.unread(path, "")
    assert errors.read() == []


@pytest.mark.broker
def test_what_retention_deleted_before_it_was_read_is_named_first_with_the_way_on(connection, tmp_path):
    with Crew(connection, tmp_path) as crew:
        crew.produce("files", [files([python(n)]) for n in range(3)])
        with connection.admin() as admin:
            admin.delete_records({TopicPartition(connection.topic("files"), 0): 2})
        result = crew.run("status")
    assert result.exit_code == 1
    said = " ".join(result.stdout.split())
    assert said.startswith("prepare: files/0 offsets 0 to 1 were deleted by retention before they were read.")
    assert "midstream repair" in said


def test_the_rate_of_a_worker_that_is_gone_is_none(tmp_path):
    (tmp_path / "counts").mkdir()
    for slot, age in ((0, 3600), (1, 0)):
        text = json.dumps({"documents_per_s": 4.5, "time": time.time() - age})
        (tmp_path / "counts" / f"pack-{slot}.json").write_text(text)
    assert _stage("pack", [], tmp_path).documents_per_s == 4.5


@pytest.mark.broker
@pytest.mark.slow
def test_a_gap_that_nothing_follows_is_named_and_repaired(connection, tmp_path):
    """An operator sets prepare to the end: every lag is 0, and yet two records never reach dedup."""
    with Crew(connection, tmp_path / "state") as crew:
        crew.produce("files", [files([python(1)]), files([python(2)])])
        assert crew.run("status").exit_code == 0
        connection.commit(connection.group("prepare"), {("files", 0): 2})
        result = crew.run("status")
        assert result.exit_code == 1 and "files/0: offsets 0 to 1 never reached dedup" in " ".join(
            result.stdout.split()
        )
        dry = crew.run("repair", "--dry-run")
        assert dry.exit_code == 1 and "prepare begins again at files/0 0" in dry.stdout
        assert crew.run("repair").exit_code == 0
        assert crew.run("repair").stdout == "Nothing is missing.\n"
        crew.start()
        crew.drain()
        assert crew.run("status").exit_code == 0
        crew.stop()
        assert len(crew.train().trained) == 2
