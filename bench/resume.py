"""kill -9 of `midstream train` at 20 moments drawn by a keyed hash, on a closed log of a real broker, and a run that
nobody kills beside it. The last line is one JSON object: `lost` and `trained_twice` count pieces against what was sent,
by the ledgers that the last checkpoint counts; `bit_equal`: weights and the optimizer's state of both runs at the end.

Shuffle, replay and the mean of the last checkpoints are as they are by default. The examples are generated.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import torch
from common.machine import machine

from model.loading import load_newest
from streams.draw import unit
from streams.feed import ledger
from streams.feed.state import decode
from streams.kafka.connection import Connection
from streams.kafka.topics import create
from tests.support.documents.lanes import expected
from tests.support.programs.outage import Outage
from tests.support.programs.trainers import Training

KILLS, FRAMES = 20, 300
WAIT_S = 1.5
"""After its first step a run lives for a part of it."""
PATIENCE_S = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--frames", type=int, default=FRAMES, help="Of each of the two partitions.")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, Outage(Path(name) / "broker") as outage:
        connection = Connection(brokers=outage.brokers, prefix="resume.")
        create(connection, 2)
        with Training(connection, Path(name) / "state") as training:
            training.fill(chosen.frames)
            straight = run_through(training, "straight")
            kills, killed = kill_again_and_again(training, "killed", chosen.kills)
            report = {"bench": "resume", "kills": kills, **account(training, killed), **same(straight, killed)}
    print(json.dumps({**report, "histories": "generated", "machine": machine()}))


def start(training: Training, folder: str) -> subprocess.Popen[bytes]:
    return training.start("--until-drained", "--checkpoints", str(training.folder / folder))


def run_through(training: Training, folder: str) -> Path:
    end(start(training, folder), training)
    say("a run that nobody kills has ended")
    return training.folder / folder


def kill_again_and_again(training: Training, folder: str, kills: int) -> tuple[int, Path]:
    """The kills that came before the end of a run, and the folder after a last run that was let be."""
    root, done = training.folder / folder, 0
    for n in range(kills):
        before = ledgers(root)
        process = start(training, folder)
        deadline = time.monotonic() + PATIENCE_S
        while ledgers(root) == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        wait = WAIT_S * unit(n.to_bytes(4, "little"), "kill", 0)
        time.sleep(wait)
        if process.poll() is None:
            done += 1
        elif process.returncode:
            raise SystemExit(training.said[-2000:])
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = newest_step(root)
        say(f"kill {done:>2} after {wait:.2f} s of training: the newest checkpoint is of step {kept}")
    end(start(training, folder), training)
    return done, root


def end(process: subprocess.Popen[bytes], training: Training) -> None:
    """Waits for a run that nobody kills. Raises SystemExit when it ends badly."""
    if process.wait() != 0:
        raise SystemExit(training.said[-2000:])


def ledgers(root: Path) -> int:
    return sum(path.stat().st_size for path in root.glob("ledger*.bin"))


def newest_step(root: Path) -> int:
    contents = load_newest(root)
    return contents.manifest.step if contents else 0


def account(training: Training, root: Path) -> dict[str, int]:
    contents = load_newest(root)
    assert contents is not None
    state = decode(contents.feed)
    rows = Counter(
        (e.topic_id, e.partition, e.offset, e.index, e.piece) for e in ledger.read(root, state.ledger)
    )  # fmt: skip
    wanted = expected(training.lanes)
    return {
        "lost": sum((wanted - rows).values()), "trained_twice": sum((rows - wanted).values()),
        "pieces": sum(wanted.values()), "steps": contents.manifest.step, "replayed": state.replay.examples,
        "merged": contents.manifest.merged,
    }  # fmt: skip


def same(straight: Path, killed: Path) -> dict[str, bool]:
    one, two = load_newest(straight), load_newest(killed)
    assert one is not None and two is not None
    pairs = ((one.weights, two.weights), (one.optimizer, two.optimizer))
    equal = all(a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a) for a, b in pairs)
    return {"bit_equal": equal and one.manifest.step == two.manifest.step}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
