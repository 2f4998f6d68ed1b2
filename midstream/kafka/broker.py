"""A single-node Apache Kafka 4 in KRaft mode under a state folder: format once, start, wait, stop."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from midstream.kafka.jars import KAFKA_VERSION, Progress, ensure, find_java

DEFAULT_PORT = 29092
READY_SECONDS = 60.0
STOP_SECONDS, KILL_SECONDS = 20.0, 5.0
"""From SIGTERM to SIGKILL, and from there to giving up; whoever ends `broker run` waits longer than both."""
LOG_LINES = 12
PR_SET_PDEATHSIG = 1
BOUND = (
    sys.executable, "-S", "-E", "-c",
    f"import ctypes, os, sys; ctypes.CDLL(None).prctl({PR_SET_PDEATHSIG}, {int(signal.SIGKILL)}); "
    "os.execv(sys.argv[1], sys.argv[1:])",
)  # fmt: skip
"""Runs a command that the kernel kills when the thread that started it ends."""
LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss",
)

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
message.max.bytes=33554432
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.retention.minutes=5256000
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.cleaner.dedupe.buffer.size=4194304
"""


class BrokerError(Exception):
    """The broker could not be started or stopped; the message says what to do."""


class Running(msgspec.Struct, frozen=True):
    """What broker.json holds while a broker is up."""

    pid: int
    port: int
    started: float
    """Seconds since 1970."""

    @property
    def brokers(self) -> str:
        return f"127.0.0.1:{self.port}"


@dataclass(frozen=True)
class Started:
    """What a start came to."""

    running: Running
    seconds: float
    """From the checked jars to the first answer; 0 when it ran already."""
    fresh: bool
    """Whether this call started it."""


@dataclass(frozen=True)
class Broker:
    """The broker of one state folder; the folder says whether it runs."""

    state: Path
    cache: Path

    @property
    def folder(self) -> Path:
        return self.state / "kafka"

    @property
    def log(self) -> Path:
        return self.folder / "broker.log"

    def status(self) -> Running | None:
        """The live broker process of this folder, or None."""
        try:
            running = msgspec.json.decode((self.folder / "broker.json").read_bytes(), type=Running)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return running if _is_ours(running.pid, self.folder) else None

    def start(
        self, port: int = DEFAULT_PORT, progress: Progress = lambda done, total: None, bound: bool = False
    ) -> Started:
        """Returns when the broker answers; a broker that already runs is left as it is.

        `bound`: the broker dies with the calling thread, however that ends. Raises BrokerError and
        midstream.kafka.jars.JarsError.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._locked():
            running = self.status()
            if running and running.port != port:
                raise BrokerError(
                    f"The broker of {self.folder} already runs on port {running.port}, not {port}. "
                    f"Stop it first (`midstream broker stop`), or use another state folder."
                )
            if running:
                self._await_answer(running, None)
                return Started(running, 0.0, False)
            return self._start(port, progress, bound)

    def stop(self) -> bool:
        """SIGTERM, then SIGKILL. False when none ran."""
        if not self.folder.exists():
            return False
        with self._locked():
            running = self.status()
            if running:
                _end(running.pid)
            (self.folder / "broker.json").unlink(missing_ok=True)
        return running is not None

    def _start(self, port: int, progress: Progress, bound: bool) -> Started:
        java, jars = find_java(), ensure(self.cache / "jars", progress=progress)
        begun = time.monotonic()
        _refuse_taken(port)
        properties = self._write_properties(port)
        command = [str(java), "-cp", os.pathsep.join(map(str, jars))]
        self._format(command, properties)
        process = self._spawn([*(BOUND if bound else ()), *command], properties)
        running = Running(process.pid, port, time.time())
        try:
            self._await_answer(running, process)
        except BaseException:
            _end(process.pid)
            process.wait()
            raise
        process.returncode = 0  # detached: it outlives this program, which therefore never waits for it
        (self.folder / "broker.json").write_bytes(msgspec.json.encode(running))
        return Started(running, time.monotonic() - begun, True)

    def _write_properties(self, port: int) -> Path:
        path = self.folder / "server.properties"
        text = PROPERTIES.format(port=port, controller=_free_port(), data=self.folder / "data")
        path.write_text(text, encoding="utf-8")
        return path

    def _format(self, command: list[str], properties: Path) -> None:
        version = self.folder / "version"
        if version.exists():
            version_text = version.read_text(encoding="utf-8").strip()
            if version_text != KAFKA_VERSION:
                raise BrokerError(
                    f"{self.folder} holds data of Kafka {version_text}; this is {KAFKA_VERSION}. Move the folder away "
                    f"to begin anew, or use the Midstream that made it."
                )
            return
        options = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format"]
        process = subprocess.run(
            [*command, *options, "--ignore-formatted", "-t", _cluster_id(), "-c", str(properties)],
            capture_output=True,
            text=True,
        )
        if process.returncode:
            raise BrokerError(f"Kafka could not format {self.folder}:\n{_tail(process.stdout + process.stderr)}")
        version.write_text(KAFKA_VERSION + "\n", encoding="utf-8")

    def _spawn(self, command: list[str], properties: Path) -> subprocess.Popen[bytes]:
        options = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", *LOGGING]
        if self.log.exists():
            self.log.replace(self.log.with_name(self.log.name + ".1"))  # why the last one ended
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [*command, *options, f"-Dmidstream={self.folder}", "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,  # a Ctrl-C in the shell that started it is not meant for it
            )

    def _await_answer(self, running: Running, process: subprocess.Popen[bytes] | None) -> None:
        from streams.kafka.connection import Connection

        connection = Connection(brokers=running.brokers)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if (process.poll() is not None) if process else not _is_ours(running.pid, self.folder):
                raise BrokerError(f"The broker died while starting. The end of {self.log}:\n{self._log_tail()}")
            if _is_open(running.port) and connection.ready():
                return
            time.sleep(0.05)
        raise BrokerError(
            f"The broker did not answer within {READY_SECONDS:.0f} s. The end of {self.log}:\n{self._log_tail()}"
        )

    def _log_tail(self) -> str:
        return _tail(self.log.read_text(encoding="utf-8", errors="replace"))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One start or stop at a time; a second one waits."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _cluster_id() -> str:
    while (name := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass  # the tool would take it for an option
    return name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Kafka does: TIME_WAIT is no obstacle
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BrokerError(
                f"Port {port} is taken by another program. Choose one with `midstream broker start --port N`, "
                f"or use what listens there with --brokers 127.0.0.1:{port}."
            ) from error


def _is_ours(pid: int, folder: Path) -> bool:
    """Whether the process lives and is the broker of this folder: a pid may have been given to another since."""
    try:
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        return f"-Dmidstream={folder}".encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _end(pid: int) -> None:
    for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _is_gone(pid, patience):
            return


def _is_gone(pid: int, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not Path(f"/proc/{pid}").exists():
            return True
        time.sleep(0.02)
    return False


def _tail(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-LOG_LINES:])
