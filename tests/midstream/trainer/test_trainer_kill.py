"""kill -9 of the trainer between a step and its checkpoint: nothing lost, nothing trained twice (architecture §2.5)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from midstream.audit import audit
from model.manifest import latest, newest, read_manifest
from streams.feed import ledger
from streams.feed.state import decode
from tests.support.programs.crew import CONTEXT, ENVIRONMENT, Crew, files, python

pytestmark = [pytest.mark.broker, pytest.mark.slow]

KILLS = 3
EVENTS, A_RECORD = 60, 8
TRAINING = """
[train]
checkpoint_every_steps = 12
warm_up_steps = 2
precision = "float32"
[feed]
rows = 1
open_bins = 4
"""


@pytest.fixture
def crew(connection, tmp_path):
    """`examples` holds 480 documents, made by the four real workers."""
    with Crew(connection, tmp_path / "state") as crew:
        shape = "width = 32\nlayers = 2\nheads = 2\n"
        crew.config.write_text(crew.config.read_text() + shape + TRAINING)
        crew.start()
        for n in range(EVENTS):
            texts = [python(n * A_RECORD + i, lines=2 + i) for i in range(A_RECORD)]
            crew.produce("files", [files(texts, f"e{n}")], partition=n % 2)
        crew.drain()
        assert set(crew.stop().values()) == {0}
        yield crew


def trainer(crew: Crew) -> subprocess.Popen[bytes]:
    with (crew.folder / "train.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "midstream", "train", "--until-drained", "--config", str(crew.config)],
            stdout=log, stderr=subprocess.STDOUT, env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip


def ahead(folder: Path) -> int:
    """Bytes of the ledger that the newest checkpoint does not know of."""
    checkpoint = newest(folder)
    lengths = decode(checkpoint[1]).ledger if checkpoint else {}
    books = sorted(folder.glob("ledger-r*.bin"), key=lambda book: int(book.stem.rpartition("-r")[2]))
    return sum(book.stat().st_size - lengths.get(book.name, 0) for book in books[-1:])


def kill_between_step_and_checkpoint(crew: Crew, folder: Path) -> None:
    """As soon as the run has written a checkpoint and then trained on more."""
    process = trainer(crew)
    began, deadline = newest_step(folder), time.monotonic() + 90
    while time.monotonic() < deadline and process.poll() is None:
        if newest_step(folder) > began and ahead(folder) > 0:
            break
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, (crew.folder / "train.log").read_text()[-2000:]


def newest_step(folder: Path) -> int:
    path = latest(folder)
    return read_manifest(path).step if path else 0


def test_a_killed_trainer_goes_on_where_its_checkpoint_stood(crew):
    folder = crew.folder / "checkpoints"
    undone = 0
    for _ in range(KILLS):
        kill_between_step_and_checkpoint(crew, folder)
        undone += ahead(folder) > 0
    assert undone == KILLS, "no kill fell between a step and its checkpoint"
    last = trainer(crew)
    assert last.wait(timeout=200) == 0, (crew.folder / "train.log").read_text()[-2000:]
    checkpoint = newest(folder)
    assert checkpoint is not None
    state = checkpoint[1]
    fate = audit(crew.connection, folder, decode(state))
    assert (fate.lost, fate.trained_twice, fate.waiting, fate.in_flight) == (0, 0, 0, 0)
    assert fate.documents == EVENTS * A_RECORD == fate.trained + sum(fate.rejected.values())
    assert fate.trained > 300 and fate.pieces == len(list(ledger.read(folder, decode(state).ledger)))
    assert all(held.example.tokens <= CONTEXT for row in decode(state).rows for held in row)
