"""`midstream fim`."""

import re
from pathlib import Path

import pytest
from click import style, unstyle
from click.testing import CliRunner

from midstream.commands.fim import fim
from model.fim.fim import Mark, file_head
from model.fim.formats import FORMATS
from tests.support.models.tiny import texts, tokenizer

TEXT = texts()[8] + "mark = '<fim_middle>'\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.py"
    path.write_text(TEXT)
    return path


def told(file: Path, *options: str) -> str:
    result = CliRunner().invoke(fim, [str(file), *options], color=True)
    assert result.exit_code == 0, result.output
    return result.output


def test_only_sentinels_are_marked(file: Path) -> None:
    said = told(file, "--rate", "1", "--format", "starcoder")
    for sentinel in ("<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<filename>", "<|endoftext|>"):
        assert said.count(style(sentinel, reverse=True)) == 1
    assert said.count("<fim_middle>") == 2


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_shows_all_of_the_text(file: Path, name: str) -> None:
    said = told(file, "--rate", "1", "--format", name)
    assert said.startswith(f"m.py: {name}, seed ")
    body = unstyle(said).split("\n\n", 1)[1]
    for sentinel in FORMATS[name].sentinels:
        body = body.replace(sentinel, "")
    assert sorted(body) == sorted(_head(name) + TEXT.replace("<fim_middle>", _kept(name)) + "\n")


def _head(name: str) -> str:
    return "".join(part for part in file_head("m.py", fmt=FORMATS[name]) if not isinstance(part, Mark))


def _kept(name: str) -> str:
    """User text that looks like one of the format's sentinels went with them."""
    return "" if "<fim_middle>" in FORMATS[name].sentinels else "<fim_middle>"


def test_a_rate_of_nothing_and_another_seed(file: Path) -> None:
    assert f"left to right, {len(TEXT)} characters\n\n" in told(file, "--rate", "0")
    one, two = (told(file, "--rate", "1", "--seed", seed) for seed in ("1", "2"))
    assert one != two and one == told(file, "--rate", "1", "--seed", "1")
    assert "seed 2, " in two and "middle at characters " in two


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG\xff")
    result = CliRunner().invoke(fim, [str(tmp_path / "x.png")])
    assert result.exit_code == 1 and "x.png" in result.output and "Traceback" not in result.output


def test_with_a_tokenizer_it_shows_the_pieces_that_pack_makes(file: Path, tmp_path: Path) -> None:
    file.write_text(TEXT * 20)
    tokenizer().save(tmp_path / "tokenizer.json")
    (tmp_path / "midstream.toml").write_text("[model]\ncontext = 256\n")
    options = ("--config", str(tmp_path / "midstream.toml"), "--tokenizer", str(tmp_path / "tokenizer.json"))
    said = unstyle(told(file, "--rate", "1", *options))
    lengths = [int(n) for n in re.findall(r"^piece \d+ of \d+: (?:psm|spm), (\d+) tokens$", said, re.MULTILINE)]
    assert len(lengths) > 2 and max(lengths) <= 256 and f"{len(lengths)} pieces of at most 256 tokens" in said
    assert said.count("<|endoftext|>") == len(lengths)
    refused = CliRunner().invoke(fim, [str(file), "--format", "santacoder", *options])
    assert refused.exit_code == 1 and "no <fim-prefix>" in refused.output
