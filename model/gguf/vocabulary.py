"""A tokenizer as the metadata that llama.cpp reads.

Byte-level BPE: tokens, merges, and the name by which llama.cpp cuts texts so. SentencePiece's kind: tokens and scores.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from model.families.reading import Refused
from model.fim.format import Format
from model.gguf.shape import Keys, Value
from model.tokens.letters import BYTE_LETTERS
from model.tokens.tokenizer import BLANK, Tokenizer

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
"""Types of tokens, GGUF's numbers. Control tokens are sentinels; user-defined ones are found in any text."""
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_LLAMA3 = _QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
_DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^""" + "\r\n" + r"""\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[""" + "\r\n" + r"""]*|\s*[""" + "\r\n" + r"""]+|\s+(?!\S)|\s+"""
)  # fmt: skip
PRE_TOKENIZERS: dict[tuple[str, ...], str] = {
    ("gpt-2",): "trillion",
    ("digits", "gpt-2"): "smollm",
    (_QWEN2, "bytes"): "qwen2",
    (_LLAMA3, "bytes"): "smaug-bpe",
    (r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", _DEEPSEEK3, "bytes"): "deepseek-v3",
    ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", "digits", "bytes"): "deepseek-coder",
}
"""The steps of a tokenizer.json's pre-tokenizer to llama.cpp's name for them. Of several names for one way, one under
which a text comes back as it was: with gpt-2's and starcoder's own, `a != b` comes back as `a!= b`."""
CLEANED = ("smaug-bpe", "llama-bpe")
"""Names with that fault, for which there is no other."""
WHOLE_FIRST = {"smaug-bpe": "llama-bpe"}
"""llama.cpp's name for the same where a pre-token that is a token is not merged (`ignore_merges`)."""

RARE_BYTES = frozenset((0xC0, 0xC1, *range(0xF1, 0x100)))
"""Bytes that stand in no UTF-8 (C0, C1, F5 to FF), or in that of characters from U+40000 on alone, of which none is
assigned but for private use: StarCoder2's vocabulary has no tokens for some, DeepSeek-Coder's has added ones."""


def keys(tokenizer: Tokenizer, fmt: Format, rows: int) -> Keys:
    """The metadata of the tokenizer. `rows`: of the embedding, each of which needs a token. Raises Refused."""
    config = json.loads(tokenizer.json)
    tokens, types = _tokens(config, rows)
    kind = _pieces(config, tokens, types) if config["model"].get("byte_fallback") else _letters(config)
    both: dict[str, Value] = {
        **kind, "tokens": tokens, "token_type": types, "add_bos_token": bool(fmt.begin), "add_eos_token": False,
        **_ids(tokenizer, fmt),
    }  # fmt: skip
    return {f"tokenizer.ggml.{key}": value for key, value in both.items()}


def _letters(config: Mapping[str, Any]) -> Keys:
    """Of byte-level BPE. Raises Refused."""
    merges = [" ".join(pair) for pair in _merges(config)]
    return {"model": "gpt2", "pre": pre_tokenizer(config), "merges": merges, "add_space_prefix": False}


def _pieces(config: Mapping[str, Any], tokens: Sequence[str], types: list[int]) -> Keys:
    """Of SentencePiece's kind: llama.cpp joins the two neighbours whose joint piece has the highest score, so a piece's
    score is minus the rank of the first merge that makes it. Marks the types of bytes. Raises Refused."""
    spaced = _is_spaced(config)
    ids = {token: i for i, token in enumerate(tokens)}
    scores = [-float(len(tokens))] * len(tokens)
    for rank, pair in reversed(list(enumerate(_merges(config)))):
        scores[ids["".join(pair)]] = -float(rank)
    for byte in range(256):
        types[ids[f"<0x{byte:02X}>"]] = BYTE
    unknown: dict[str, Value] = {}
    if config["model"]["unk_token"] in ids:
        unknown = {"unknown_token_id": ids[config["model"]["unk_token"]]}
        types[ids[config["model"]["unk_token"]]] = UNKNOWN
    return {"model": "llama", "pre": "default", "scores": scores, "add_space_prefix": spaced, **unknown}


def _merges(config: Mapping[str, Any]) -> list[list[str]]:
    return [m.split(" ") if isinstance(m, str) else m for m in config["model"]["merges"]]


def _is_spaced(config: Mapping[str, Any]) -> bool:
    """Whether a space is put before every text. Raises Refused for a way that is not SentencePiece's."""
    _refuse_frills(config["model"], ("ignore_merges",))
    steps, cut = _normalizers(config), config["pre_tokenizer"] or {}
    plain = [{"type": "Replace", "pattern": {"String": " "}, "content": BLANK}]
    first = {"type": "Prepend", "prepend": BLANK}
    whole = all(f"<0x{byte:02X}>" in config["model"]["vocab"] for byte in range(256))
    if whole and not cut and steps in (plain, [first, *plain]):
        return first in steps
    metaspace = cut.get("type") == "Metaspace" and cut["replacement"] == BLANK and cut.get("split") is False
    if whole and not steps and metaspace and cut["prepend_scheme"] in ("first", "never"):
        return cut["prepend_scheme"] == "first"
    raise Refused("the tokenizer makes pieces of its texts in a way that is not SentencePiece's, which llama.cpp knows")


def pre_tokenizer(config: Mapping[str, Any]) -> str:
    """llama.cpp's name for how a tokenizer.json cuts its texts. Raises Refused."""
    _refuse_other_models(config)
    given: dict[str, Any] = config["pre_tokenizer"] or {"type": "nothing"}
    steps: list[dict[str, Any]] = given["pretokenizers"] if given["type"] == "Sequence" else [given]
    name = PRE_TOKENIZERS.get(tuple(map(_step, steps)))
    whole = bool(config["model"].get("ignore_merges"))
    if name is None or (whole and name not in WHOLE_FIRST):
        kinds = " and ".join(step["type"] for step in steps)
        raise Refused(
            f"no name in llama.cpp is known for how the tokenizer cuts its texts ({kinds}{', ignore_merges' * whole}), "
            "but for the ways of GPT-2, StarCoder, Qwen2, Llama 3, DeepSeek-Coder and DeepSeek-V3"
        )
    return WHOLE_FIRST[name] if whole else name


def notes(tokenizer: Tokenizer, pre: str) -> list[str]:
    """What is different there, in sentences. `pre`: llama.cpp's name for how texts are cut."""
    said: list[str] = []
    if any(step["type"] == "NFC" for step in _normalizers(json.loads(tokenizer.json))):
        said.append("llama.cpp does not compose characters (NFC): text that is not composed gets other ids there")
    if pre in CLEANED:
        said.append("llama.cpp takes blanks before . , ! ? away when it makes a whole text of ids, not token by token")
    return said


def _normalizers(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    given = config["normalizer"] or {"type": "Sequence", "normalizers": []}
    return given["normalizers"] if given["type"] == "Sequence" else [given]


def _step(step: Mapping[str, Any]) -> str:
    """A step of a pre-tokenizer as one word or its pattern; empty for one that is not known."""
    kind = step["type"]
    if kind == "Digits" and step["individual_digits"]:
        return "digits"
    if kind == "ByteLevel" and not step["add_prefix_space"]:
        return "gpt-2" if step.get("use_regex", True) else "bytes"
    if kind == "Split" and step["behavior"] == "Isolated" and not step["invert"]:
        return step["pattern"].get("Regex", "")
    return ""


def _refuse_other_models(config: Mapping[str, Any]) -> None:
    """Raises Refused for all but byte-level BPE without frills."""
    _refuse_frills(config["model"])
    if others := [step["type"] for step in _normalizers(config) if step["type"] != "NFC"]:
        raise Refused(f"the tokenizer normalises its texts by {' and '.join(others)}, which llama.cpp does not do")
    vocab = config["model"]["vocab"]
    missing = [byte for byte, letter in enumerate(BYTE_LETTERS) if letter not in vocab and byte not in RARE_BYTES]
    if missing:
        raise Refused(f"{len(missing)} of the 256 bytes are no tokens of the tokenizer, {missing[0]:02X} among them")


def _refuse_frills(model: Mapping[str, Any], more: tuple[str, ...] = ()) -> None:
    """Raises Refused."""
    if model["type"] != "BPE":
        raise Refused(f"the tokenizer is {model['type']}, and only BPE can be written to GGUF")
    frills = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", *more)
    if named := [name for name in frills if model.get(name)]:
        raise Refused(f"the tokenizer has {', '.join(named)}, which llama.cpp does not know")


def _tokens(config: Mapping[str, Any], rows: int) -> tuple[list[str], list[int]]:
    """A token and its type for each row of the embedding. Raises Refused."""
    tokens, types = [f"[PAD{n}]" for n in range(rows)], [UNUSED] * rows
    for token, i in config["model"]["vocab"].items():
        tokens[i], types[i] = token, NORMAL
    for added in config["added_tokens"]:
        i = added["id"]
        tokens[i], types[i] = added["content"], CONTROL if added["special"] else USER_DEFINED
    if len(set(tokens)) < rows:
        raise Refused("two ids of the tokenizer have the same token")
    return tokens, types


def _ids(tokenizer: Tokenizer, fmt: Format) -> dict[str, Value]:
    """Of the tokens with a meaning. A format of masks has no prefix sentinel, and infills as llama.cpp cannot."""
    ids = tokenizer.specials
    if fmt.end not in ids:
        raise Refused(f"the tokenizer has no {fmt.end}")
    named = {
        "bos_token_id": fmt.begin or fmt.end, "eos_token_id": fmt.end, "eot_token_id": fmt.close,
        "padding_token_id": fmt.pad or fmt.end,
    }  # fmt: skip
    if fmt.prefix:
        named |= {
            "fim_pre_token_id": fmt.prefix, "fim_suf_token_id": fmt.suffix, "fim_mid_token_id": fmt.middle,
            "fim_pad_token_id": fmt.pad, "fim_rep_token_id": fmt.repository, "fim_sep_token_id": fmt.file,
        }  # fmt: skip
    return {key: ids[token] for key, token in named.items() if token in ids}
