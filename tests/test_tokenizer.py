"""The tokenizer: lossless, the same every time, sentinels apart from text."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import texts, tokenizer

from model.formats import STARCODER
from model.tokenizer import Tokenizer, train


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
