"""`midstream models list` names a checkpoint whose weights were cut off, or whose base is gone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from midstream.cli import main
from model.manifest import WEIGHTS, read_manifest
from model.torn import damage
from tests.support.models.tiny import write_checkpoint


@pytest.mark.parametrize("size", [0, 5, 60, 3000, -1])
def test_a_file_that_was_cut_off(tmp_path: Path, size: int) -> None:
    write_checkpoint(tmp_path, 3)
    path = tmp_path / "step-00000003"
    assert damage(path, read_manifest(path)) == ""
    whole = (path / WEIGHTS).read_bytes()
    (path / WEIGHTS).write_bytes(whole[:size])
    assert damage(path, read_manifest(path)) == f"{WEIGHTS} is torn"
    listed = CliRunner().invoke(main, ["models", "list", "--checkpoints", str(tmp_path)], catch_exceptions=False)
    assert f"damaged: {WEIGHTS} is torn" in listed.output and "served" not in listed.output
    (path / WEIGHTS).write_bytes(whole + b"x")
    assert damage(path, read_manifest(path)) == f"{WEIGHTS} is torn"
    (path / WEIGHTS).unlink()
    assert damage(path, read_manifest(path)) == f"{WEIGHTS}: No such file or directory"


@pytest.mark.parametrize("header", [{}, {"a": 1}, {"a": {}}, [], "x", {"a": {"data_offsets": [0, 10**9]}}])
def test_a_header_of_nonsense(tmp_path: Path, header: object) -> None:
    write_checkpoint(tmp_path, 3)
    path = tmp_path / "step-00000003"
    text = json.dumps(header).encode()
    (path / WEIGHTS).write_bytes(len(text).to_bytes(8, "little") + text + bytes(7))
    assert damage(path, read_manifest(path)) == f"{WEIGHTS} is torn"
