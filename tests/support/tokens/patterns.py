"""The pre-token patterns as they are published, and where ours and the library's pre-tokens end."""

from __future__ import annotations

import json
import pickle
from functools import cache

import numpy as np
from numba import njit
from tokenizers import Regex, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Backend

from model.tokens import pretokens
from model.tokens.pretoken import DEEPSEEK, DIGITS, GPT2, LLAMA3, QWEN, points, pretoken_end, span_end
from model.tokens.tokenizer import Tokenizer, train
from tests.support.models.tiny import texts

PROSE = "Größe naïve coöperation — “quoted” 日本語のテキスト を書く. Привет, мир! 12½ ٣٤ x² \u3000 don't we'll I'm\r\n"
MORE = "IT'S don'T we'VE 日本, 中文abc。\u3000中 한국어 12345\t(x)\n\n\n  x=1 ₹5 a\u0301\u0300 1٢३ ſ'ſ ’s ==\r\n\r\n"
ODD = (
    "\n\t '\r  strvelmd019.,()=\x00\x1c\x85\u00a0\u3000\u2028é日٣½\u0301\u0378\ufffd\U0001f600\U000e0100"
    "STRVELMDſ一龥龦가ퟻ\u07ff\u0800①।、"
)
"""Contractions in both cases, ends of lines, spaces, digits, marks, and both ends of DeepSeek-Coder's range."""

_BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
_PLAIN = pre_tokenizers.ByteLevel(add_prefix_space=False)
_SINGLE = pre_tokenizers.Digits(individual_digits=True)


def _split(expression: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Split(Regex(expression), "isolated")


def _cl100k(numbers: str) -> str:
    """Qwen2.5's tokenizer.json, and Llama 3's."""
    return (
        rf"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{numbers}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


DEEPSEEK_SPLITS = ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+")
"""deepseek-coder-6.7b-base's tokenizer.json."""
PATTERNS = {
    GPT2: _PLAIN,
    DIGITS: pre_tokenizers.Sequence([_SINGLE, _PLAIN]),
    QWEN: pre_tokenizers.Sequence([_split(_cl100k(r"\p{N}")), _BYTES]),
    LLAMA3: pre_tokenizers.Sequence([_split(_cl100k(r"\p{N}{1,3}")), _BYTES]),
    DEEPSEEK: pre_tokenizers.Sequence([*map(_split, DEEPSEEK_SPLITS), _SINGLE, _BYTES]),
}
NAMES = {GPT2: "gpt2", DIGITS: "starcoder2", QWEN: "qwen2", LLAMA3: "llama3", DEEPSEEK: "deepseek"}


@cache
def made(pattern: int) -> Tokenizer:
    """2,000 ids from code and prose, learned with single digits, so that merges would cross a boundary of another
    pattern in the wrong place; Qwen2's brings texts to form C."""
    config = json.loads(train([*texts(), *[PROSE, MORE] * 40, *[ODD * 3] * 4], 2000).json)
    backend = Backend.from_str(json.dumps(config))
    backend.pre_tokenizer = PATTERNS[pattern]
    if pattern == QWEN:
        backend.normalizer = normalizers.NFC()
    return Tokenizer(backend)


def library(tokenizer: Tokenizer, text: str) -> list[int]:
    return pickle.loads(pickle.dumps(tokenizer))._backend.encode(text, add_special_tokens=False).ids


@njit
def _ends(data, n, points, pattern, ends):  # pyright: ignore
    """Fill `ends` with where pre-tokens end, negative for spans that are the library's; returns how many."""
    at = count = 0
    while at < n:
        end = pretoken_end(data, at, n, points, pattern)
        ends[count] = end if end > 0 else -span_end(data, at, n)
        at = abs(ends[count])
        count += 1
    return count


def boundaries(text: str, pattern: int) -> tuple[set[int], set[int]]:
    """Bytes where pre-tokens and spans end, and bytes inside of spans."""
    raw = text.encode()
    found = np.empty(len(raw) + 1, np.int64)
    data = np.frombuffer(raw + pretokens.PAD, np.uint8)
    count = _ends(data, len(raw), points(pattern), pattern, found)
    inside: set[int] = set()
    for before, end in zip([0, *found[:count]], found[:count], strict=False):
        if end < 0:
            inside |= set(range(abs(before) + 1, -end))
    return {abs(int(end)) for end in found[:count]}, inside


def of_library(text: str, pattern: int) -> set[int]:
    place = np.concatenate([[0], np.cumsum([len(c.encode()) for c in text])])
    return {int(place[end]) for _, (_, end) in PATTERNS[pattern].pre_tokenize_str(text)}
