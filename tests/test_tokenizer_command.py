"""`midstream tokenizer`."""

from pathlib import Path

from click.testing import CliRunner
from tiny import texts

from midstream.commands.tokenizer import tokenizer
from model.tokenizer import Tokenizer


def test_training_and_inspecting(tmp_path: Path) -> None:
    for n, text in enumerate(texts()):
        (tmp_path / f"m{n}.py").write_text(text)
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff")
    out = tmp_path / "out.json"
    made = CliRunner().invoke(tokenizer, ["train", str(tmp_path), "--vocab-size", "330", "--out", str(out)])
    found = Tokenizer.load(out)
    assert made.exit_code == 0 and found.hash[:12] in made.output and found.vocab_size == 330
    told = CliRunner().invoke(tokenizer, ["info", str(out), "--text", str(tmp_path / "m3.py")])
    assert told.exit_code == 0 and found.hash in told.output and "<fim_middle>" in told.output
    assert f"{len(texts()[3])} bytes, {len(found.encode(texts()[3]))} tokens" in told.output


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    told = CliRunner().invoke(tokenizer, ["info", str(tmp_path / "x.json")])
    assert told.exit_code == 1 and "is not a tokenizer.json" in told.output
