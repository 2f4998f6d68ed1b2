"""Checkpoints: whole or not there, and clear about what is wrong with one."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import torch

from model import checkpoint, weights
from model.checkpoint import Contents, write
from model.families import build
from model.families.reading import Refused
from model.fim.formats import STARCODER
from model.loading import load_all, load_model
from model.manifest import MANIFEST, CheckpointError, Manifest, folders, latest, newest
from tests.support.models.tiny import SHAPE, tokenizer


def contents(step: int = 7) -> Contents:
    manifest = Manifest(
        step=step, tokens=10, text_bytes=20, model=SHAPE, format=STARCODER, tokenizer=tokenizer().hash,
        bits_per_byte=1.5, feed={"lag": 0},
    )  # fmt: skip
    moments = {"exp_avg/norm.weight": torch.ones(32)}
    return Contents(manifest, dict(build.decoder(SHAPE).state_dict()), moments, b"feed", tokenizer())


def test_what_is_written_is_read(tmp_path: Path) -> None:
    given = contents()
    manifest = write(tmp_path, given, keep=3)
    path = latest(tmp_path)
    assert path == tmp_path / "step-00000007"
    assert manifest.model_version.startswith("step-00000007-") and len(manifest.model_version) == 13 + 9
    model, read, tok = load_model(path)
    assert read == manifest and read.format == STARCODER and read.model == SHAPE and tok.hash == tokenizer().hash
    assert not model.training
    assert all(torch.equal(t, given.weights[n]) for n, t in model.state_dict().items())
    back = load_all(path)
    assert back.feed == b"feed" and torch.equal(back.optimizer["exp_avg/norm.weight"], torch.ones(32))


def test_the_version_names_the_weights(tmp_path: Path) -> None:
    one = write(tmp_path / "a", contents(), keep=3).model_version
    other = contents()
    other.weights["norm.bias"] = torch.ones(32)
    assert write(tmp_path / "b", contents(), keep=3).model_version == one
    assert write(tmp_path / "c", other, keep=3).model_version != one


def test_the_newest_are_kept_and_a_step_is_written_once(tmp_path: Path) -> None:
    for step in (1, 2, 10):
        write(tmp_path, contents(step), keep=2)
    assert [p.name for p in folders(tmp_path)] == ["step-00000002", "step-00000010"]
    with pytest.raises(CheckpointError, match="never changes"):
        write(tmp_path, contents(10), keep=2)


def test_steps_are_ordered_as_numbers(tmp_path: Path) -> None:
    for step in (99_999_999, 100_000_000, 100_000_001):
        write(tmp_path, contents(step), keep=2)
    assert [p.name for p in folders(tmp_path)] == ["step-100000000", "step-100000001"]
    found = newest(tmp_path)
    assert found is not None and found[0].step == 100_000_001


def test_a_later_reign_is_newer_whatever_its_step(tmp_path: Path) -> None:
    for folder in ("step-00000009", "step-00000100-r1", "step-00000011-r10", "step-00000012-r2", "step-7", "step-x"):
        (tmp_path / folder).mkdir()
    assert [p.name for p in folders(tmp_path)] == [
        "step-00000009", "step-00000100-r1", "step-00000012-r2", "step-00000011-r10",
    ]  # fmt: skip


def test_a_torn_folder_is_not_seen_and_is_removed(tmp_path: Path) -> None:
    torn = tmp_path / ".unfinished-step-00000099"
    torn.mkdir()
    (torn / checkpoint.WEIGHTS).write_bytes(b"half")
    assert latest(tmp_path) is None and latest(tmp_path / "none") is None
    write(tmp_path, contents(), keep=2)
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000007"]


@pytest.mark.parametrize("file", [checkpoint.WEIGHTS, checkpoint.TOKENIZER, MANIFEST])
@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_what_is_wrong_is_named(tmp_path: Path, file: str, harm: str) -> None:
    write(tmp_path, contents(), keep=2)
    path = tmp_path / "step-00000007"
    if harm == "missing":
        (path / file).unlink()
    else:
        data = (path / file).read_bytes()
        (path / file).write_bytes(data[:-8])
    with pytest.raises(CheckpointError, match=rf"step-00000007.*{file}"):
        load_model(path)


def test_another_version_is_refused(tmp_path: Path) -> None:
    write(tmp_path, contents(), keep=2)
    path = tmp_path / "step-00000007" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"v": 3}))
    with pytest.raises(CheckpointError, match="version 3, and this program reads up to 2"):
        load_model(path.parent)


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    given = contents()
    other = msgspec.structs.replace(given.manifest, model=msgspec.structs.replace(SHAPE, layers=1))
    write(tmp_path, replace(given, manifest=other), keep=2)
    with pytest.raises(CheckpointError, match="not of the manifest's shape"):
        load_model(tmp_path / "step-00000007")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("at", [0, 500, 999])
def test_one_number_that_is_not_finite_is_found(dtype: torch.dtype, wrong: float, at: int) -> None:
    tensor = torch.randn(1000, generator=torch.Generator().manual_seed(1)).to(dtype)
    weights.refuse_infinite({"w": tensor, "none": tensor[:0]})
    tensor[at] = wrong
    with pytest.raises(Refused, match="not finite numbers: w"):
        weights.refuse_infinite({"w": tensor})
