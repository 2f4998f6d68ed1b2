"""The speed of the path: the same documents through the stage functions in memory, and through Kafka and Faust.

Both figures are megabytes of source text a second of CPU time: of this process in memory, of the four
worker processes (utime and stime of all their threads) on the path. In memory every Frame is encoded, compressed,
decompressed and decoded between two stages as on the path, so what differs is the shell alone: Faust, the Kafka
clients and the sockets. On the path the broker and the workers keep every core busy, and cores share caches and
pipelines; so as many passes in memory run at a time as there are cores. The memory's figure is the mean of those before
the path and those after it. The broker, the producer, start-up and the first, compiling pass are left out. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import TypeVar

from aiokafka.codec import zstd_decode, zstd_encode
from common.batches import PARTITIONS, Batch, batches
from common.machine import machine

from midstream.kafka.broker import Broker
from midstream.processes.stages import packer
from midstream.settings import Settings, cache_home, load
from midstream.status.overview import caught_up
from model.tokens import tokenizer as bpe
from streams.document import Source
from streams.frame import Frame, decode, encode
from streams.index.index import Index
from streams.kafka.connection import Connection
from streams.kafka.topics import create
from streams.pipeline import Pack, Prepare, Record
from streams.prepare.recipes.reading import resolve
from streams.redact.stage import Redact
from streams.stages import SOURCES, STAGE

VOCAB = 8192
SAMPLE_BYTES = 3_000_000
STAGES = tuple(STAGE)
TICKS = os.sysconf("SC_CLK_TCK")

T = TypeVar("T")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="Clones of git, or folders; else releases of packages.")
    with tempfile.TemporaryDirectory() as folder:
        origin, warm, timed = batches(parser.parse_args().folders, Path(folder) / "generated")
        settings = configure(Path(folder), free_port())
        learn(settings, [*warm.texts, *timed.texts])
        say(f"{timed.documents} documents, {timed.bytes / 1e6:.1f} MB")
        passes = in_memory(settings, warm, timed)
        path = on_the_path(settings, Path(folder), warm, timed)
        passes += in_memory(settings, warm, timed)
        memory = {stage: fmean(spent[stage] for spent in passes) for stage in STAGES}
        say(f"in memory {sum(memory.values()):.1f} s of CPU: {rounded(memory)}")
        say(f"on the path {sum(path.values()):.1f} s of CPU: {rounded(path)}")
    print(json.dumps({"histories": origin, **report(timed, memory, path)}))


def report(timed: Batch, memory: dict[str, float], path: dict[str, float]) -> dict[str, object]:
    size, whole, pure = timed.bytes / 1e6, sum(path.values()), sum(memory.values())
    return {
        "documents": timed.documents, "mb": round(size, 2), "mb_s": round(size / whole, 3),
        "memory_mb_s": round(size / pure, 3), "ratio": round(pure / whole, 3),
        "shell_ms_mb": round(1e3 * (whole - pure) / size, 1),
        "stages": {
            s: {
                "cpu_s": round(path[s], 2), "memory_cpu_s": round(memory[s], 2), "mb_s": round(size / path[s], 2),
                "shell_ms_mb": round(1e3 * (path[s] - memory[s]) / size, 1),
            }
            for s in STAGES
        },
        "machine": machine(),
    }  # fmt: skip


def configure(folder: Path, port: int) -> Settings:
    path = folder / "midstream.toml"
    path.write_text(f'[kafka]\nbrokers = "127.0.0.1:{port}"\npartitions = {PARTITIONS}\n[paths]\nstate = "{folder}"\n')
    return load(path)


def learn(settings: Settings, texts: list[str]) -> None:
    sample, size = [], 0
    for text in texts:
        sample.append(text)
        size += len(text)
        if size > SAMPLE_BYTES:
            break
    assert settings.paths.tokenizer is not None
    bpe.train(sample, VOCAB).save(settings.paths.tokenizer)


def in_memory(settings: Settings, warm: Batch, timed: Batch) -> list[dict[str, float]]:
    """One pass a core, all at the same time: CPU seconds of each stage's function, of each pass."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        return [each.result() for each in [pool.submit(one_pass, settings, warm, timed) for _ in range(cores)]]


def one_pass(settings: Settings, warm: Batch, timed: Batch) -> dict[str, float]:
    """CPU seconds of each stage's function, one partition after the other, every Frame in turn."""
    memory = Memory(settings)
    memory.take(warm)
    memory.spent = dict.fromkeys(STAGES, 0.0)
    memory.take(timed)
    return memory.spent


class Memory:
    """The four stages, and what each of them spent."""

    def __init__(self, settings: Settings) -> None:
        self._sources = {(t, p): Source(t, f"{n:032x}", p) for n, t in enumerate(SOURCES) for p in range(PARTITIONS)}
        self._index = Index(settings.index, {s.key: 0 for s in self._sources.values()})
        self._prepare, self._redact, self._pack = Prepare(resolve(settings.recipe)), Redact(), Pack(packer(settings))
        self._next = dict.fromkeys(self._sources, 0)
        self._frames = 0
        self.spent = dict.fromkeys(STAGES, 0.0)

    def take(self, batch: Batch) -> None:
        for place, values in batch.records.items():
            written = [zstd_encode(value) for value in values]
            for frame in self._timed("prepare", lambda p=place, w=written: self._prepared(p, w)):
                judged = self._timed("dedup", lambda f=frame: self._judged(f))
                clean = self._timed("redact", lambda f=judged: handed_on(self._redact(received(f)).frame))
                self._timed("pack", lambda f=clean: handed_on(self._pack(received(f)).frame))

    def _prepared(self, place: tuple[str, int], written: list[bytes]) -> list[bytes]:
        start = self._next[place]
        records = (Record(start + i, b"", zstd_decode(value), {}) for i, value in enumerate(written))
        self._next[place] += len(written)
        return [handed_on(outcome.frame) for outcome in self._prepare(self._sources[place], start, records)]

    def _judged(self, value: bytes) -> bytes:
        self._frames += 1
        frame = self._index.judge(received(value), self._frames - 1).frame
        assert frame is not None
        return handed_on(frame)

    def _timed(self, stage: str, step: Callable[[], T]) -> T:
        began = time.process_time()
        result = step()
        self.spent[stage] += time.process_time() - began
        return result


def handed_on(frame: Frame) -> bytes:
    """As a worker's producer writes it."""
    return zstd_encode(encode(frame))


def received(value: bytes) -> Frame:
    """As the next worker's consumer reads it."""
    return decode(zstd_decode(value))


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
            producer.send(connection.topic(topic), value=value, partition=partition)
            for (topic, partition), values in part.records.items()
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
