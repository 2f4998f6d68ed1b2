"""How the long-running programs begin: they wait for a broker, and refuse settings that do not fit what is there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from math import nan
from pathlib import Path

import pytest

from midstream.commands.train import _json_line, _line
from midstream.models import fits
from midstream.processes import waits
from midstream.processes.errors import Errors
from midstream.processes.stages import packer
from midstream.settings import Model
from model.manifest import newest
from model.training.train import Progress
from streams.kafka.connection import Unreachable
from streams.pack.pack import Packer
from tests.support.models.tiny import tokenizer, write_checkpoint
from tests.support.programs.crew import ENVIRONMENT
from tests.support.programs.trainers import Training

LIKE_THE_CHECKPOINT = Model(context=128, width=32, layers=2, heads=2)


@pytest.mark.parametrize("program", [("train",), ("worker", "prepare")])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_without_a_broker_it_waits_and_a_signal_ends_it_well(tmp_path, program, number):
    config, log = tmp_path / "midstream.toml", tmp_path / "log"
    config.write_text(f'[kafka]\nbrokers = "127.0.0.1:1"\n[paths]\nstate = "{tmp_path / "state"}"\n')
    tokenizer().save(tmp_path / "tokenizer.json")
    options = ["--tokenizer", str(tmp_path / "tokenizer.json")] if program == ("train",) else []
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "midstream", *program, "--config", str(config), *options],
            stdout=out, stderr=out, env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while "waits: No Kafka broker answers at 127.0.0.1:1" not in log.read_text():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(timeout=20) == 0, log.read_text()
    finally:
        process.kill()
    assert "Traceback" not in log.read_text()
    assert Errors(tmp_path / "state", "midstream.").read() == []


def test_it_begins_when_a_broker_answers_and_has_said_once_that_it_waits(caplog):
    class Late:
        tries = 0

        def reach(self) -> None:
            self.tries += 1
            if self.tries < 3:
                raise Unreachable("b:1")

    late = Late()
    waits.broker(late, "train")  # type: ignore[arg-type]
    said = [record.message for record in caplog.records]
    assert late.tries == 3
    assert [word.split()[0] for word in said] == ["train", "the"]


def test_a_trainer_without_a_step_says_so_and_its_json_is_json(capsys):
    feed = {"lag": 0, "waiting": 3, "trained": 0}
    idle = Progress(step=0, tokens=0, tokens_per_s=0.0, loss=nan, bits_per_byte=nan, checkpoint="", feed=feed)
    _line(idle)
    _json_line(idle)
    line, told = capsys.readouterr().out.splitlines()
    assert "no step yet" in line and "nan" not in line
    assert json.loads(told, parse_constant=pytest.fail)["loss"] is None
    _line(replace(idle, loss=1.0, bits_per_byte=2.0))
    assert "loss 1.000  2.000 bits/byte" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"context": 256}, "[model] context is 256, the checkpoint has 128"),
        ({"width": 64}, "[model] width is 64, the checkpoint has 32"),
        ({"layers": 3}, "[model] layers is 3, the checkpoint has 2"),
        ({"heads": 1}, "[model] heads is 1, the checkpoint has 2"),
        ({"format": "codellama"}, "[model] format is codellama, the checkpoint has starcoder"),
    ],
)
def test_another_model_than_the_checkpoints_is_refused_by_its_settings(tmp_path, change, sentence):
    write_checkpoint(tmp_path, 3)
    checkpoint = newest(tmp_path)
    assert checkpoint is not None
    fits.refuse(LIKE_THE_CHECKPOINT, checkpoint[0], tmp_path)
    with pytest.raises(fits.OtherModel) as refused:
        fits.refuse(replace(LIKE_THE_CHECKPOINT, **change), checkpoint[0], tmp_path)
    assert sentence in str(refused.value) and "step-00000003" in str(refused.value)


def test_pack_refuses_to_begin_where_a_checkpoint_takes_nothing_that_it_packs(tmp_path: Path):
    from midstream.settings import Settings, from_mapping

    def begin(context: int, **paths: str) -> Packer:
        mapping = {"paths": {"state": str(tmp_path), **paths}, "model": {"context": context, "width": 32}}
        return packer(from_mapping(Settings, mapping, "test"))

    tokenizer().save(tmp_path / "tokenizer.json")
    assert begin(256).context == 256  # no checkpoint yet
    write_checkpoint(tmp_path / "checkpoints", 3)
    assert begin(128).context == 128
    with pytest.raises(fits.OtherModel, match=r"step-00000003 .*\[model\] context \(256, the checkpoint has 128\)"):
        begin(256)
    assert begin(256, checkpoints=str(tmp_path / "others")).context == 256


@pytest.mark.broker
@pytest.mark.slow
def test_training_refuses_at_its_start_what_the_checkpoint_is_not(connection, tmp_path):
    with Training(connection, tmp_path) as training:
        training.fill(1)
        Errors(tmp_path, connection.prefix).note("train", KeyError())
        training.end(training.start("--until-drained"))
        assert Errors(tmp_path, connection.prefix).read() == []
        before = training.config.read_text()
        training.config.write_text(before.replace("width = 32", "width = 64"))
        training.end(training.start(), code=1)  # there is no new Frame
        assert "[model] width is 64, the checkpoint has 32. Put the setting back" in training.said
        (last,) = Errors(tmp_path, connection.prefix).read()
        assert last.program == "train"
        training.config.write_text(before)
        process = training.start()
        training.until(lambda: not Errors(tmp_path, connection.prefix).read(), process)  # idle, lag 0: it is well
        process.send_signal(signal.SIGTERM)
        training.end(process)
