"""The trainer as a process: a broker that goes away, a second trainer, Frames that bring no step, signals."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from midstream.kafka.broker import Broker
from midstream.settings import cache_home
from model.manifest import TRAINED, WEIGHTS, folders
from streams.kafka.connection import Connection
from streams.kafka.topics import create
from tests.support.documents.lanes import Planned
from tests.support.programs.ports import free_port
from tests.support.programs.trainers import Training

pytestmark = [pytest.mark.broker, pytest.mark.slow]

AWAY_S = 8
"""Longer than a client's first tries, from when the trainer has seen that no broker answers."""


@pytest.fixture
def training(connection: Connection, tmp_path: Path) -> Iterator[Training]:
    with Training(connection, tmp_path / "state") as training:
        yield training


def test_a_broker_that_goes_away_is_waited_for(tmp_path: Path) -> None:
    broker, port = Broker(tmp_path / "broker", cache_home()), free_port()
    try:
        connection = Connection(broker.start(port).running.brokers, "away.")
        create(connection, 2)
        with Training(connection, tmp_path / "state") as training:
            training.fill(20)
            process = training.start()
            training.until(lambda: bool(folders(training.checkpoints)), process)
            broker.stop()
            training.until(lambda: "the broker does not answer" in training.said, process)
            time.sleep(AWAY_S)
            assert process.poll() is None, training.said
            broker.start(port)
            training.fill(5)
            training.until(lambda: training.lag == 0 and "answers again" in training.said, process)
            process.send_signal(signal.SIGTERM)
            training.end(process)
            assert training.said.count("the broker does not answer") == 1 and " kafka." not in training.said
            training.start("--until-drained").wait()
            training.check_trained_once()
    finally:
        broker.stop()


def test_a_trainer_ends_by_itself_while_the_broker_is_away_and_saves(tmp_path: Path) -> None:
    broker = Broker(tmp_path / "broker", cache_home())
    try:
        connection = Connection(broker.start(free_port()).running.brokers, "away.")
        create(connection, 2)
        with Training(connection, tmp_path / "state") as training:
            training.fill(3)
            process = training.start()
            training.until(lambda: training.lag == 0, process)
            broker.stop()
            process.send_signal(signal.SIGHUP)
            training.end(process)
    finally:
        broker.stop()


def test_of_two_trainers_without_a_lock_the_older_ends_and_nothing_is_lost(training: Training) -> None:
    training.fill(10)
    older = training.start()
    training.until(lambda: bool(folders(training.checkpoints)), older)
    (training.checkpoints / ".lock").unlink()  # as on a file system that keeps none
    newer = training.start("--without-lock")
    while older.poll() is None:
        training.fill(1)
        assert newer.poll() is None, training.said
    training.end(older, code=1)
    assert "Another trainer has begun on" in training.said and "Traceback" not in training.said
    training.fill(3)
    training.until(lambda: training.lag == 0, newer)
    newer.send_signal(signal.SIGTERM)
    training.end(newer)
    training.end(training.start("--until-drained"))
    assert len([name for name in training.state.ledger if name.startswith("ledger-r")]) >= 2  # type: ignore[union-attr]
    training.check_trained_once()


def test_frames_that_bring_no_step_are_saved(training: Training) -> None:
    """All rejected or dead: the lag goes to 0, and the dead ones are offered."""
    process = training.start()
    training.plan(0, [Planned()], [Planned(dead=True)])
    training.until(lambda: training.lag == 0, process)
    assert training.state is not None and len(training.state.dead) == 1
    training.fill(1)
    training.until(lambda: training.lag == 0 and not [*training.state.waiting], process)  # type: ignore[union-attr]
    training.plan(1, [Planned()], [Planned(dead=True), Planned(dead=True)])
    training.until(lambda: training.lag == 0, process)
    assert len(training.state.dead) == 3 and ".1" in folders(training.checkpoints)[-1].name
    process.send_signal(signal.SIGTERM)
    training.end(process)
    training.check_trained_once()


def test_a_damaged_newest_checkpoint_costs_what_came_after_the_one_before(training: Training) -> None:
    for _ in range(2):
        training.fill(4)
        training.end(training.start("--until-drained"))
    newest = folders(training.checkpoints)[-1]
    weights = next(path for name in (TRAINED, WEIGHTS) if (path := newest / name).exists())
    weights.write_bytes(weights.read_bytes()[:-1])
    training.end(training.start("--until-drained"))
    assert "going on from" in training.said
    training.check_trained_once()


def test_another_context_is_refused_by_its_name(training: Training) -> None:
    training.fill(1)
    training.plan(0, [Planned((4,))], packing="context=80 format=starcoder:98eca27e03cc tokenizer=x")
    process = training.start("--until-drained")
    training.end(process, code=1)
    assert "[model] context (80, the checkpoint has 40)" in training.said and "Traceback" not in training.said
