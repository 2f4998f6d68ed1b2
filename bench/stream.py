"""The speed of the path: the same documents through the stage functions in memory, and through Kafka and Faust.

Both figures are megabytes of source text a second of CPU time: of this process in memory, of the four
worker processes (utime and stime of all their threads) on the path. The broker, the producer, start-up
and the first, compiling pass are left out. The last line is one JSON object.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from itertools import pairwise
from pathlib import Path

import xxhash
from machine import machine

from midstream.kafka.broker import Broker
from midstream.settings import Settings, cache_home, load
from midstream.stages import packer
from midstream.status import caught_up
from model.tokens import tokenizer as bpe
from streams.document import Source
from streams.event import Files, Repository, SourceFile, encode
from streams.index.index import Index
from streams.kafka.connection import Connection
from streams.kafka.topics import create
from streams.pipeline import Pack, Prepare, Record, Redact
from streams.sources.files import pack as pack_files
from streams.stages import STAGE

DOCUMENTS = 2400
WARM_UP = 200
"""Documents of the first pass, which nobody times."""
PARTITIONS = 4
VOCAB = 8192
SAMPLE_BYTES = 3_000_000
LARGEST = 200_000
PERMISSIVE = ("mit", "bsd", "apache", "psf", "isc")
STAGES = tuple(STAGE)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Batch:
    """Records of the topic `files` by partition, and what they hold."""

    records: list[list[bytes]]
    documents: int
    bytes: int
    """UTF-8 bytes of the files' text."""


def main() -> None:
    chosen = sorted(texts(), key=lambda f: xxhash.xxh3_64_intdigest(f[1].path.encode()))[: DOCUMENTS + WARM_UP]
    warm, timed = batch(chosen[:WARM_UP]), batch(chosen[WARM_UP:])
    with tempfile.TemporaryDirectory() as folder:
        settings = configure(Path(folder), free_port())
        learn(settings, chosen)
        say(f"{timed.documents} documents, {timed.bytes / 1e6:.1f} MB")
        memory = in_memory(settings, warm, timed)
        say(f"in memory {sum(memory.values()):.1f} s of CPU: {rounded(memory)}")
        path = on_the_path(settings, Path(folder), warm, timed)
        say(f"on the path {sum(path.values()):.1f} s of CPU: {rounded(path)}")
    print(json.dumps(report(timed, memory, path)))


def report(timed: Batch, memory: dict[str, float], path: dict[str, float]) -> dict[str, object]:
    size = timed.bytes / 1e6
    mb_s, memory_mb_s = size / sum(path.values()), size / sum(memory.values())
    return {
        "documents": timed.documents, "mb": round(size, 2), "mb_s": round(mb_s, 3),
        "memory_mb_s": round(memory_mb_s, 3), "ratio": round(mb_s / memory_mb_s, 3),
        "stages": {
            s: {"cpu_s": round(path[s], 2), "memory_cpu_s": round(memory[s], 2), "mb_s": round(size / path[s], 2)}
            for s in STAGES
        },
        "machine": machine(),
    }  # fmt: skip


def texts() -> Iterator[tuple[str, SourceFile]]:
    """(package, file) of every text file of the permissively licensed packages that are installed here."""
    for package in distributions():
        if not any(name in licence(package).lower() for name in PERMISSIVE):
            continue
        for file in package.files or ():
            if file.suffix in (".py", ".md", ".pyi", ".c", ".h", ".js", ".ts", ".rst"):
                text = read(Path(str(package.locate_file(file))))
                if text:
                    yield package.name, SourceFile(path=str(file), text=text)


def licence(package: Distribution) -> str:
    told = package.metadata
    classified = [c for c in told.get_all("Classifier") or [] if c.startswith("License")]
    return " ".join([told.get("License-Expression") or "", (told.get("License") or "")[:40], *classified])


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8") if 0 < path.stat().st_size < LARGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""


def batch(files: list[tuple[str, SourceFile]]) -> Batch:
    """As `midstream ingest files` would send them: a package is a repository and stays in its partition."""
    by_package: dict[str, list[SourceFile]] = {}
    for package, file in files:
        by_package.setdefault(package, []).append(file)
    records: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    for package, found in by_package.items():
        events: Iterator[Files] = pack_files(Repository(name=package, licence="MIT"), found)
        lane = min(records, key=lambda lane: sum(map(len, lane)))
        lane += [encode(event) for event in events]
    return Batch(records, len(files), sum(len(f.text.encode()) for _, f in files))


def configure(folder: Path, port: int) -> Settings:
    path = folder / "midstream.toml"
    path.write_text(f'[kafka]\nbrokers = "127.0.0.1:{port}"\npartitions = {PARTITIONS}\n[paths]\nstate = "{folder}"\n')
    return load(path)


def learn(settings: Settings, chosen: list[tuple[str, SourceFile]]) -> None:
    sample, size = [], 0
    for _, file in chosen:
        sample.append(file.text)
        size += len(file.text)
        if size > SAMPLE_BYTES:
            break
    assert settings.paths.tokenizer is not None
    bpe.train(sample, VOCAB).save(settings.paths.tokenizer)


def in_memory(settings: Settings, warm: Batch, timed: Batch) -> dict[str, float]:
    """CPU seconds of each stage's function, one partition after the other, every Frame in turn."""
    sources = [Source("files", "0" * 32, p) for p in range(PARTITIONS)]
    index = Index(settings.index, {s.key: 0 for s in sources})
    stages = Prepare(settings.recipe), Redact(), Pack(packer(settings))
    offsets = [0] * PARTITIONS
    for part in (warm, timed):
        spent = dict.fromkeys(STAGES, 0.0)
        for source in sources:
            values = part.records[source.partition]
            start = offsets[source.partition]
            records = [Record(start + i, b"", value, {}) for i, value in enumerate(values)]
            pass_through(stages, index, source, start, records, spent)
            offsets[source.partition] += len(values)
    return spent


def pass_through(
    stages: tuple[Prepare, Redact, Pack], index: Index, source: Source, start: int, records: list[Record],
    spent: dict[str, float],
) -> None:  # fmt: skip
    prepare, redact, pack = stages
    began = time.process_time()
    outcomes = list(prepare(source, start, records))
    spent["prepare"] += time.process_time() - began
    for number, outcome in enumerate(outcomes):
        times = [time.process_time()]
        frame = index.judge(outcome.frame, number).frame
        assert frame is not None
        times.append(time.process_time())
        frame = redact(frame).frame
        times.append(time.process_time())
        pack(frame)
        times.append(time.process_time())
        for stage, (one, other) in zip(STAGES[1:], pairwise(times), strict=True):
            spent[stage] += other - one


def on_the_path(settings: Settings, folder: Path, warm: Batch, timed: Batch) -> dict[str, float]:
    """CPU seconds of each worker process between the end of the warm-up and the end of all."""
    connection = settings.connection()
    broker = Broker(folder, cache_home())
    broker.start(int(settings.kafka.brokers.rpartition(":")[2]))
    workers: dict[str, subprocess.Popen[bytes]] = {}
    try:
        create(connection, PARTITIONS)
        workers = {stage: worker(stage, folder) for stage in STAGES}
        produce(connection, warm)
        drained(connection)
        before = {stage: cpu_s(process.pid) for stage, process in workers.items()}
        began = time.monotonic()
        produce(connection, timed)
        drained(connection)
        say(f"{time.monotonic() - began:.1f} s on the clock")
        return {stage: cpu_s(process.pid) - before[stage] for stage, process in workers.items()}
    finally:
        for process in workers.values():
            process.terminate()
        for process in workers.values():
            process.wait()
        broker.stop()


def worker(stage: str, folder: Path) -> subprocess.Popen[bytes]:
    prefix = os.environ.get("BENCH_PYTHON", sys.executable).format(stage=stage).split()
    with (folder / f"{stage}.log").open("wb") as log:
        command = [*prefix, "-m", "midstream", "worker", stage, "--config", str(folder / "midstream.toml")]
        return subprocess.Popen(command, stdout=log, stderr=log)


def produce(connection: Connection, part: Batch) -> None:
    with connection.producer() as producer:
        sent = [
            producer.send(connection.topic("files"), value=value, partition=p)
            for p, values in enumerate(part.records)
            for value in values
        ]
        for future in sent:
            future.get(timeout=60)


def drained(connection: Connection) -> None:
    while not caught_up(connection):
        time.sleep(0.5)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def rounded(spent: dict[str, float]) -> str:
    return ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in spent.items())


def say(what: str) -> None:
    print(what, flush=True)


if __name__ == "__main__":
    main()
