"""`[serve] device`: which one answers, what is said where there is none, and how a checkpoint is read for a card.

`cpu:0` is torch's other name of the CPU, and no setting: what is read for it is read as for a card."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from midstream.cli import main
from midstream.settings import Settings, SettingsError, from_mapping
from model import importing
from model.config import TrainConfig
from model.decoder.runner import Runner
from model.loading import load_model
from model.manifest import folders
from server.device import NoDevice, cards, choose
from server.imaging import Held
from server.request import Request
from server.served import Loader
from tests.support.models import adapted, shapes
from tests.support.models.adapting import DORA, LORA, begun, some_ids, trained
from tests.support.models.driven import answer, engine, logits
from tests.support.models.paged import decoder
from tests.support.models.tiny import texts, write_checkpoint


def number(count: int):
    return lambda: count


def never() -> int:
    raise AssertionError("torch is imported")


@pytest.mark.parametrize(
    ("wanted", "held", "found", "runs", "chosen"),
    [
        ("auto", "auto", number(2), number(2), "cuda:0"), ("auto", "float32", number(1), number(1), "cuda:0"),
        ("auto", "auto", number(0), never, "cpu"), ("auto", "int8", never, never, "cpu"),
        ("auto", "auto", number(1), number(0), "cpu"), ("cpu", "int8", never, never, "cpu"),
        ("cuda", "auto", number(1), number(1), "cuda:0"), ("cuda:1", "auto", number(2), number(2), "cuda:1"),
    ],
)  # fmt: skip
def test_the_device_that_is_chosen(wanted: str, held: Held, found, runs, chosen: str) -> None:
    assert choose(wanted, held, found, runs) == chosen


@pytest.mark.parametrize(
    ("wanted", "held", "found", "runs", "word"),
    [
        ("cuda", "auto", number(0), never, "there is no card for `[serve] device` 'cuda': NVIDIA's driver is missing"),
        ("cuda:2", "auto", number(2), number(2), "torch finds 2, from cuda:0 on"),
        ("cuda", "auto", number(1), number(0), "it was built without CUDA, or for a newer driver"),
        ("cuda", "int8", never, never, "cuda does not hold matrices as int8"),
    ],
)
def test_what_is_wrong_with_a_device_is_said(wanted: str, held: Held, found, runs, word: str) -> None:
    with pytest.raises(NoDevice) as refused:
        choose(wanted, held, found, runs)
    assert word in str(refused.value)


def test_no_driver_no_card() -> None:
    assert cards("libthere-is-none.so") == 0


@pytest.mark.skipif(cards() > 0, reason="there is a card")
@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["--device", "cuda"], 1, "there is no card for `[serve] device` 'cuda'"),
        (["--device", "gpu"], 2, "--device must be auto, cpu, cuda or cuda:N, not 'gpu'"),
    ],
)
def test_a_server_says_it_before_it_begins(tmp_path: Path, arguments: list[str], code: int, word: str) -> None:
    done = CliRunner().invoke(main, ["serve", "--checkpoints", str(tmp_path), *arguments])
    assert (done.exit_code, word in done.output) == (code, True), done.output


def test_a_setting_that_is_no_device_is_refused() -> None:
    with pytest.raises(SettingsError, match="device must be auto, cpu, cuda or cuda:N, not 'tpu'"):
        from_mapping(Settings, {"serve": {"device": "tpu"}}, "f")
    assert from_mapping(Settings, {"serve": {"device": "cuda:3"}}, "f").serve.device == "cuda:3"


@pytest.mark.skipif(cards() > 0, reason="there is a card")
def test_to_look_for_a_card_takes_no_torch() -> None:
    program = "import sys; from server.device import choose; print(choose('auto'), 'torch' in sys.modules)"
    made = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert made.stdout.split() == ["cpu", "False"]


@pytest.mark.parametrize(("held", "dtype"), [("auto", torch.bfloat16), ("float32", torch.float32)])
def test_a_checkpoint_is_read_for_a_card(tmp_path: Path, held: Held, dtype: torch.dtype) -> None:
    path = shapes.written(tmp_path, decoder("qwen2"))
    model, ids = Loader(held, device="cpu:0").load(path).model, some_ids()[0].tolist()
    assert isinstance(model, Runner)
    assert {p.dtype for p in model.model.parameters()} == {dtype}
    expected, made = logits(Loader("float32").load(path).model, [ids]), logits(model, [ids])
    assert np.linalg.norm(made - expected) < (1e-4 if held == "float32" else 0.05) * np.linalg.norm(expected)


def test_a_family_of_transformers_keeps_its_own_buffers(tmp_path: Path) -> None:
    """Frequencies in bfloat16 would turn far positions wrongly."""
    source = adapted.save("deepseek_v2", tmp_path / "model")
    importing.import_model(importing.read(source), tmp_path / "c", "model", 96, keep=1)
    model = Loader("auto", device="cpu:0").load(folders(tmp_path / "c")[-1]).model
    assert isinstance(model, Runner) and {p.dtype for p in model.model.parameters()} == {torch.bfloat16}
    assert {b.dtype for b in model.model.buffers() if b.is_floating_point()} == {torch.float32}


@pytest.mark.parametrize("config", [LORA, DORA, replace(LORA, base="int8")], ids=["lora", "dora", "int8"])
def test_an_adapter_stands_beside_its_base(tmp_path: Path, config: TrainConfig) -> None:
    """One base for both; of int8 the numbers that it was trained beside, in matrices that are multiplied as they
    are."""
    begun(tmp_path / "c")
    loader, ids = Loader("float32", device="cpu:0"), some_ids()[0].tolist()
    models = []
    for _ in range(2):
        path = trained(tmp_path / "c", config, steps=3)
        models.append(loader.load(path).model)
    one, two = models
    assert isinstance(one, Runner) and isinstance(two, Runner)
    assert one.model.like is two.model.like
    assert not np.array_equal(logits(one, [ids]), logits(two, [ids])), "each answers with its own"
    assert {t.dtype for t in two.model.state_dict().values()} == {torch.float32}
    usual, ids_1T = load_model(folders(tmp_path / "c")[-1])[0], torch.tensor([ids])
    expected_TV = usual(ids_1T, torch.arange(len(ids))[None], torch.zeros_like(ids_1T))[0]  # as in training
    expected, made = expected_TV[-1].detach().numpy(), logits(two, [ids])
    assert np.linalg.norm(made - expected) < 1e-3 * np.linalg.norm(expected)


def test_the_engine_answers_by_rows_together(tmp_path: Path) -> None:
    """The same text, by pages as a card has them."""
    write_checkpoint(tmp_path, 40)
    request = Request(prefix=texts()[1][:60], max_tokens=24, alternatives=1)
    served = Loader("float32").load(tmp_path / "step-00000040")
    expected = answer(engine(served), request).text
    together = replace(served, model=Runner(load_model(tmp_path / "step-00000040")[0], together=True))
    assert expected and answer(engine(together), request).text == expected


@pytest.mark.cuda
@pytest.mark.parametrize("held", ["auto", "float32"])
def test_a_card_serves_a_checkpoint(tmp_path: Path, held: Held) -> None:
    write_checkpoint(tmp_path, 40)
    request = Request(prefix=texts()[1][:60], max_tokens=24)
    expected = answer(engine(Loader("float32").load(tmp_path / "step-00000040")), request).text
    got = answer(engine(Loader(held, device=choose("cuda")).load(tmp_path / "step-00000040")), request).text
    assert got == expected if held == "float32" else got
