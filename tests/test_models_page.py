"""docs/models.md: its rows are those of the code, and what it says of real tokenizers is so."""

from __future__ import annotations

import re
from typing import Any

import pytest
from real import real
from tree import ROOT

from model.families import MODEL_TYPES, TRAINED
from model.fim.formats import AUTO, FORMATS, UnfitTokenizer, choose

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
    ("name", "told", "plain"),
    [
        ("gpt2", None, True), ("llama2", None, False), ("llama3", None, False), ("starcoder2", "starcoder2", True),
        ("deepseek", "deepseek", False), ("deepseek-coder", "deepseek", False), ("qwen3", "qwen2.5-coder", True),
        ("qwen2.5-coder", "qwen2.5-coder", True),
    ],
)  # fmt: skip
def test_a_real_tokenizer_tells_its_format_or_none(name: str, told: str | None, plain: bool) -> None:
    def chosen(asked: str) -> Any:
        try:
            return choose(asked, real(name).specials).name
        except UnfitTokenizer:
            return None

    assert chosen(AUTO) == told and chosen("plain") == ("plain" if plain else None)
