"""`midstream up` as a user runs it: everything on a small repository, until Ctrl-C ends all of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from midstream.cli import main
from midstream.commands.up import _once_free, _repositories, programs
from midstream.kafka.broker import Broker
from midstream.settings import LOCAL, Settings, cache_home, load
from midstream.status.overview import collect
from midstream.status.watch import line
from streams.kafka.connection import Connection, GroupInUse
from streams.kafka.topics import create
from tests.support.programs.crew import python
from tests.support.programs.ports import free_port

NAMES = ["ingest", "prepare", "dedup", "redact", "pack", "tokenizer", "train"]


def configured(folder: Path, repository: Path) -> Settings:
    """A small model, quick checkpoints, a broker of its own."""
    path = folder / "midstream.toml"
    path.write_text(
        f'[kafka]\nbrokers = "127.0.0.1:{free_port()}"\npartitions = 2\n[paths]\nstate = "{folder / "state"}"\n'
        f"[model]\ncontext = 128\nwidth = 32\nlayers = 1\nheads = 2\nvocab = 400\n[feed]\nrows = 2\n"
        f'[train]\ncheckpoint_every_s = 2.0\n[serve]\nlisten = "127.0.0.1:{free_port()}"\n'
        f'[up]\ngit = ["{repository}"]\nsample_bytes = 4000\n'
    )
    return load(path)


def test_the_programs_are_data(tmp_path):
    settings = configured(tmp_path, tmp_path)
    program_list = programs(settings, ["--prefix", "x."], [tmp_path])
    assert [program.name for program in program_list] == NAMES
    assert all(program.argv[-2:] == ("--prefix", "x.") for program in program_list)
    assert [program.name for program in program_list if program.once] == ["tokenizer"]
    settings.paths.state.mkdir()
    (settings.paths.state / "tokenizer.json").write_text("{}")
    assert "tokenizer" not in [program.name for program in programs(settings, [], [tmp_path])]
    assert settings.kafka.brokers.split(":")[0] in LOCAL


def test_without_a_source_it_says_what_to_give(tmp_path):
    result = subprocess.run([sys.executable, "-m", "midstream", "up"], capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 2
    assert "give --git PATH, or [up] git in midstream.toml" in result.stderr


def test_a_folder_that_is_no_repository_is_refused_at_once(tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "midstream.toml").write_text(
        f'[paths]\nstate = "{tmp_path / "state"}"\n[up]\ngit = ["{tmp_path}/gone"]\n'
    )
    command = [sys.executable, "-m", "midstream", "up", "--git", "plain"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert result.returncode == 1
    for name in ("plain", "gone"):
        assert str(tmp_path / name) in result.stderr.partition("git cannot read what is to be followed:")[2]
    assert "Traceback" not in result.stderr and not (tmp_path / "state/broker").exists()


def test_what_the_server_cannot_use_is_said_before_anything_starts(tmp_path, git_folder):
    git_folder.commit("Add a file", {"a.py": "x = 1\n"})
    for setting, why in (
        (f'tokens = "{tmp_path}/none"', r"\[serve\]: .*none: No such file"),
        ('certificate = "c.pem"\nkey = "k.pem"', r"\[serve\]: c.pem: No such file"),
    ):
        (tmp_path / "midstream.toml").write_text(f'[paths]\nstate = "{tmp_path}/state"\n[serve]\n{setting}\n')
        words = ["up", "--config", str(tmp_path / "midstream.toml"), "--git", str(git_folder.path)]
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 1 and re.search(why, result.output), result.output
    assert not (tmp_path / "state").exists()


def test_one_that_cannot_be_read_is_named_and_the_others_are_followed(tmp_path, git_folder, capsys):
    paths = [git_folder.path, tmp_path / "gone"]
    assert _repositories(tuple(paths)) == paths
    assert "not read, and tried again" in capsys.readouterr().err
    tokenizer = next(p for p in programs(configured(tmp_path, git_folder.path), [], paths) if p.name == "tokenizer")
    assert str(paths[0]) in tokenizer.argv and str(paths[1]) not in tokenizer.argv


def test_members_of_a_killed_run_are_waited_for_and_said_once(capsys):
    left = [GroupInUse("group g has members: stop the workers first")] * 2

    def look() -> str:
        if left:
            raise left.pop()
        return "free"

    assert _once_free(look, lambda: False) == "free"
    assert capsys.readouterr().out.count("waiting") == 1
    left.append(GroupInUse("g"))
    with pytest.raises(GroupInUse):
        _once_free(look, lambda: True)  # told to end


@pytest.mark.broker
def test_what_is_missing_first_is_said_first(bare_connection, tmp_path):
    def said(*command: str, brokers: str = bare_connection.brokers) -> str:
        config = tmp_path / "midstream.toml"
        config.write_text(
            f'[kafka]\nbrokers = "{brokers}"\nprefix = "{bare_connection.prefix}"\n[paths]\nstate = "{tmp_path}"\n'
        )
        result = CliRunner().invoke(main, [*command, "--config", str(config)])
        assert result.exit_code == 1
        return result.stderr

    for command in (("audit",), ("peek", "files")):
        assert "No Kafka broker answers" in said(*command, brokers="127.0.0.1:1")
        assert f"No topics under '{bare_connection.prefix}' yet. Make them with `midstream topics create`" in said(
            *command
        )
    create(bare_connection, 1)
    assert "There is no checkpoint" in said("audit")
    assert "There is no topic 'file' under" in said("peek", "file")


def test_a_line_without_a_broker():
    assert line(None, None, None, {"broker": 1}) == "no broker answers"


def wait(true: Callable[[], object], process: subprocess.Popen[str], logs: Path, seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        tails = {path.name: path.read_text()[-400:] for path in logs.glob("*.log")}
        assert process.poll() is None, tails
        assert time.monotonic() < deadline, tails
        time.sleep(0.5)


@pytest.mark.broker
@pytest.mark.slow
def test_commits_are_trained_on_and_one_ctrl_c_ends_everything(tmp_path, git_folder):
    for n in range(12):
        git_folder.commit(f"Add the functions of part {n}", {f"part{n}.py": python(n * 10, lines=8)})
    settings = configured(tmp_path, git_folder.path)
    command = [sys.executable, "-m", "midstream", "up", "--config", str(tmp_path / "midstream.toml")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path)
    logs = settings.paths.state / "logs"
    try:
        wait(lambda: "ready: step-" in text(logs / "serve.log"), process, logs)
        status = collect(settings)
        os.kill(children(process.pid)["prepare"], signal.SIGKILL)
        wait(lambda: "ended with -9; starts again" in text(logs / "prepare.log"), process, logs)
        wait(lambda: "prepare" in children(process.pid), process, logs)
        pids = children(process.pid)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=90)
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert set(pids) >= {"ingest", "prepare", "dedup", "redact", "pack", "train", "serve", "broker"}
    assert not [name for name, pid in pids.items() if Path(f"/proc/{pid}").exists()]
    assert Broker(settings.paths.state, cache_home()).status() is None
    assert not Connection(settings.kafka.brokers).ready()
    assert status.trainer is not None
    assert status.trainer.conserved


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def children(pid: int) -> dict[str, int]:
    """The supervisor's programs by what they run."""
    counts: dict[str, int] = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_bytes().decode().split("\0")
        if "midstream" in words:
            what = words[words.index("midstream") + 1 :]
            counts[what[1] if what[0] == "worker" else what[0]] = int(child)
    return counts
