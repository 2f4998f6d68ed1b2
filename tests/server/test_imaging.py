"""A server reads weights in a process of its own: it answers the same, holds no torch, and outlives that process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from model.kernels import image
from model.manifest import WEIGHTS
from server import imaging, served
from server.imaging import Imager
from server.request import Request
from tests.support.models import shapes
from tests.support.models.driven import answer, engine
from tests.support.models.tiny import texts, write_checkpoint

PREFIX = texts()[1][:60]
PROGRAM = f"""
import json, sys
from pathlib import Path
from model.manifest import CheckpointError
from server.engine.engine import answer
from server.imaging import CannotLoad
from server.request import Request
from server.served import load
try:
    model = load(Path(sys.argv[1]), sys.argv[2])
    said = answer(model, Request(prefix={PREFIX!r}, max_tokens=24))
except (CheckpointError, CannotLoad) as error:
    said = type(error).__name__ + ": " + str(error)
print(json.dumps([said, "torch" in sys.modules]))
"""


def aside(path: Path, held: str = "auto", program: str = PROGRAM) -> tuple[str, bool]:
    """What a process without torch answers, and whether it has torch then."""
    command = [sys.executable, "-c", program, str(path), held]
    made = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, timeout=600)
    said, has_torch = json.loads(made.stdout)
    return said, has_torch


@pytest.mark.parametrize("held", ["auto", "int8", "float32"])
def test_it_answers_as_one_that_reads_them_itself(tmp_path: Path, held: served.Held) -> None:
    write_checkpoint(tmp_path, 40)
    path = tmp_path / "step-00000040"
    expected = answer(engine(served.load(path, held)), Request(prefix=PREFIX, max_tokens=24)).text
    assert expected
    assert aside(path, held) == (expected, False)


def test_a_family_without_a_step_is_run_by_torch(tmp_path: Path) -> None:
    scaling = shapes.Scaling(kind="dynamic", factor=2.0, original=256)
    path = shapes.written(tmp_path, shapes.decoder(shapes.llama(scaling=scaling)))
    assert aside(path)[1]


def test_what_is_wrong_with_a_checkpoint_is_said(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 2)
    path = tmp_path / "step-00000002"
    (path / WEIGHTS).write_bytes((path / WEIGHTS).read_bytes()[:-1] + b"x")
    said, _ = aside(path)
    assert said == f"CheckpointError: {path.name}: {WEIGHTS} is not what was written (its SHA-256 differs)"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))", "CannotLoad: OSError"),
        ("import server.imaging; server.imaging.sys.executable = '/bin/false'", "CannotLoad: the program that reads"),
    ],
)
def test_the_machine_s_faults_are_told_apart(tmp_path: Path, before: str, said: str) -> None:
    """Another try may help."""
    write_checkpoint(tmp_path, 2)
    assert aside(tmp_path / "step-00000002", program=f"{before}\n{PROGRAM}")[0].startswith(said)


def test_a_full_temporary_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    write_checkpoint(tmp_path, 2)

    def full(step: object, folder: Path) -> None:
        raise OSError("3588096 requested and 65408 written")

    monkeypatch.setattr(imaging.image, "write", full)
    monkeypatch.setattr(imaging, "_follow", lambda folder, parent: None)
    monkeypatch.setattr(imaging.shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    arguments = [str(tmp_path / "step-00000002"), str(tmp_path / "image"), "auto", str(os.getppid())]
    monkeypatch.setattr(sys, "argv", ["imaging", *arguments])
    with pytest.raises(SystemExit):
        imaging.main()
    said = json.loads(capsys.readouterr().out)
    assert not said["damage"] and said["reason"].startswith(f"no room in {tmp_path}, where its weights are laid out")


def test_an_image_is_the_step(tmp_path: Path) -> None:
    """Of a family with biases, windows and more."""
    model = shapes.decoder(shapes.llama("starcoder2"))
    step = model.compiled().step  # pyright: ignore
    image.write(step, tmp_path)
    other = image.read(tmp_path)
    assert (other.shape, other.way, other.vocab) == (step.shape, step.way, step.vocab)
    for name, array in step.weights._asdict().items():
        assert np.array_equal(getattr(other.weights, name), array) and other.weights.tiles.ctypes.data % 64 == 0


def test_closed_while_it_reads(tmp_path: Path) -> None:
    """Whoever ends the server does not wait for it."""
    write_checkpoint(tmp_path, 2)
    program = (
        "import sys, threading, time, server.imaging as imaging; from pathlib import Path\n"
        "from server.served import Loader; loader = Loader(); said = []\n"
        "def load():\n"
        "    try: loader.load(Path(sys.argv[1]))\n"
        "    except imaging.CannotLoad as error: said.append(str(error))\n"
        "thread = threading.Thread(target=load); thread.start()\n"
        "while loader._imager._process is None: time.sleep(0.01)\n"
        "loader.close(); thread.join(); import json; print(json.dumps([said[0], False]))\n"
    )
    assert "ended by signal 9" in aside(tmp_path / "step-00000002", program=program)[0]
    assert Imager()._process is None
