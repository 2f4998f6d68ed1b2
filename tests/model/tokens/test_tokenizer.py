"""The tokenizer: lossless, the same every time, sentinels apart from text."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend

from model.fim.formats import STARCODER
from model.tokens.tokenizer import Tokenizer, train
from tests.support.models.tiny import texts, tokenizer
from tests.support.tokens.seeds import seed_tokenizer


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8")))
def test_decode_gives_the_text_back(text: str) -> None:
    ids = tokenizer().encode(text)
    assert tokenizer().decode(ids) == text
    assert b"".join(tokenizer().bytes_of[i] for i in ids) == text.encode()


def test_training_twice_gives_one_hash() -> None:
    assert train(texts(), 320).hash == tokenizer().hash != train(texts(), 321).hash


def test_digits_are_split_one_by_one() -> None:
    tok = train(["12345 12345 12345\n"] * 50, 400)
    assert [tok.bytes_of[i] for i in tok.encode("12345")] == [b"1", b"2", b"3", b"4", b"5"]


def test_sentinels_come_first_and_are_special() -> None:
    assert [tokenizer().special(s) for s in STARCODER.sentinels] == list(range(len(STARCODER.sentinels)))
    with pytest.raises(ValueError, match="no sentinel"):
        tokenizer().special("<no_such>")


def test_save_and_load_keep_hash_and_ids(tmp_path: Path) -> None:
    tokenizer().save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    text = "def f(x): return '<fim_suffix>'"
    assert (loaded.hash, loaded.vocab_size, loaded.encode(text)) == (
        tokenizer().hash, tokenizer().vocab_size, tokenizer().encode(text),
    )  # fmt: skip


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer\.json is not a tokenizer"):
        Tokenizer.load(tmp_path / "tokenizer.json")


def test_sentinels_that_a_file_leaves_open_are_sealed() -> None:
    config = json.loads(tokenizer().json)
    hole = {"id": len(config["model"]["vocab"]), "content": "<｜fim▁hole｜>", "special": False, "single_word": False,
            "lstrip": False, "rstrip": False, "normalized": True}  # fmt: skip
    config["added_tokens"].append(hole)
    made = Tokenizer(Backend.from_str(json.dumps(config)))
    assert made.special("<｜fim▁hole｜>") == hole["id"] not in made.encode("a<｜fim▁hole｜>b")
    assert made.decode(made.encode("a<｜fim▁hole｜>b")) == "a<｜fim▁hole｜>b"


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8")))
def test_sentencepieces_kind_gives_the_text_back(text: str) -> None:
    spaced = seed_tokenizer("codellama")
    assert spaced.spaced and not tokenizer().spaced
    assert spaced.decode(spaced.encode(text)) == text.replace("▁", " ")
    assert (
        b"".join(spaced.bytes_of[i] for i in spaced.encode(text))
        == (" " * bool(text) + text.replace("▁", " ")).encode()
    )
