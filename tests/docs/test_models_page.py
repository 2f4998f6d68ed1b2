"""docs/models.md: its rows are those of the code, and what it says of real tokenizers is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from model.families import MODEL_TYPES, TRAINED
from model.fim.choice import UnfitTokenizer, choose
from model.fim.formats import AUTO, FORMATS
from model.tokens.ends import format_of
from model.tokens.probes import difference
from tests.support.tokens.real import real
from tests.tree import ROOT

PAGE = (ROOT / "docs/models.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, its two lines of head left out."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def test_every_model_type_has_a_row_that_says_its_use() -> None:
    said: dict[str, str] = {}
    use = ""
    for names, _, cell, _ in rows("By model_type"):
        use = use if cell == "the same" else cell
        said |= dict.fromkeys(names.split(", "), use)
    assert said == {
        kind: "training, serving, evaluation" if kind in TRAINED else "serving, evaluation" for kind in MODEL_TYPES
    }


def test_the_models_name_known_types_formats_and_orders() -> None:
    for model, kinds, chosen, *_ in rows("By model"):
        if kinds == "–":
            assert chosen == "–", model
            continue
        assert set(re.findall(r"[a-z]+\w*", kinds)) & set(MODEL_TYPES), model
        named = re.search(r"([\w.-]+), (psm and spm|psm|spm|left to right)", chosen.replace("`", ""))
        if named is not None and "--format" not in chosen:
            orders = tuple(re.findall("psm|spm", named[2]))
            assert FORMATS[named[1]].orders == orders, model
    unnamed = set(FORMATS) - {word for row in rows("By model") for word in re.findall(r"[\w.-]+", row[2])}
    assert unnamed == {"pre-suf-mid"}, "a recipe of a paper, and no model's"


@pytest.mark.parametrize(
    ("name", "own", "told", "plain"),
    [
        ("gpt2", "<|endoftext|>", "plain", "<|endoftext|>"), ("llama2", "</s>", "plain", "</s>"),
        ("llama3", "<|end_of_text|>", "plain", "<|end_of_text|>"),
        ("starcoder2", "<|endoftext|>", "starcoder2", "<|endoftext|>"),
        ("deepseek", "<｜end▁of▁sentence｜>", "deepseek", "<｜end▁of▁sentence｜>"),
        ("deepseek-coder", "<｜end▁of▁sentence｜>", "deepseek", "<｜end▁of▁sentence｜>"),
        ("qwen3", "<|im_end|>", "qwen2.5-coder", "<|endoftext|>"),
        ("qwen2.5-coder", "<|im_end|>", "qwen2.5-coder", "<|endoftext|>"),
    ],
)  # fmt: skip
def test_a_real_tokenizer_tells_its_format(name: str, own: str, told: str, plain: str, tmp_path: Path) -> None:
    """`own`: the end that the model's tokenizer_config.json says."""
    tokenizer = real(name)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": {"content": own}}))
    assert format_of(AUTO, tokenizer, tmp_path).name == told
    chosen = format_of("plain", tokenizer, tmp_path)
    assert (chosen.name, chosen.end, chosen.orders) == ("plain", plain, ())
    assert name != "llama2" or chosen.begin == "<s>"
    assert difference(tokenizer) == ""


@pytest.mark.parametrize("name", ["llama2", "llama3"])
def test_without_a_known_end_of_text_there_is_no_format(name: str) -> None:
    for asked, word in ((AUTO, "no file of the model says which token ends"), ("plain", r"has no <\|endoftext\|>")):
        with pytest.raises(UnfitTokenizer, match=word) as caught:
            choose(asked, real(name).specials)
        assert "tokenizer train" not in caught.value.reason
