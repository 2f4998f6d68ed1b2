"""The shape of a gpt_bigcode decoder, and how Hugging Face's config.json says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from model.families.reading import MOST_HEADS, MOST_LAYERS, MOST_ROWS, THEIR_ACTIVATIONS, Config


class GptBigcode(msgspec.Struct, frozen=True, kw_only=True, tag_field="family", tag="gpt_bigcode"):
    """A decoder's shape. Raises ValueError for one that is none. Manifests hold this struct: a new field needs a
    default that keeps what was trained."""

    vocab: int
    """Rows of the embedding: at least the tokenizer's `vocab_size`."""
    context: int
    """Tokens that one example may have: rows of the position table."""
    width: int = 256
    """Size of the residual stream; a multiple of `heads`."""
    layers: int = 4
    heads: int = 4
    """Query heads."""
    kv_heads: int = 1
    """Heads of keys and values: one for all (MQA, arXiv 1911.02150), or one for each query head (MHA)."""
    mlp: int = 0
    """Width of the MLP; 0: four times `width`."""
    epsilon: float = 1e-5
    """Of the norms."""
    activation: str = "gelu_tanh"
    tied: bool = True
    """The head is the embedding."""
    scaled: bool = True
    """Attention scores are divided by the root of the head's width."""
    seed: int = 0
    """Of the initial weights."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}")
        if self.kv_heads not in (1, self.heads):
            raise ValueError(f"kv_heads {self.kv_heads} must be 1 or heads, {self.heads}")

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    @property
    def inner(self) -> int:
        """Width of the MLP."""
        return self.mlp or 4 * self.width

    @property
    def family_name(self) -> str:
        """Hugging Face's `model_type`."""
        return "gpt_bigcode"

    @property
    def parameters(self) -> int:
        """Numbers that are learnt."""
        d, k = self.width, self.head_width * self.kv_heads
        layer = 2 * 2 * d + (d + 1) * (d + 2 * k) + (d + 1) * d + (d + 1) * self.inner + (self.inner + 1) * d
        return d * (self.vocab * (1 if self.tied else 2) + self.context + 2) + self.layers * layer


def read(keys: Mapping[str, Any]) -> GptBigcode:
    """Of a config.json. Raises Refused."""
    c = Config(keys)
    c.only("add_cross_attention", False)
    heads, width = c.whole("n_head", most=MOST_HEADS), c.whole("n_embd")
    c.multiple("n_embd", width, "n_head", heads)
    return GptBigcode(
        vocab=c.whole("vocab_size", most=MOST_ROWS), context=c.whole("n_positions", most=MOST_ROWS), width=width,
        layers=c.whole("n_layer", most=MOST_LAYERS), heads=heads, kv_heads=1 if c.flag("multi_query", True) else heads,
        mlp=c.whole("n_inner") if c.has("n_inner") else 0, epsilon=c.number("layer_norm_epsilon", 1e-5, above=0),
        activation=c.activation("activation_function", "gelu_pytorch_tanh"),
        tied=c.flag("tie_word_embeddings", True), scaled=c.flag("scale_attn_weights", True),
    )  # fmt: skip


def write(spec: GptBigcode) -> dict[str, Any]:
    """The keys of a config.json."""
    return {
        "model_type": "gpt_bigcode", "architectures": ["GPTBigCodeForCausalLM"], "vocab_size": spec.vocab,
        "n_positions": spec.context, "n_embd": spec.width, "n_layer": spec.layers, "n_head": spec.heads,
        "n_inner": spec.mlp or None, "multi_query": spec.kv_heads == 1, "layer_norm_epsilon": spec.epsilon,
        "activation_function": THEIR_ACTIVATIONS[spec.activation], "tie_word_embeddings": spec.tied,
        "scale_attn_weights": spec.scaled, "attn_pdrop": 0.0, "embd_pdrop": 0.0, "resid_pdrop": 0.0,
    }  # fmt: skip


NAMES = {
    "tokens.": "transformer.wte.", "positions.": "transformer.wpe.", "norm.": "transformer.ln_f.", "head.": "lm_head.",
    "blocks.{}.norm_1.": "transformer.h.{}.ln_1.", "blocks.{}.qkv.": "transformer.h.{}.attn.c_attn.",
    "blocks.{}.out.": "transformer.h.{}.attn.c_proj.", "blocks.{}.norm_2.": "transformer.h.{}.ln_2.",
    "blocks.{}.up.": "transformer.h.{}.mlp.c_fc.", "blocks.{}.down.": "transformer.h.{}.mlp.c_proj.",
}  # fmt: skip
"""Our parameters' names to Hugging Face's."""
