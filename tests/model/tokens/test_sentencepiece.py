"""SentencePiece's kind is the library's to encode: the same ids, and no vocabulary that cannot spell a blank."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend

from model.tokens.pretoken import DIGITS
from model.tokens.tokenizer import BLANK, Tokenizer
from tests.support.tokens.patterns import MORE, ODD, PROSE, library, made
from tests.support.tokens.seeds import seed_tokenizer

text = st.text(st.one_of(st.sampled_from(ODD + BLANK), st.characters(codec="utf-8")), max_size=80)


@settings(deadline=None)
@given(text)
def test_any_text_has_the_library_s_ids(text: str) -> None:
    for said in (text, PROSE + text + MORE):
        assert seed_tokenizer("codellama").encode(said) == library(seed_tokenizer("codellama"), said)


def without_blank(spelled: str | None) -> Backend:
    """Code Llama's kind whose vocabulary has no ▁; `spelled` is what a blank becomes instead."""
    config = json.loads(seed_tokenizer("codellama").json)
    vocab, merges = config["model"]["vocab"], config["model"]["merges"]
    config["model"]["merges"] = [pair for pair in merges if BLANK not in "".join(pair)]
    config["model"]["vocab"] = {token: i for token, i in vocab.items() if BLANK not in token}
    if spelled is not None:
        replace = {"type": "Replace", "pattern": {"String": " "}, "content": spelled}
        config["normalizer"] = {"type": "Sequence", "normalizers": [replace]}
    return Backend.from_str(json.dumps(config))


def test_a_vocabulary_without_a_blank_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no token for ▁, and writes each blank as that letter's bytes"):
        Tokenizer(without_blank(None))
    (tmp_path / "tokenizer.json").write_text(without_blank(None).to_str(), encoding="utf-8")
    with pytest.raises(ValueError, match=r"tokenizer\.json: the tokenizer has no token for ▁"):
        Tokenizer.load(tmp_path / "tokenizer.json")


def test_a_vocabulary_that_spells_a_blank_as_its_byte_is_taken() -> None:
    tokenizer = Tokenizer(without_blank(" "))
    assert tokenizer.decode(tokenizer.encode("a  b\n")) == "a  b\n" and not tokenizer.spaced


def test_byte_letters_stay_such_in_a_file_that_claims_to_fall_back_on_bytes() -> None:
    config = json.loads(made(DIGITS).json)
    config["model"]["byte_fallback"] = True
    tokenizer = Tokenizer(Backend.from_str(json.dumps(config)))
    assert tokenizer.decode(tokenizer.encode(PROSE)) == PROSE and not tokenizer.spaced
