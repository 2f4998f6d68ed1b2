"""The table of pre-tokens gives the library's own ids: every character, odd text, a full table, other tokenizers."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numba import njit
from tiny import texts
from tokenizers import Tokenizer as Backend
from tokenizers import models, normalizers, pre_tokenizers

from model.tokens import encoder, pretokens
from model.tokens.encoder import TableEncoder, Unknown
from model.tokens.merges import LONGEST
from model.tokens.pretoken import ASSIGNED, UNKNOWN, classes, pretoken_end, span_end
from model.tokens.tokenizer import Tokenizer, train

PROSE = "Größe naïve coöperation — “quoted” 日本語のテキスト を書く. Привет, мир! 12½ ٣٤ x² \u3000 don't we'll I'm\r\n"
DIGITS = pre_tokenizers.Sequence(
    [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
)
GPT2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
FORMS = ("x{0}y", ".{0}.", " {0}{0} ", "5{0}5", "\t{0} z", "'{0}'s{0}t")
ODD = "\n\t '\r  strvelmd019.,()=\x00\x1c\x85\u00a0\u3000\u2028é日٣½\u0301\u0378\ufffd\U0001f600\U000e0100"

text = st.text(st.one_of(st.sampled_from(ODD), st.characters(codec="utf-8")), max_size=80)


@cache
def made(digits: bool) -> Tokenizer:
    """2,000 ids from code and prose, so that merges would cross a boundary in the wrong place."""
    config = json.loads(train([*texts(), *[PROSE] * 40, *[ODD * 3] * 4], 2000).json)
    if not digits:
        config["pre_tokenizer"] = config["pre_tokenizer"]["pretokenizers"][1]
    return Tokenizer(Backend.from_str(json.dumps(config)))


def library(tokenizer: Tokenizer, text: str) -> list[int]:
    return pickle.loads(pickle.dumps(tokenizer))._backend.encode(text, add_special_tokens=False).ids


@njit
def _ends(data, n, points, digits, ends):  # pyright: ignore
    """Fill `ends` with where pre-tokens end, negative for spans that are the library's; returns how many."""
    at = count = 0
    while at < n:
        end = pretoken_end(data, at, n, points, digits)
        ends[count] = end if end > 0 else -span_end(data, at, n)
        at = abs(ends[count])
        count += 1
    return count


def boundaries(text: str, digits: bool) -> tuple[set[int], set[int]]:
    """Bytes where pre-tokens and spans end, and bytes inside of spans."""
    raw = text.encode()
    ends = np.empty(len(raw) + 1, np.int64)
    count = _ends(np.frombuffer(raw + pretokens.PAD, np.uint8), len(raw), classes(), digits, ends)
    inside: set[int] = set()
    for before, end in zip([0, *ends[:count]], ends[:count], strict=False):
        if end < 0:
            inside |= set(range(abs(before) + 1, -end))
    return {abs(int(end)) for end in ends[:count]}, inside


def of_library(text: str, pre_tokenizer: pre_tokenizers.PreTokenizer) -> set[int]:
    place = np.concatenate([[0], np.cumsum([len(c.encode()) for c in text])])
    return {int(place[end]) for _, (_, end) in pre_tokenizer.pre_tokenize_str(text)}


def characters() -> Iterator[list[str]]:
    """All code points that have a class, every 61st of the rest, in runs of a thousand."""
    points = [*range(0xD800), *range(0xE000, ASSIGNED), *range(ASSIGNED, 0x110000, 61)]
    return ([chr(c) for c in points[k : k + 1000]] for k in range(0, len(points), 1000))


@pytest.mark.parametrize(("digits", "reference"), [(True, DIGITS), (False, GPT2)])
@pytest.mark.parametrize("form", FORMS)
def test_every_character_is_cut_where_the_library_cuts(
    form: str, digits: bool, reference: pre_tokenizers.PreTokenizer
) -> None:
    for run in characters():
        text = "".join(form.format(c) + "\n" for c in run)
        ours, inside = boundaries(text, digits)
        assert ours == of_library(text, reference) - inside


def test_few_characters_have_no_class() -> None:
    """Of the Basic Multilingual Plane without surrogates and private use."""
    known = np.r_[classes()[:0xD800], classes()[0xF900:0x10000]]
    assert (known != UNKNOWN).mean() > 0.97


@settings(deadline=None)
@given(text, st.booleans())
@example("'" + "a" * 700 + " " * 1500 + "\u0378" * 1100 + " x", True)
@example("\r\n\r\n  \r\n\tx\n", True)
@example("=" * (LONGEST - 1) + " " + "=" * LONGEST + " " + "=" * (LONGEST + 1), False)
def test_any_text_has_the_library_s_ids(text: str, digits: bool) -> None:
    tokenizer = made(digits)
    assert tokenizer.encode(text) == library(tokenizer, text)
    assert boundaries(text, digits)[0] <= of_library(text, DIGITS if digits else GPT2)


def test_sentinels_in_a_text_are_text() -> None:
    tokenizer = made(True)
    said = "a<|endoftext|>b <fim_prefix>"
    assert tokenizer.encode(said) == library(tokenizer, said) and not set(tokenizer.encode(said)) & set(range(10))


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        made(True).encode("a\ud800b")


def test_a_full_table_begins_anew_and_stays_bounded() -> None:
    tokenizer, reference = made(True), TableEncoder(made(True)._backend, most_slots=1 << 14)
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
        ({"normalizer": {"type": "NFC"}}, "normalises"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "pre-tokenizer is Whitespace"),
        ({"pre_tokenizer": None}, "pre-tokenizer is none"),
        (
            {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}},
            "pre-tokenizer is ByteLevel",
        ),
        ({"model": {"dropout": 1e-12}}, "dropout"),
        ({"model": {"byte_fallback": True}}, "byte_fallback"),
        ({"model": {"ignore_merges": True}}, "ignore_merges"),
    ],
)
def test_a_tokenizer_of_another_kind_is_encoded_by_the_library(
    change: dict, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    config = json.loads(made(True).json)
    model = config["model"] | change.pop("model", {})
    backend = Backend.from_str(json.dumps(config | {"model": model} | change))
    with pytest.raises(Unknown, match=reason):
        TableEncoder(backend)
    with caplog.at_level(logging.WARNING, "midstream.model"):
        assert Tokenizer(backend).encode("def f(): 12") == backend.encode("def f(): 12", add_special_tokens=False).ids
    assert reason in caplog.text and caplog.text.count("encoding is slow") == 1


def test_a_vocabulary_without_all_bytes_or_with_words_of_its_own_is_unknown() -> None:
    few = Backend(models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    few.pre_tokenizer = GPT2
    with pytest.raises(Unknown, match="254 of the 256 bytes"):
        TableEncoder(few)
    words = Backend.from_str(made(True).json)
    words.add_tokens(["<tool>"])
    with pytest.raises(Unknown, match="added tokens"):
        TableEncoder(words)
    words.normalizer = normalizers.NFKC()
    with pytest.raises(Unknown, match="normalises"):
        TableEncoder(words)


def test_a_pickled_tokenizer_encodes_alike() -> None:
    tokenizer = made(True)
    assert encoder.TableEncoder(tokenizer._backend)(PROSE).tolist() == tokenizer.encode(PROSE)
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.encode(PROSE) == tokenizer.encode(PROSE) and copy.hash == tokenizer.hash
