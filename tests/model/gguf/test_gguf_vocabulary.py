"""Tokenizers in GGUF files: tokens, their types, the ids with a meaning, and the names of ways to cut texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gguf
import msgspec
import pytest

from model.families.reading import Refused
from model.fim.formats import STARCODER, STARCODER2
from model.gguf import vocabulary
from model.gguf.export import export
from model.tokens.letters import BYTE_LETTERS
from model.tokens.tokenizer import Tokenizer, train
from tests.support.models import shapes
from tests.support.models.tiny import tokenizer


def test_the_tokens_of_a_file(tmp_path: Path) -> None:
    tok = tokenizer()
    export(shapes.written(tmp_path / "c", shapes.decoder(shapes.bigcode())), tmp_path / "m.gguf", "f32")
    fields = gguf.GGUFReader(tmp_path / "m.gguf").fields
    found = {k.removeprefix("tokenizer.ggml."): v.contents() for k, v in fields.items() if k.startswith("tokenizer.")}
    assert len(found["tokens"]) == len(found["token_type"]) == shapes.ROWS
    assert (found["model"], found["add_bos_token"], found["add_eos_token"]) == ("gpt2", False, False)
    assert found["tokens"][-3:] == [f"[PAD{n}]" for n in range(tok.vocab_size, shapes.ROWS)]
    for token, i in tok.specials.items():
        assert (found["tokens"][i], found["token_type"][i]) == (token, vocabulary.CONTROL)
    assert found["token_type"].count(vocabulary.NORMAL) == tok.vocab_size - len(tok.specials)
    merges = json.loads(tok.json)["model"]["merges"]
    assert found["merges"] == [" ".join(pair) for pair in merges] and len(merges) > 10
    ids = {k: v for k, v in found.items() if k.endswith("_id")}
    names = {
        "bos_token_id": "<|endoftext|>", "eos_token_id": "<|endoftext|>", "padding_token_id": "<fim_pad>",
        "fim_pre_token_id": "<fim_prefix>", "fim_suf_token_id": "<fim_suffix>", "fim_mid_token_id": "<fim_middle>",
        "fim_pad_token_id": "<fim_pad>", "fim_rep_token_id": "<reponame>", "fim_sep_token_id": "<filename>",
    }  # fmt: skip
    assert ids == {key: tok.special(name) for key, name in names.items()}


def test_ids_follow_the_format() -> None:
    tok = train(["a b c"] * 3, vocab_size=300, fmt=STARCODER2)
    keys = vocabulary.keys(tok, STARCODER2, tok.vocab_size)
    assert keys["tokenizer.ggml.fim_sep_token_id"] == tok.special("<file_sep>")
    with pytest.raises(Refused, match="the tokenizer has no <end>"):
        vocabulary.keys(tok, msgspec.structs.replace(STARCODER2, end="<end>"), tok.vocab_size)


def changed(**keys: Any) -> dict[str, Any]:
    config = json.loads(tokenizer().json)
    for name, value in keys.items():
        (config["model"] if name in ("dropout", "ignore_merges", "type") else config)[name] = value
    return config


BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
GPT2 = {**BYTES, "use_regex": True}


def split(*patterns: str) -> dict[str, Any]:
    steps = [{"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False} for p in patterns]
    return {"type": "Sequence", "pretokenizers": [*steps, BYTES]}


def test_ways_to_cut_and_their_names() -> None:
    llama3 = split(vocabulary._LLAMA3)
    assert vocabulary.pre_tokenizer(changed()) == "smollm"
    assert vocabulary.pre_tokenizer(changed(pre_tokenizer=GPT2)) == "trillion"
    assert (
        vocabulary.pre_tokenizer(changed(pre_tokenizer=split(vocabulary._QWEN2), normalizer={"type": "NFC"})) == "qwen2"
    )
    assert vocabulary.pre_tokenizer(changed(pre_tokenizer=llama3, ignore_merges=True)) == "llama-bpe"
    assert vocabulary.pre_tokenizer(changed(pre_tokenizer=llama3)) == "smaug-bpe"


@pytest.mark.parametrize(
    ("config", "word"),
    [
        (changed(pre_tokenizer=split(r"\w+")), r"no name in llama.cpp is known .* \(Split and ByteLevel\)"),
        (changed(pre_tokenizer={**GPT2, "add_prefix_space": True}), "no name"),
        (changed(pre_tokenizer=None), r"\(nothing\)"),
        (changed(ignore_merges=True), "ignore_merges"),
        (changed(dropout=0.1), "the tokenizer has dropout"),
        (changed(normalizer={"type": "Lowercase"}), "normalises its texts by Lowercase"),
        (changed(type="Unigram"), "the tokenizer is Unigram, and only BPE"),
    ],
)
def test_other_ways_are_refused(config: dict[str, Any], word: str) -> None:
    with pytest.raises(Refused, match=word):
        vocabulary.pre_tokenizer(config)


def without_bytes(*left_out: int) -> dict[str, Any]:
    config = changed(pre_tokenizer=GPT2)
    for byte in left_out:
        del config["model"]["vocab"][BYTE_LETTERS[byte]]
    return config


def test_bytes_that_no_text_has_need_no_tokens() -> None:
    """StarCoder2's vocabulary has none for these; DeepSeek-Coder's has added ones, which are letters and no bytes."""
    config = without_bytes(0xC0, 0xC1, 0xF1, *range(0xF5, 0x100))
    assert vocabulary.pre_tokenizer(config) == "trillion"
    with pytest.raises(Refused, match="1 of the 256 bytes are no tokens of the tokenizer, C3 among them"):
        vocabulary.pre_tokenizer(without_bytes(0xC3, 0xFF))


def pieces(tmp_path: Path, **keys: Any) -> Tokenizer:
    """A tokenizer of SentencePiece's kind with three merges."""
    alphabet = ["<unk>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", "a", "b", "ab", "▁a", "▁ab"]
    config = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [
            {"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
             "special": True} for i, token in enumerate(alphabet[:2])
        ],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ]},
        "pre_tokenizer": None, "post_processor": None, "decoder": None,
        "model": {
            "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None,
            "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(alphabet)}, "merges": ["a b", "▁ a", "▁a b", "▁ ab"],
        },
    } | keys  # fmt: skip
    (tmp_path / "tokenizer.json").write_text(json.dumps(config))
    return Tokenizer.load(tmp_path / "tokenizer.json")


def test_sentencepiece_s_kind_has_scores(tmp_path: Path) -> None:
    tok, fmt = pieces(tmp_path), msgspec.structs.replace(STARCODER, end="</s>", begin="</s>")
    keys = vocabulary.keys(tok, fmt, tok.vocab_size)
    found = {k.removeprefix("tokenizer.ggml."): v for k, v in keys.items()}
    tokens, scores, types = found["tokens"], found["scores"], found["token_type"]
    assert found["model"] == "llama" and found["add_space_prefix"] and found["add_bos_token"]
    assert {t: scores[tokens.index(t)] for t in ("ab", "▁a", "▁ab")} == {"ab": 0, "▁a": -1, "▁ab": -2}
    assert min(scores) == scores[tokens.index("a")] < -2 and found["unknown_token_id"] == 0
    assert types[:3] == [vocabulary.UNKNOWN, vocabulary.CONTROL, vocabulary.BYTE] and types[-1] == vocabulary.NORMAL
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": False}
    other = pieces(tmp_path, normalizer=None, pre_tokenizer=metaspace)
    assert vocabulary.keys(other, fmt, other.vocab_size)["tokenizer.ggml.add_space_prefix"] is False
    cut = pieces(tmp_path, normalizer=None, pre_tokenizer={**metaspace, "split": True})
    with pytest.raises(Refused, match="a way that is not SentencePiece's"):
        vocabulary.keys(cut, fmt, cut.vocab_size)
