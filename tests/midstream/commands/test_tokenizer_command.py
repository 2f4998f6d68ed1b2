"""`midstream tokenizer`."""

import json
from pathlib import Path

from click.testing import CliRunner

from midstream.commands.tokenizer import tokenizer
from model.tokens.tokenizer import Tokenizer
from tests.support.models.tiny import texts


def test_training_and_inspecting(tmp_path: Path) -> None:
    for n, text in enumerate(texts()):
        (tmp_path / f"m{n}.py").write_text(text)
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff")
    out = tmp_path / "out.json"
    training = CliRunner().invoke(tokenizer, ["train", str(tmp_path), "--vocab-size", "330", "--out", str(out)])
    found = Tokenizer.load(out)
    assert training.exit_code == 0 and found.hash[:12] in training.output and found.vocab_size == 330
    info = CliRunner().invoke(tokenizer, ["info", str(out), "--text", str(tmp_path / "m3.py")])
    assert info.exit_code == 0 and found.hash in info.output and "<fim_middle>" in info.output
    assert f"{len(texts()[3])} bytes, {len(found.encode(texts()[3]))} tokens" in info.output


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[]")
    result = CliRunner().invoke(tokenizer, ["info", str(tmp_path / "x.json")])
    assert result.exit_code == 1 and "is not a tokenizer.json" in result.output


def test_fertility_is_told_by_language(tmp_path: Path) -> None:
    for n, text in enumerate(texts()):
        (tmp_path / f"m{n}.py").write_text(text)
    (tmp_path / "a.md").write_text("Größe\n")
    out = tmp_path / "tokenizer" / "out.json"
    CliRunner().invoke(tokenizer, ["train", str(tmp_path), "--vocab-size", "330", "--out", str(out)])
    arguments = ["fertility", "--json", "--tokenizer", str(out), *map(str, sorted(tmp_path.glob("*.*")))]
    result = CliRunner().invoke(tokenizer, arguments)
    rows = {row["language"]: row for row in map(json.loads, result.output.splitlines())}
    assert list(rows) == ["python", "markdown", "all"] and rows["all"]["documents"] == len(texts()) + 1
    tokens = sum(len(Tokenizer.load(out).encode(text)) for text in texts())
    assert rows["python"]["tokens"] == tokens and rows["markdown"]["bytes"] == len("Größe\n".encode())
    missing = CliRunner().invoke(tokenizer, ["fertility", "--tokenizer", str(tmp_path / "none"), str(tmp_path)])
    assert missing.exit_code != 0 and "none" in missing.output


def test_the_format_of_the_settings_gives_the_sentinels(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("".join(texts()))
    (tmp_path / "midstream.toml").write_text('[model]\nformat = "qwen2.5-coder"\n')
    out = tmp_path / "out.json"
    arguments = ["train", "--config", str(tmp_path / "midstream.toml"), str(tmp_path / "m.py"), "--vocab-size", "330"]
    assert CliRunner().invoke(tokenizer, [*arguments, "--out", str(out)]).exit_code == 0
    assert "<|file_sep|>" in Tokenizer.load(out).specials
    (tmp_path / "midstream.toml").write_text('[model]\nformat = "gpt"\n')
    refused = CliRunner().invoke(tokenizer, [*arguments, "--out", str(out)])
    assert refused.exit_code != 0 and "format must be one of auto, starcoder, santacoder" in refused.output
