"""The table of pre-tokens gives the library's own ids: every character, odd text, a full table, other tokenizers."""

from __future__ import annotations

import json
import logging
import pickle
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, models, normalizers
from tokenizers import Tokenizer as Backend

from model.tokens import encoder, pretokens
from model.tokens.characters import ASSIGNED
from model.tokens.encoder import TableEncoder
from model.tokens.merges import LONGEST
from model.tokens.pretoken import DEEPSEEK, DIGITS, GPT2, LLAMA3, QWEN
from model.tokens.recipe import Unknown
from model.tokens.tokenizer import Tokenizer
from tests.support.tokens.patterns import MORE, NAMES, ODD, PATTERNS, PROSE, library, made

SPLIT = {"type": "Split", "pattern": {"Regex": r"\p{L}+"}, "behavior": "Isolated", "invert": False}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}

text = st.text(st.one_of(st.sampled_from(ODD), st.characters(codec="utf-8")), max_size=80)


@settings(deadline=None, max_examples=300)
@given(text, st.sampled_from(list(PATTERNS)))
@example("'" + "a" * 700 + " " * 1500 + "\u0378" * 1100 + " x", DIGITS)
@example("\r\n\r\n  \r\n\tx\n", QWEN)
@example("a\u0327\U0001e08f\u0323 b", QWEN)
@example("=" * (LONGEST - 1) + " " + "=" * LONGEST + " " + "=" * (LONGEST + 1), GPT2)
def test_any_text_has_the_library_s_ids(text: str, pattern: int) -> None:
    assert made(pattern).encode(text) == library(made(pattern), text)


@pytest.mark.parametrize("pattern", PATTERNS, ids=NAMES.get)
def test_prose_of_many_scripts_has_the_library_s_ids_from_the_table(pattern: int) -> None:
    said = (PROSE + MORE) * 3
    assert made(pattern)._encoder is not None
    assert made(pattern).encode(said) == library(made(pattern), said)


def test_what_is_not_in_form_c_is_normalised_as_the_library_does() -> None:
    """Every character that has a class, decomposed, behind a letter and before a mark."""
    tokenizer = made(QWEN)
    points = [chr(c) for c in range(ASSIGNED) if unicodedata.category(chr(c)) not in ("Cn", "Cs")]
    odd = [c for c in points if unicodedata.normalize("NFD", c) != c or unicodedata.combining(c)]
    assert len(odd) > 13_000
    for k in range(0, len(odd), 500):
        said = "".join(f"a{unicodedata.normalize('NFD', c)}\u0323{c}\u0301\n" for c in odd[k : k + 500])
        assert tokenizer.encode(said) == library(tokenizer, said)


def test_a_token_that_merges_do_not_lead_to_is_taken_whole() -> None:
    """Llama 3's `ignore_merges`: only a whole pre-token is looked up, short or long, and longer than is merged."""
    config = json.loads(made(LLAMA3).json)
    vocab, whole = config["model"]["vocab"], ("Ġqzqzqz", "zqzq", "zq" * 30, "zq" * LONGEST)
    vocab |= {token: len(vocab) + n for n, token in enumerate(whole)}
    config["model"]["ignore_merges"] = True
    said = "zqzq qzqzqz qzqzqzq " + "\n".join((*whole, "zq" * 31))
    for ignored in (True, False):
        config["model"]["ignore_merges"] = ignored
        tokenizer = Tokenizer(Backend.from_str(json.dumps(config)))
        assert tokenizer._encoder is not None
        ids = tokenizer.encode(said)
        assert ids == library(tokenizer, said) and (ids[0] == vocab["zqzq"]) == ignored


def test_added_tokens_cut_a_text() -> None:
    """DeepSeek-Coder's file adds letters for the bytes that no text has, and its merges lack them."""
    config = json.loads(made(DEEPSEEK).json)
    for letter in "õ÷Áý":
        number = config["model"]["vocab"].pop(letter)
        config["added_tokens"].append(
            {"id": number, "content": letter, "special": False, "normalized": True}
            | dict.fromkeys(("single_word", "lstrip", "rstrip"), False)
        )
    tokenizer = Tokenizer(Backend.from_str(json.dumps(config)))
    assert tokenizer._encoder is not None
    for said in ("", "õ", "ab õõ÷ cÁd ý", "plain", "pöõ日"):
        assert tokenizer.encode(said) == library(tokenizer, said)
        assert tokenizer.decode(tokenizer.encode(said)) == said


def test_sentinels_in_a_text_are_text() -> None:
    tokenizer = made(DIGITS)
    said = "a<|endoftext|>b <fim_prefix>"
    assert tokenizer.encode(said) == library(tokenizer, said) and not set(tokenizer.encode(said)) & set(range(10))


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        made(DIGITS).encode("a\ud800b")


def test_a_full_table_begins_anew_and_stays_bounded() -> None:
    tokenizer, reference = made(DIGITS), TableEncoder(made(DIGITS)._backend, most_slots=1 << 14)
    words = [f"word{'abcdefghij'[n % 10]}{chr(97 + n // 10 % 26)}{chr(97 + n // 260 % 26)}{chr(97 + n // 6760)}"
             for n in range(30_000)]  # fmt: skip
    most = 0
    for k in range(0, len(words), 500):
        text = " ".join(words[k : k + 500])
        assert reference(text).tolist() == library(tokenizer, text)
        most = max(most, reference.entries)
    assert reference.entries < most <= 1 << 13
    assert reference.memory == pretokens.empty(1 << 14).nbytes


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"normalizer": {"type": "NFKC"}}, "normalises its texts by NFKC"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "pre-tokenizer is Whitespace"),
        ({"pre_tokenizer": None}, "pre-tokenizer is none"),
        (
            {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}},
            "pre-tokenizer is ByteLevel",
        ),
        ({"model": {"dropout": 1e-12}}, "dropout"),
        ({"model": {"byte_fallback": True}}, "byte_fallback"),
        (
            {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [SPLIT, BYTES]}},
            "pre-tokenizer is Split and ByteLevel",
        ),
    ],
)
def test_a_tokenizer_of_another_kind_is_encoded_by_the_library(
    change: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = json.loads(made(DIGITS).json)
    model = config["model"] | change.pop("model", {})
    backend = Backend.from_str(json.dumps(config | {"model": model} | change))
    with pytest.raises(Unknown, match=reason):
        TableEncoder(backend)
    with caplog.at_level(logging.WARNING, "midstream.model"):
        assert Tokenizer(backend).encode("def f(): 12") == backend.encode("def f(): 12", add_special_tokens=False).ids
    assert reason in caplog.text and caplog.text.count("encoding is slow") == 1


def test_a_vocabulary_without_all_bytes_or_with_words_of_its_own_is_unknown() -> None:
    few = Backend(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    few.pre_tokenizer = PATTERNS[GPT2]
    with pytest.raises(Unknown, match="237 of the 239 bytes"):
        TableEncoder(few)


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        (["tool", "ol>"], "overlap"),
        (["fim"], "overlap"),
        ([AddedToken("tool", lstrip=True)], "what is around them"),
        ([AddedToken("tool", normalized=True)], "in normalised texts"),
    ],
)
def test_added_tokens_that_depend_on_what_is_around_are_the_library_s(added: list[Any], reason: str) -> None:
    words = Backend.from_str(made(QWEN).json)
    words.add_tokens(added)
    if reason == "overlap":
        words.normalizer = normalizers.Sequence([])
    with pytest.raises(Unknown, match=reason):
        TableEncoder(words)


def test_a_pickled_tokenizer_encodes_alike() -> None:
    tokenizer = made(DIGITS)
    assert encoder.TableEncoder(tokenizer._backend)(PROSE).tolist() == tokenizer.encode(PROSE)
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.encode(PROSE) == tokenizer.encode(PROSE) and copy.hash == tokenizer.hash
