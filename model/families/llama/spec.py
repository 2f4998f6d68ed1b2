"""The shape of a llama-like decoder, and how the config.json of each of its variants says it.

A variant is a `model_type` of Hugging Face: the same layer with other norms, biases and defaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from model.families.llama import scaling
from model.families.llama.scaling import Scaling
from model.families.reading import (
    MOST_HEADS,
    MOST_LAYERS,
    MOST_ROWS,
    MOST_TOKENS,
    THEIR_ACTIVATIONS,
    Config,
    Refused,
)


class Llama(msgspec.Struct, frozen=True, kw_only=True, tag_field="family", tag="llama"):
    """A decoder's shape. Raises ValueError for one that is none. Manifests hold this struct: a new field needs a
    default that keeps what was trained."""

    variant: str = "llama"
    """Hugging Face's `model_type`."""
    vocab: int
    """Rows of the embedding: at least the tokenizer's `vocab_size`."""
    context: int
    """Tokens that one example may have."""
    width: int
    """Size of the residual stream."""
    layers: int
    heads: int
    """Query heads; a multiple of `kv_heads`."""
    kv_heads: int
    """Heads of keys and values (GQA, arXiv 2305.13245)."""
    head_width: int
    inner: int
    """Width of the MLP."""
    norm: str = "rms"
    """rms (arXiv 1910.07467), or layer, which has a bias."""
    epsilon: float = 1e-6
    """Of the norms."""
    activation: str = "silu"
    gated: bool = True
    """The MLP's activation multiplies a second product (SwiGLU, arXiv 2002.05202)."""
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    theta: float = 10_000.0
    """Base of the rotary positions (arXiv 2104.09864)."""
    scaling: Scaling = Scaling()
    """Of the rotary positions beyond the context that was trained first."""
    window: int = 0
    """Tokens that a layer with a sliding window sees, its own among them; 0: no layer has one."""
    windowed: tuple[bool, ...] = ()
    """Which layers have it; empty: all of them, where there is one."""
    qk_norm: bool = False
    """Queries and keys are normed head by head."""
    tied: bool = False
    """The head is the embedding."""
    embedding_scale: float = 1.0
    attention_scale: float = 0.0
    """Of the scores; 0: one over the root of the head's width."""
    residual_scale: float = 1.0
    """Of what a layer's two parts add."""
    logit_divisor: float = 1.0
    seed: int = 0
    """Of the initial weights."""

    def __post_init__(self) -> None:
        if self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} is not a multiple of kv_heads {self.kv_heads}")
        if self.head_width % 2:
            raise ValueError(f"head_width {self.head_width} is odd, and rotary positions turn pairs")
        if self.windowed and len(self.windowed) != self.layers:
            raise ValueError(f"{len(self.windowed)} layers are said to slide or not, and there are {self.layers}")

    def window_of(self, layer: int) -> int | None:
        return self.window if self.window and (not self.windowed or self.windowed[layer]) else None

    @property
    def family_name(self) -> str:
        """Hugging Face's `model_type`."""
        return self.variant

    @property
    def parameters(self) -> int:
        """Numbers that are learnt."""
        d, q, k, i = self.width, self.heads * self.head_width, self.kv_heads * self.head_width, self.inner
        norm = d * (2 if self.norm == "layer" else 1)
        attention = d * (q + 2 * k) + q * d + self.qkv_bias * (q + 2 * k) + self.out_bias * d
        mlp = d * i * (3 if self.gated else 2) + self.mlp_bias * (i * (2 if self.gated else 1) + d)
        layer = 2 * norm + attention + mlp + self.qk_norm * 2 * self.head_width
        return self.vocab * d * (1 if self.tied else 2) + norm + self.layers * layer


VARIANTS: dict[str, dict[str, Any]] = {
    "llama": {"tie": False, "heads": None},
    "mistral": {"tie": False, "heads": 8, "window": 4096},
    "qwen2": {"tie": False, "heads": 32, "qkv_bias": True},
    "qwen3": {"tie": False, "heads": 32, "head_dim": 128, "qk_norm": True},
    "granite": {"tie": False, "heads": None},
    "starcoder2": {"tie": True, "heads": 2, "norm": "layer", "gated": False, "activation": "gelu_pytorch_tanh",
                   "epsilon": ("norm_epsilon", 1e-5)},
}  # fmt: skip
"""What each model_type has for keys that its config.json leaves out, and what it has whatever that says."""
ARCHITECTURES = {
    "llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM", "granite": "GraniteForCausalLM", "starcoder2": "Starcoder2ForCausalLM",
}  # fmt: skip


def read(keys: Mapping[str, Any]) -> Llama:
    """Of a config.json. Raises Refused."""
    c, variant = Config(keys), str(keys.get("model_type"))
    usual = VARIANTS[variant]
    c.only("pretraining_tp", 1)
    c.only("partial_rotary_factor", 1, 1.0)
    context, layers = (
        c.whole("max_position_embeddings", most=MOST_TOKENS),
        c.whole("num_hidden_layers", most=MOST_LAYERS),
    )
    window, windowed = _window(c, variant, layers, context)
    theta, rope = scaling.read(keys, context)
    return Llama(
        variant=variant, vocab=c.whole("vocab_size", most=MOST_ROWS), context=_stretched(context, rope), layers=layers,
        **_heads(c, variant), inner=c.whole("intermediate_size"), norm=usual.get("norm", "rms"),
        epsilon=c.number(*usual.get("epsilon", ("rms_norm_eps", 1e-6)), above=0), gated=usual.get("gated", True),
        activation=c.activation("hidden_act", usual.get("activation", "silu")), **_biases(c, variant), theta=theta,
        scaling=rope, window=window, windowed=windowed, qk_norm=usual.get("qk_norm", False),
        tied=c.flag("tie_word_embeddings", usual["tie"]), **_multipliers(c, variant),
    )  # fmt: skip


def _heads(c: Config, variant: str) -> dict[str, int]:
    """Width, heads, and heads of keys: a count of these that is null is that of all heads, as `transformers` has it,
    and one that is missing the variant's. Raises Refused."""
    usual = VARIANTS[variant]
    width, heads = c.whole("hidden_size"), c.whole("num_attention_heads", most=MOST_HEADS)
    missing = usual["heads"] if "num_key_value_heads" not in c.keys else None
    kv_heads = c.whole("num_key_value_heads", missing or heads, most=MOST_HEADS)
    c.multiple("num_attention_heads", heads, "num_key_value_heads", kv_heads)
    if variant == "llama" or not (c.has("head_dim") or "head_dim" in usual):
        c.multiple("hidden_size", width, "num_attention_heads", heads)
    head_width = c.whole("head_dim", usual.get("head_dim", width // heads))
    if head_width % 2:
        said = "head_dim" if c.has("head_dim") else "head_dim (hidden_size over num_attention_heads)"
        raise Refused(f"{said} is {head_width}, and must be even: rotary positions turn pairs")
    return {"width": width, "heads": heads, "kv_heads": kv_heads, "head_width": head_width}


def _stretched(context: int, rope: Scaling) -> int:
    """Dynamic scaling makes more of the context that the config names; the others have it in the name already."""
    return int(context * rope.factor) if rope.kind == "dynamic" else context


def _biases(c: Config, variant: str) -> dict[str, Any]:
    if variant == "starcoder2":
        return dict.fromkeys(("qkv_bias", "out_bias", "mlp_bias"), c.flag("use_bias", True))
    if variant in ("qwen2", "mistral"):
        return {"qkv_bias": variant == "qwen2"}
    attention = c.flag("attention_bias", False)
    return {"qkv_bias": attention, "out_bias": attention, "mlp_bias": variant != "qwen3" and c.flag("mlp_bias", False)}


def _multipliers(c: Config, variant: str) -> dict[str, Any]:
    if variant != "granite":
        return {}
    return {
        "embedding_scale": c.number("embedding_multiplier", 1.0),
        "attention_scale": c.number("attention_multiplier", 1.0, above=0),
        "residual_scale": c.number("residual_multiplier", 1.0),
        "logit_divisor": c.number("logits_scaling", 1.0, above=0),
    }  # fmt: skip


FULL, SLIDING = "full_attention", "sliding_attention"


def _window(c: Config, variant: str, layers: int, context: int) -> tuple[int, tuple[bool, ...]]:
    """The window, and which layers have it: qwen's lower layers see everything, unless `layer_types` says more. Raises
    Refused for a layer that is said to slide where the variant's does not."""
    kinds = c.words("layer_types", layers, "num_hidden_layers", FULL, SLIDING)
    if (
        variant in ("qwen2", "qwen3")
        and c.flag("use_sliding_window", False)
        and c.keys.get("sliding_window", 0) is not None
    ):
        window, below = c.whole("sliding_window", 4096, most=MOST_TOKENS), c.whole("max_window_layers", 28, least=0)
        kinds = kinds or [FULL if n < below else SLIDING for n in range(layers)]
        return window, tuple(kind == SLIDING for kind in kinds)
    window = 0
    if variant in ("mistral", "starcoder2"):
        usual = VARIANTS[variant].get("window") if "sliding_window" not in c.keys else None
        window = c.whole("sliding_window", usual, most=MOST_TOKENS) if usual or c.has("sliding_window") else 0
    elif (
        variant in ("llama", "granite")
        and c.has("sliding_window")
        and c.whole("sliding_window", most=MOST_TOKENS) < context
    ):
        raise Refused(f"sliding_window is {c.keys['sliding_window']}, and {variant} has none")
    if wrong := sorted(set(kinds) - {SLIDING if window else FULL}):
        has = f"every layer of {variant} has the window, {window}" if window else "no layer has a window here"
        raise Refused(f"layer_types has {wrong[0]}, and {has}")
    return window, ()


def write(spec: Llama) -> dict[str, Any]:
    """The keys of a config.json."""
    first = spec.scaling.original if spec.scaling.kind == "dynamic" else spec.context
    keys: dict[str, Any] = {
        "model_type": spec.variant, "architectures": [ARCHITECTURES[spec.variant]], "vocab_size": spec.vocab,
        "max_position_embeddings": first, "hidden_size": spec.width, "num_hidden_layers": spec.layers,
        "num_attention_heads": spec.heads, "num_key_value_heads": spec.kv_heads, "head_dim": spec.head_width,
        "intermediate_size": spec.inner, "hidden_act": THEIR_ACTIVATIONS[spec.activation],
        "tie_word_embeddings": spec.tied, "attention_dropout": 0.0, **scaling.write(spec.theta, spec.scaling),
    }  # fmt: skip
    keys["norm_epsilon" if spec.variant == "starcoder2" else "rms_norm_eps"] = spec.epsilon
    if spec.variant == "starcoder2":
        keys |= {"use_bias": spec.qkv_bias, "residual_dropout": 0.0, "embedding_dropout": 0.0}
    if spec.variant in ("llama", "qwen3", "granite"):
        keys |= {"attention_bias": spec.qkv_bias}
    if spec.variant in ("llama", "granite"):
        keys |= {"mlp_bias": spec.mlp_bias}
    if spec.variant == "granite":
        keys |= {
            "embedding_multiplier": spec.embedding_scale, "attention_multiplier": spec.attention_scale,
            "residual_multiplier": spec.residual_scale, "logits_scaling": spec.logit_divisor,
        }  # fmt: skip
    return keys | _write_window(spec)


def _write_window(spec: Llama) -> dict[str, Any]:
    if spec.variant in ("mistral", "starcoder2"):
        return {"sliding_window": spec.window or None}
    if spec.variant not in ("qwen2", "qwen3"):
        return {}
    windowed = spec.windowed or (False,) * spec.layers
    kinds = ["sliding_attention" if slides else "full_attention" for slides in windowed]
    below = windowed.index(True) if True in windowed else spec.layers
    return {
        "use_sliding_window": bool(spec.window), "sliding_window": spec.window or None, "layer_types": kinds,
        "max_window_layers": below,
    }  # fmt: skip


def names(spec: Llama) -> dict[str, str]:
    """Our parameters' names to Hugging Face's."""
    layer = "model.layers.{}."
    up, down = ("mlp.up_proj.", "mlp.down_proj.") if spec.gated else ("mlp.c_fc.", "mlp.c_proj.")
    parts = {
        "norm_1.": "input_layernorm.", "q.": "self_attn.q_proj.", "k.": "self_attn.k_proj.", "v.": "self_attn.v_proj.",
        "q_norm.": "self_attn.q_norm.", "k_norm.": "self_attn.k_norm.", "out.": "self_attn.o_proj.",
        "norm_2.": "post_attention_layernorm.", "gate.": "mlp.gate_proj.", "up.": up, "down.": down,
    }  # fmt: skip
    top = {"tokens.": "model.embed_tokens.", "norm.": "model.norm.", "head.": "lm_head."}
    return top | {f"blocks.{{}}.{ours}": layer + theirs for ours, theirs in parts.items()}
