"""What several test files share: one real broker a session, a fresh set of topics a test, small git repositories."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import hypothesis
import pytest

from server.device import cards
from tests.support.editors.neovim import neovim_012
from tests.support.editors.vim import vim
from tests.support.models import llamacpp
from tests.support.programs.ports import free_port

hypothesis.settings.register_profile("midstream", deadline=None)  # no test depends on speed
hypothesis.settings.load_profile("midstream")

PARTITIONS = 2
NEEDED: dict[str, tuple[bool, str]] = {
    "neovim": (shutil.which("nvim") is not None, "nvim is not on PATH"),
    "neovim012": (
        neovim_012() is not None,
        "MIDSTREAM_NEOVIM_012 names no program, and .ci/neovim-012 has unpacked none",
    ),
    "vim": (vim() is not None, "no Vim with channels, patch 9.0.908 or later, is on PATH"),
    "llamacpp": (llamacpp.is_possible(), "node and npm are not here, or no llama.cpp is built for this system"),
    "cuda": (cards() > 0, "no card of NVIDIA's is found"),
    "seed_files": ("MIDSTREAM_SEED_TOKENIZERS" in os.environ, "MIDSTREAM_SEED_TOKENIZERS names no folder"),
}
"""Marker to whether this machine has what its tests need, and the word about it when it has not."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What this machine cannot run is deselected."""
    for marker, (here, _) in NEEDED.items():
        lacking = [] if here else [item for item in items if item.get_closest_marker(marker)]
        if lacking:
            items[:] = [item for item in items if item not in lacking]
            config.hook.pytest_deselected(items=lacking)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was deselected: the test processes' own words are not shown."""
    for marker, (here, word) in NEEDED.items():
        if not here:
            terminalreporter.line(f"{word}: the {marker} tests are deselected")


@pytest.fixture
def hangup() -> Iterator[None]:
    """SIGHUP as a terminal's programs have it, also where the tests run under nohup: what starts now inherits it."""
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, former)


@pytest.fixture(autouse=True)
def no_client_is_left() -> Iterator[None]:
    """Every Kafka client is closed by the test, or the product's path, that opened it: none leaves a thread."""
    before = set(threading.enumerate())
    yield
    left = [thread for thread in threading.enumerate() if thread not in before and thread.name.startswith("kafka")]
    for thread in left:
        thread.join(10)  # a closed producer that has lost its broker takes a moment
    assert not any(thread.is_alive() for thread in left), f"Kafka clients that were not closed: {left}"


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of a real Apache Kafka of this session; its jars are in the user's cache."""
    from midstream.kafka.broker import Broker
    from midstream.settings import cache_home

    kafka = Broker(tmp_path_factory.mktemp("broker"), cache_home())
    try:
        yield kafka.start(free_port()).running.brokers
    finally:
        kafka.stop()


@pytest.fixture
def bare_connection(broker: str):
    """A connection with a prefix of its own and no topics."""
    from streams.kafka.connection import Connection

    return Connection(brokers=broker, prefix=f"t{secrets.token_hex(4)}.")


@pytest.fixture
def connection(bare_connection):
    """A connection with a prefix of its own and all topics, two partitions each."""
    from streams.kafka.topics import create

    create(bare_connection, PARTITIONS)
    return bare_connection


@pytest.fixture
def read_all(connection) -> Callable[[str], list]:
    """Every record of a topic, by partition and offset, as kafka-python gives them."""

    def read(name: str) -> list:
        ends = {key: end for key, end in connection.end_offsets([name]).items() if end}
        consumer = connection.consumer(dict.fromkeys(ends, 0)) if ends else None
        records: list = []
        while consumer and len(records) < sum(ends.values()):
            records += [record for batch in consumer.poll(timeout_ms=500).values() for record in batch]
        if consumer:
            consumer.close()
        return sorted(records, key=lambda record: (record.partition, record.offset))

    return read


@dataclass(frozen=True)
class GitFolder:
    """A repository that a test writes: deterministic author and dates."""

    path: Path

    def git(self, *arguments: str) -> str:
        who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in WHO.items()}
        environment = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        return subprocess.run(
            ["git", "-C", str(self.path), *arguments], check=True, capture_output=True, text=True, env=environment
        ).stdout.strip()

    def write(self, files: dict[str, str | bytes | None]) -> None:
        """Writes the files; None deletes one."""
        for name, content in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                target.unlink()
            else:
                target.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str, files: dict[str, str | bytes | None]) -> str:
        """Commits the files and returns the commit's id."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


WHO = {"NAME": "A Tester", "EMAIL": "tester@example.org", "DATE": "2026-01-02T03:04:05+00:00"}


@pytest.fixture
def git_folder(tmp_path: Path) -> GitFolder:
    folder = GitFolder(tmp_path / "repository")
    folder.path.mkdir()
    folder.git("init", "--quiet", "--initial-branch=main")
    return folder


@pytest.fixture
def midstream(connection, tmp_path):
    """Starts a command on this test's topics with a state folder of its own."""
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONUNBUFFERED": "1"}

    def start(*arguments: object, stdin: IO[bytes] | None = None) -> subprocess.Popen[str]:
        where = ["--brokers", connection.brokers, "--prefix", connection.prefix]
        command = [sys.executable, "-m", "midstream", *map(str, arguments), *where]
        return subprocess.Popen(
            command, env=environment, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            cwd=tmp_path,
        )  # fmt: skip

    return start
