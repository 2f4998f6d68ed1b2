"""The largest memory of the four workers while large records wait for them, and how long they take.

Peak resident memory (VmHWM) in MB: idle, after RECORDS records of some 7.8 MB, and after RECORDS whose values compress
a hundredfold, so that a fetch holds many of them. The last line is one JSON object.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from pathlib import Path

from common.batches import PARTITIONS, Batch
from common.machine import machine
from stream import STAGES, configure, drained, free_port, learn, produce, worker

from midstream.kafka.broker import Broker
from midstream.settings import cache_home
from streams.event import Files, Repository, SourceFile, encode
from streams.kafka.connection import Connection
from streams.kafka.topics import create

RECORDS = 100
FILES = 16
FILE_BYTES = 480_000


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = configure(folder, free_port())
        broker = Broker(folder, cache_home())
        broker.start(int(settings.kafka.brokers.rpartition(":")[2]))
        try:
            create(settings.connection(), PARTITIONS)
            learn(settings, [varied(0), repeated(0)])
            report = {"varied": measure(settings.connection(), folder, varied)}
            report["repeated"] = measure(settings.connection(), folder, repeated)
        finally:
            broker.stop()
    print(json.dumps({"records": RECORDS, **report, "machine": machine()}))


def measure(connection: Connection, folder: Path, text) -> dict[str, float]:  # pyright: ignore[reportMissingParameterType]
    """The records wait before the workers start; `seconds` until every stage has taken all of them."""
    size = 0
    for number in range(RECORDS):
        value = event(number, text)
        size += len(value)
        produce(connection, Batch({("files", number % PARTITIONS): [value]}))
    began = time.monotonic()
    workers = {stage: worker(stage, folder) for stage in STAGES}
    try:
        drained(connection)
        seconds = time.monotonic() - began
        peaks = {stage: round(peak_mb(process.pid), 1) for stage, process in workers.items()}
        return {"mb": round(size / 1e6, 1), "seconds": round(seconds, 1), **peaks}
    finally:
        for process in workers.values():
            process.terminate()
        for process in workers.values():
            process.wait()


def peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def event(number: int, text) -> bytes:  # pyright: ignore[reportMissingParameterType]
    files = [SourceFile(path=f"{number}/{n}.py", text=text(number * FILES + n)) for n in range(FILES)]
    return encode(Files(repository=Repository(name="r", licence="MIT"), files=files))


def varied(seed: int) -> str:
    """Lines of numbers that no other seed has."""
    draw = random.Random(seed)
    lines: list[str] = []
    size = 0
    while size < FILE_BYTES:
        lines.append(f"value_{draw.getrandbits(64):x} = call_{draw.getrandbits(64):x}(arg_{draw.getrandbits(48):x})\n")
        size += len(lines[-1])
    return "".join(lines)


def repeated(seed: int) -> str:
    return f"value_{seed} = call(argument, other)\n" * (FILE_BYTES // 36)


if __name__ == "__main__":
    main()
