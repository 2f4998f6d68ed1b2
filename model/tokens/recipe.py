"""What the encoder needs to know of a tokenizer, read from its own JSON; what is not known exactly is Unknown."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from model.compiling import njit
from model.tokens.letters import BYTE_LETTERS
from model.tokens.merges import LONGEST, Merges, merge
from model.tokens.pretoken import DEEPSEEK, DIGITS, GPT2, LLAMA3, QWEN
from model.tokens.pretokens import PAD, Table, empty, find, full, insert

_QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_LLAMA3 = _QWEN.replace(r"\p{N}|", r"\p{N}{1,3}|")
_DEEPSEEK = ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+")
_PLAIN, _CUT = "ByteLevel with GPT-2's pattern", "ByteLevel"
PATTERNS: dict[tuple[str, ...], int] = {
    (_PLAIN,): GPT2,
    ("single digits", _PLAIN): DIGITS,
    (_QWEN, _CUT): QWEN,
    (_LLAMA3, _CUT): LLAMA3,
    (*_DEEPSEEK, "single digits", _CUT): DEEPSEEK,
}
"""The steps of the pre-tokenizers that are known: a split's expression, or what a step does."""
_NEVER = frozenset((0xC0, 0xC1, *range(0xF1, 0x100)))
"""Bytes that are never merged here: in no UTF-8 text, or only in characters of no class, which are the library's.
DeepSeek-Coder's vocabulary lacks the former, StarCoder2's 0xF1 as well (planes 4 to 7, where nothing is)."""


class Unknown(ValueError):
    """The table cannot stand in for this tokenizer; the message says why."""


class Word(NamedTuple):
    text: str
    id: int


class EncoderRecipe(NamedTuple):
    pattern: int
    nfc: bool
    """Texts are brought to Unicode's normal form C first."""
    merges: Merges
    whole: Table
    """Pre-tokens that are one token, though merges do not lead to it."""
    words: tuple[Word, ...]
    """Added tokens that texts are cut at; no two of them overlap, nor one and a sentinel."""


def read(config: dict[str, Any]) -> EncoderRecipe:
    """Raises Unknown for a tokenizer that does not cut or merge as the compiled loop does."""
    model = config["model"]
    if model["type"] != "BPE":
        raise Unknown(f"its model is {model['type']}, not BPE")
    for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"):
        if model.get(name):
            raise Unknown(f"its model has {name}")
    pattern, nfc = _pattern(config["pre_tokenizer"]), _is_nfc(config["normalizer"])
    words = _words(config["added_tokens"], nfc)
    vocab: dict[str, int] = model["vocab"]
    missing = sum(letter not in vocab for b, letter in enumerate(BYTE_LETTERS) if b not in _NEVER)
    if missing:
        raise Unknown(f"{missing} of the {256 - len(_NEVER)} bytes that are merged have no id")
    pairs = (m.split(" ") if isinstance(m, str) else m for m in model["merges"])
    triples = [(vocab[left], vocab[right], vocab[left + right]) for left, right in pairs]
    merges = Merges.of([vocab.get(letter, 0) for letter in BYTE_LETTERS], triples)
    return EncoderRecipe(
        pattern, nfc, merges, _whole(vocab, merges) if model.get("ignore_merges") else empty(16), words
    )


def _is_nfc(normalizer: dict[str, Any] | None) -> bool:
    if normalizer is None or normalizer.get("normalizers") == []:
        return False
    if normalizer["type"] != "NFC":
        raise Unknown(f"it normalises its texts by {normalizer['type']}")
    return True


def _pattern(pre_tokenizer: dict[str, Any] | None) -> int:
    steps = [pre_tokenizer or {"type": "none"}]
    if steps[0]["type"] == "Sequence":
        steps = steps[0]["pretokenizers"]
    try:
        return PATTERNS[tuple(_step(step) for step in steps)]
    except KeyError:
        raise Unknown("its pre-tokenizer is " + " and ".join(step["type"] for step in steps)) from None


def _step(step: dict[str, Any]) -> str:
    """What the step does, by the words of PATTERNS; the empty string is none of them."""
    if step["type"] == "Digits" and step["individual_digits"]:
        return "single digits"
    if step["type"] == "ByteLevel" and not step["add_prefix_space"]:
        return _PLAIN if step.get("use_regex", True) else _CUT
    if step["type"] == "Split" and step["behavior"] == "Isolated" and not step["invert"]:
        return step["pattern"].get("Regex", "")
    return ""


def _words(added: list[dict[str, Any]], nfc: bool) -> tuple[Word, ...]:
    """What was added and is no sentinel: DeepSeek-Coder's letters for the bytes of _NEVER."""
    tokens = [token for token in added if not token["special"]]
    if any(token["single_word"] or token["lstrip"] or token["rstrip"] for token in tokens):
        raise Unknown("it has added tokens that are matched in texts with what is around them")
    if nfc and any(token["normalized"] for token in tokens):
        raise Unknown("it has added tokens that are matched in normalised texts")
    if any(_overlap(a["content"], b["content"]) for a in tokens for b in added if a is not b):
        raise Unknown("it has added tokens that overlap")
    return tuple(Word(token["content"], token["id"]) for token in tokens)


def _overlap(a: str, b: str) -> bool:
    """Some text has both at once, in one another or the end of one as the begin of the other."""
    ends = range(1, min(len(a), len(b)))
    return a in b or b in a or any(a[-k:] == b[:k] or b[-k:] == a[:k] for k in ends)


def _whole(vocab: dict[str, int], merges: Merges) -> Table:
    """Of the vocabulary's tokens of at most LONGEST bytes; the longer ones are the library's anyway."""
    byte_of = {letter: b for b, letter in enumerate(BYTE_LETTERS)}
    spelled = {token: i for token, i in vocab.items() if len(token) <= LONGEST and all(c in byte_of for c in token)}
    data = np.frombuffer(b"".join(bytes(byte_of[c] for c in token) for token in spelled) + PAD, np.uint8)
    ends, ids = np.cumsum([len(token) for token in spelled]), np.array([*spelled.values()], np.int32)
    beside = np.flatnonzero(_beside(data, ends, ids, merges))
    table = empty(max(256, 1 << (2 * beside.size + 2).bit_length()))
    for k in beside:
        at, end = int(ends[k - 1]) if k else 0, int(ends[k])
        if full(table):
            raise Unknown("too much of its vocabulary is beside its merges")
        insert(data, at, end - at, find(data, at, end - at, *table[:3]), ids[k:], 1, table)
    return table


@njit(cache=True, nogil=True)
def _beside(data, ends, ids, merges):  # pyright: ignore
    """Of each token, the bytes up to its end, whether the merges make something else of them."""
    work, found = np.empty(LONGEST, np.int32), np.empty(LONGEST, np.uint64)
    beside = np.zeros(ends.size, np.bool_)
    at = 0
    for k in range(ends.size):
        end = ends[k]
        if end > at:
            beside[k] = merge(data, at, end, merges.first, merges.pairs, work, found) != 1 or work[0] != ids[k]
        at = end
    return beside
