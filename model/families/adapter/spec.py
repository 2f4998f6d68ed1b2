"""The shape of a model that `transformers` runs for us: its config.json, and the numbers that others ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

import msgspec

from model.families.reading import (
    MOST_HEADS,
    MOST_LAYERS,
    MOST_ROWS,
    MOST_TOKENS,
    Config,
    Refused,
    Uninstalled,
)


class Adapted(msgspec.Struct, frozen=True, kw_only=True, tag_field="family", tag="adapter"):
    """A decoder's shape. Manifests hold this struct: a new field needs a default."""

    variant: str
    """Hugging Face's `model_type`."""
    vocab: int
    """Rows of the embedding: at least the tokenizer's `vocab_size`."""
    context: int
    """Tokens that a prompt with its answer may have."""
    width: int
    """Size of the residual stream."""
    layers: int
    heads: int
    """Query heads."""
    kv_heads: int
    """Heads of keys and values."""
    config: dict[str, Any]
    """The config.json, but for what is its host's."""

    @property
    def family_name(self) -> str:
        """Hugging Face's `model_type`."""
        return self.variant

    @property
    def parameters(self) -> int:
        """Numbers that were learnt: `transformers` is asked. Raises Refused."""
        from model.families.adapter import library

        return library.count(self)


class Keys(NamedTuple):
    """What a `model_type` calls what all decoders have."""

    context: str
    width: str
    layers: str
    heads: str


class Rule(NamedTuple):
    """A value of a key with which `transformers`' own class would compute something else than the model's makers."""

    variant: str
    key: str
    allowed: tuple[Any, ...]
    """Beside a key that is missing or null; empty: all but `refused`."""
    refused: tuple[Any, ...]
    reason: str


KINDS = {
    "gpt2": Keys("n_positions", "n_embd", "n_layer", "n_head"),
    "codegen": Keys("n_positions", "n_embd", "n_layer", "n_head"),
    "xglm": Keys("max_position_embeddings", "d_model", "num_layers", "attention_heads"),
    "deepseek_v2": Keys("max_position_embeddings", "hidden_size", "num_hidden_layers", "num_attention_heads"),
}
EMBEDDINGS = {
    "gpt2": "transformer.wte.weight", "codegen": "transformer.wte.weight", "xglm": "model.embed_tokens.weight",
    "deepseek_v2": "model.embed_tokens.weight",
}  # fmt: skip
"""The name of the embedding's weight."""
_OTHER_CODE = "transformers' own class does not compute that, and code that comes with a model is never run"
RULES = (
    Rule("gpt2", "attention_head_type", ("multihead",), (),
         "that is SantaCoder's own code, which is never run: bring the same weights as gpt_bigcode"),
    Rule("gpt2", "add_cross_attention", (False,), (), "a decoder alone has nothing to attend across to"),
    Rule("xglm", "add_cross_attention", (False,), (), "a decoder alone has nothing to attend across to"),
    # CTranslate2 (converters/transformers.py) and vLLM's codegen tell these two models by the same key.
    Rule("codegen", "head_dim", (), (128, 256),
         "CodeGen2's 1B and 3.7B keep queries, values and keys in eight blocks, and transformers' own class in four"),
    Rule("deepseek_v2", "scoring_func", ("softmax",), (), _OTHER_CODE),
    Rule("deepseek_v2", "topk_method", ("greedy", "group_limited_greedy"), (), _OTHER_CODE),
    Rule("deepseek_v2", "norm_topk_prob", (False,), (), _OTHER_CODE),
    Rule("deepseek_v2", "moe_layer_freq", (1,), (), _OTHER_CODE),
)  # fmt: skip
CUTS_CACHE = ("sliding_window", "attention_chunk_size", "layer_types")
"""Keys that none of these families has, and that `transformers`' cache obeys wherever they stand."""
HOST = ("auto_map", "dtype", "torch_dtype", "transformers_version", "_name_or_path", "_commit_hash")
"""Keys that say where a model lies, how it was stored, or which code to run: they are none of its shape."""


def read(keys: Mapping[str, Any]) -> Adapted:
    """Of a config.json. Raises Refused; Uninstalled where `transformers` is not there."""
    c, variant = Config(keys), str(keys.get("model_type"))
    refuse_uninstalled(variant)
    for rule in RULES:
        value = keys.get(rule.key)
        if rule.variant != variant or value is None:
            continue
        if value in rule.refused or (rule.allowed and value not in rule.allowed):
            raise Refused(f"{rule.key} is {value!r}: {rule.reason}")
    for name in CUTS_CACHE:
        if c.has(name):
            raise Refused(f"{name} is {keys[name]!r}, and {variant} has none: transformers would cut its cache by it")
    names = KINDS[variant]
    heads = c.whole(names.heads, most=MOST_HEADS)
    c.whole("n_routed_experts", 1, most=MOST_HEADS)
    return Adapted(
        variant=variant, vocab=c.whole("vocab_size", most=MOST_ROWS), context=c.whole(names.context, most=MOST_TOKENS),
        width=c.whole(names.width),
        layers=c.whole(names.layers, most=MOST_LAYERS), heads=heads,
        kv_heads=c.whole("num_key_value_heads", heads, most=MOST_HEADS),
        config={key: value for key, value in keys.items() if key not in HOST},
    )  # fmt: skip


def refuse_uninstalled(variant: str) -> None:
    """Raises Uninstalled."""
    if find_spec("transformers") is None:
        raise Uninstalled(
            f"{variant} is run by the transformers package, which is not installed: pip install "
            "'midstream[transformers]'"
        )


def write(spec: Adapted) -> dict[str, Any]:
    """The keys of a config.json."""
    return dict(spec.config)
