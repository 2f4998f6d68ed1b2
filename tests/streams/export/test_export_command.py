"""The command on a real broker: killed and resumed, stopped, with removals; and one sentence for what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from kafka import TopicPartition

from midstream.cli import main
from midstream.commands.deadletters import deliver
from streams import frame as frames
from streams.deadletters import removal
from streams.document import Document, Part, Source
from streams.frame import Frame, Tally
from streams.kafka.connection import Connection
from streams.kafka.log import read
from streams.kafka.topics import create
from tests.support.programs.crew import Crew, files, python
from tests.support.programs.ports import free_port

STAGES = ("prepare", "dedup", "redact")
PATIENCE_S = 120


def sentence(*arguments: str) -> str:
    """What the command says when it is refused."""
    done = CliRunner().invoke(main, ["export", *arguments])
    assert done.exit_code in (1, 2) and not isinstance(done.exception, AssertionError), done.exception
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


def test_what_goes_wrong_is_one_sentence(tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    assert "'csv' is not one of 'parquet', 'jsonl', 'megatron', 'mds'" in sentence("--to", "csv", "--out", out)
    nobody = ["--brokers", f"127.0.0.1:{free_port()}"]
    assert "No Kafka broker answers" in sentence("--to", "jsonl", "--out", out, *nobody)
    assert "--compress is for --to jsonl" in sentence("--to", "mds", "--out", out, "--compress", "zstd")
    config = tmp_path / "midstream.toml"
    config.write_text(f'[paths]\ntokenizer = "{tmp_path}/none.json"\n')
    told = sentence("--to", "megatron", "--out", out, "--config", str(config))
    assert "none.json: No such file or directory. Token ids need a tokenizer" in told
    (tmp_path / "none.json").write_text("{}")
    assert "is not a tokenizer.json" in sentence("--to", "megatron", "--out", out, "--config", str(config))
    assert not (tmp_path / "out").exists()


class Run(Crew):
    """A crew without pack: what is exported has not been packed."""

    def begin(self, layout: str, out: Path, *more: str) -> subprocess.Popen[str]:
        command = ["export", "--to", layout, "--out", str(out), "--shard-mb", "1", "--config", str(self.config), *more]
        return subprocess.Popen(
            [sys.executable, "-m", "midstream", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""},
        )  # fmt: skip

    def finish(self, process: subprocess.Popen[str]) -> str:
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        return out

    def clean(self, count: int) -> list[str]:
        """Origins of what `clean` holds, once it is `count` documents from source to topic."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            clean_frames = [
                str(d.origin(f.source))
                for p in range(2)
                for logged in read(self.connection, "clean", p)
                for f in [frames.decode(logged.value or b"")]
                for d in f.documents
            ]
            if len(clean_frames) >= count:
                return clean_frames
            assert time.monotonic() < deadline, (len(clean_frames), {s: self.log(s)[-500:] for s in STAGES})
            time.sleep(0.5)


@pytest.fixture(scope="module")
def run(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Forty documents of a tenth of a million characters through the real stages, in both partitions."""
    connection = Connection(brokers=broker, prefix="export.")
    create(connection, 2)
    with Run(connection, tmp_path_factory.mktemp("export")) as crew:
        crew.start(*STAGES)
        for n in range(20):
            crew.produce("files", [files([python(1000 * n + i, 2200) for i in range(2)], f"e{n}")], n % 2)
        crew.clean(40)
        crew.stop()
        yield crew


def exported(out: Path) -> list[str]:
    lines = [line for path in sorted(out.glob("shard-*")) for line in path.read_bytes().splitlines()]
    return [json.loads(line)["origin"] for line in lines]


def progress(out: Path) -> bytes:
    state = out / "export.json"
    return state.read_bytes() if state.exists() else b""


@pytest.mark.broker
@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on(run: Run, tmp_path: Path) -> None:
    clean_frames = run.clean(40)
    killed, straight = tmp_path / "killed", tmp_path / "straight"
    kills = 0
    for wait_s in (0.0, 0.03, 0.06):
        process, before = run.begin("jsonl", killed), progress(killed)
        while process.poll() is None and progress(killed) == before:
            time.sleep(0.001)
        time.sleep(wait_s)
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
    assert kills >= 1
    output = run.finish(run.begin("jsonl", killed))
    assert sorted(exported(killed)) == sorted(clean_frames)
    assert "40 documents = 40 exported" in output
    run.finish(run.begin("jsonl", straight))
    assert {p.name: p.read_bytes() for p in killed.glob("[!e]*")} == {
        p.name: p.read_bytes() for p in straight.glob("[!e]*")
    }
    assert not list(killed.glob(".*"))
    assert "+0 documents in this run" in run.finish(run.begin("jsonl", killed))


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_it_ends_cleanly_and_goes_on(run: Run, tmp_path: Path, number: signal.Signals) -> None:
    clean_frames = run.clean(40)
    process = run.begin("jsonl", tmp_path)
    while process.poll() is None and not progress(tmp_path):
        time.sleep(0.001)
    process.send_signal(number)
    output = run.finish(process)
    assert "stopped; " in output or "40 exported" in output
    assert sorted(set(exported(tmp_path))) == sorted(exported(tmp_path))
    assert not list(tmp_path.glob(".*"))
    run.finish(run.begin("jsonl", tmp_path))
    assert sorted(exported(tmp_path)) == sorted(clean_frames)


@pytest.mark.broker
@pytest.mark.slow
def test_a_discarded_origin_leaves_the_export(run: Run, tmp_path: Path) -> None:
    clean_frames = run.clean(40)
    for layout in ("parquet", "megatron", "mds"):
        assert "40 exported" in run.finish(run.begin(layout, tmp_path / layout))
    gone = min(clean_frames)
    deliver(run.connection, [removal(gone)])
    run.start(*STAGES)
    deadline = time.monotonic() + PATIENCE_S
    while not any(t.replaces for p in range(2) for f in _frames(run, p) for t in f.tallies):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    run.stop()
    for layout in ("parquet", "megatron", "mds"):
        output = run.finish(run.begin(layout, tmp_path / layout))
        assert "-1 documents in this run" in output and "39 exported" in output and "1 removed" in output
        shards = b"".join(p.read_bytes() for p in (tmp_path / layout).glob("shard-*") if p.suffix in (".mds", ".jsonl"))
        assert gone.encode() not in shards


def _frames(run: Run, partition: int) -> list[frames.Frame]:
    return [frames.decode(logged.value or b"") for logged in read(run.connection, "clean", partition)]


@pytest.mark.broker
@pytest.mark.slow
def test_a_folder_of_another_make_is_refused(run: Run, tmp_path: Path) -> None:
    run.finish(run.begin("jsonl", tmp_path / "out", "--compress", "zstd"))
    assert "+0 documents" in run.finish(run.begin("jsonl", tmp_path / "out"))
    config = ["--config", str(run.config), "--out", str(tmp_path / "out")]
    assert "layout was jsonl, is mds" in sentence("--to", "mds", *config)
    assert "compression was zstd, is gzip" in sentence("--to", "jsonl", "--compress", "gzip", *config)
    (tmp_path / "notes.txt").write_text("mine")
    assert "it is not empty" in sentence("--to", "mds", "--config", str(run.config), "--out", str(tmp_path))
    below = str(tmp_path / "notes.txt" / "out")
    assert "cannot be written to: Not a directory" in sentence(
        "--to", "mds", "--config", str(run.config), "--out", below
    )


@pytest.mark.broker
def test_what_retention_deleted_is_named(connection: Connection, tmp_path: Path) -> None:
    topic_id = connection.topic_ids(["files"])["files"]
    for offset in range(4):
        document = Document(offset=offset, index=0, kind="file", parts=[Part("text", f"x = {offset}\n")])
        frame = Frame(
            source=Source("files", topic_id, 0), start=offset, upto=offset + 1, tallies=[Tally(offset, 1)],
            documents=[document],
        )  # fmt: skip
        with connection.producer() as producer:
            producer.send(connection.topic("clean"), frames.encode(frame), partition=0).get(timeout=30)
    where = ["--out", str(tmp_path), "--brokers", connection.brokers, "--prefix", connection.prefix]
    with connection.admin() as admin:
        admin.delete_records({TopicPartition(connection.topic("clean"), 0): 2})
    told = sentence("--to", "jsonl", *where)
    assert "Deleted by retention before they were exported: clean/0: offsets 0 to 1. With --pass-gaps" in told
    done = CliRunner().invoke(main, ["export", "--to", "jsonl", "--pass-gaps", *where])
    assert done.exit_code == 0 and "2 documents = 2 exported" in done.output, done.output
    card = (tmp_path / "README.md").read_text()
    assert "- clean/0: offsets 0 to 1\n- files/0: offsets 0 to 1\n" in card
    assert exported(tmp_path) == [f"{topic_id}:0:2:0", f"{topic_id}:0:3:0"]
