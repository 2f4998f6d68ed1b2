"""A tokenizer as the metadata that llama.cpp reads: tokens, merges, and by which name llama.cpp cuts texts so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from model.families.reading import Refused
from model.fim.format import Format
from model.gguf.shape import Keys, Value
from model.tokens.letters import BYTE_LETTERS
from model.tokens.tokenizer import Tokenizer

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
"""Types of tokens, GGUF's numbers. Control tokens are sentinels; user-defined ones are found in any text."""
_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_LLAMA3 = _QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
_DEEPSEEK3 = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^<r><n>\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[<r><n>]*|\s*[<r><n>]+|\s+(?!\S)|\s+"""
).replace("<r>", "\r").replace("<n>", "\n")
PRE_TOKENIZERS: dict[tuple[str, ...], str] = {
    ("gpt-2",): "trillion",
    ("digits", "gpt-2"): "smollm",
    (_QWEN2, "bytes"): "qwen2",
    (_LLAMA3, "bytes"): "smaug-bpe",
    (r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+", _DEEPSEEK3, "bytes"): "deepseek-v3",
    ("[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", "digits", "bytes"): "deepseek-coder",
}
"""The steps of a tokenizer.json's pre-tokenizer to llama.cpp's name for them."""
WHOLE_FIRST = {"smaug-bpe": "llama-bpe"}
"""llama.cpp's name for the same where a pre-token that is a token is not merged (`ignore_merges`)."""


def keys(tokenizer: Tokenizer, fmt: Format, rows: int) -> Keys:
    """The metadata of the tokenizer. `rows`: of the embedding, each of which needs a token. Raises Refused."""
    config = json.loads(tokenizer.json)
    tokens, types = _tokens(config, rows)
    found: dict[str, Value] = {
        "model": "gpt2", "pre": pre_tokenizer(config), "tokens": tokens, "token_type": types,
        "merges": [m if isinstance(m, str) else " ".join(m) for m in config["model"]["merges"]],
        "add_bos_token": bool(fmt.begin), "add_eos_token": False, "add_space_prefix": False, **_ids(tokenizer, fmt),
    }  # fmt: skip
    return {f"tokenizer.ggml.{key}": value for key, value in found.items()}


def pre_tokenizer(config: Mapping[str, Any]) -> str:
    """llama.cpp's name for how a tokenizer.json cuts its texts. Raises Refused."""
    _refuse_other_models(config)
    steps = config["pre_tokenizer"] or {"type": "nothing"}
    steps = steps["pretokenizers"] if steps["type"] == "Sequence" else [steps]
    name = PRE_TOKENIZERS.get(tuple(map(_step, steps)))
    whole = bool(config["model"].get("ignore_merges"))
    if name is None or (whole and name not in WHOLE_FIRST):
        kinds = " and ".join(step["type"] for step in steps)
        raise Refused(
            f"llama.cpp has no name for how the tokenizer cuts its texts ({kinds}{', ignore_merges' * whole}): it knows "
            f"the ways of GPT-2, StarCoder, Qwen2, Llama 3, DeepSeek-Coder and DeepSeek-V3"
        )
    return WHOLE_FIRST[name] if whole else name


def notes(tokenizer: Tokenizer) -> list[str]:
    """What is different there, in sentences."""
    if (json.loads(tokenizer.json)["normalizer"] or {}).get("type") != "NFC":
        return []
    return ["llama.cpp does not compose characters (NFC) as the tokenizer does: text that is not composed gets other ids"]


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
    model, normalizer = config["model"], config["normalizer"] or {"type": "Sequence", "normalizers": []}
    if model["type"] != "BPE" or model.get("byte_fallback"):
        kind = "SentencePiece's kind of BPE" if model.get("byte_fallback") else model["type"]
        raise Refused(f"the tokenizer is {kind}, and only byte-level BPE can be written to GGUF")
    frills = [n for n in ("dropout", "continuing_subword_prefix", "end_of_word_suffix") if model.get(n)]
    if frills:
        raise Refused(f"the tokenizer has {', '.join(frills)}, which llama.cpp does not know")
    if normalizer["type"] != "NFC" and normalizer.get("normalizers") != []:
        raise Refused(f"the tokenizer normalises its texts by {normalizer['type']}, which llama.cpp does not do")
    if missing := sum(letter not in model["vocab"] for letter in BYTE_LETTERS):
        raise Refused(f"{missing} of the 256 bytes are no tokens of the tokenizer")


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
