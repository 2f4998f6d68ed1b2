"""A decoder's shape as the metadata that llama.cpp reads, and what llama.cpp cannot compute, refused by name.

llama.cpp has a graph of its own for each architecture, and takes from the file only what that graph asks for: a key
that it does not know is passed over without a word. So what a graph would compute otherwise is refused here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from model.families import Native
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.llama.scaling import Scaling, attention_factor
from model.families.llama.spec import Llama
from model.families.reading import Refused

Value = bool | int | float | str | Sequence[int] | Sequence[float] | Sequence[str]
Keys = Mapping[str, Value]

ARCHITECTURES = {
    "llama": "llama", "mistral": "llama", "qwen2": "qwen2", "qwen3": "qwen3", "granite": "granite",
    "starcoder2": "starcoder2",
}  # fmt: skip
"""llama.cpp's name of each variant; gpt_bigcode is its starcoder."""
INTERLEAVED = ("llama", "granite")
"""Architectures that turn neighbouring numbers of a head, not those that stand half a head apart."""
WITH_FACTORS = ("llama", "granite")
"""Architectures that read `rope_freqs.weight`, by which llama3's scaling is said."""
QKV_BIAS = {"llama": None, "granite": None, "qwen2": True, "qwen3": False, "starcoder2": True}
"""Whether a graph has biases of queries, keys and values; None: it takes both."""
OTHER_BIASES = {"llama": None, "granite": None, "qwen2": False, "qwen3": False, "starcoder2": True}
"""The same, of attention's output and of the MLP."""
OWN_HEAD_WIDTH = ("llama", "granite", "qwen3")
"""Architectures whose heads together need not be as wide as the residual stream."""


def architecture(spec: Native) -> str:
    """llama.cpp's name for it."""
    return "starcoder" if isinstance(spec, GptBigcode) else ARCHITECTURES[spec.variant]


def context(spec: Native) -> int:
    """Tokens for which the file is the model: none of these graphs has a sliding window, and up to its length there is
    none to be seen."""
    window = 0 if isinstance(spec, GptBigcode) else min(_windows(spec), default=0)
    return min(spec.context, window) if window else spec.context


def _windows(spec: Llama) -> list[int]:
    return [window for n in range(spec.layers) if (window := spec.window_of(n)) is not None]


def keys(spec: Native) -> Keys:
    """The metadata of the shape. Raises Refused."""
    arch = architecture(spec)
    more = _gpt_bigcode(spec) if isinstance(spec, GptBigcode) else _llama(spec, arch)
    own = {
        "context_length": context(spec), "embedding_length": spec.width, "block_count": spec.layers,
        "feed_forward_length": spec.inner, "vocab_size": spec.vocab, "attention.head_count": spec.heads,
        "attention.head_count_kv": spec.kv_heads, **more,
    }  # fmt: skip
    return {f"{arch}.{key}": value for key, value in own.items()}


def _gpt_bigcode(spec: GptBigcode) -> Keys:
    _needs(spec.activation == "gelu_tanh", f"the activation is {spec.activation}, and starcoder's is gelu_tanh")
    _needs(spec.scaled, "the attention scores are not divided by the root of the head's width, and starcoder's are")
    return {"attention.layer_norm_epsilon": spec.epsilon}


def _llama(spec: Llama, arch: str) -> Keys:
    _refuse_other_layers(spec, arch)
    norm = "layer_norm_epsilon" if spec.norm == "layer" else "layer_norm_rms_epsilon"
    keys: dict[str, Value] = {
        f"attention.{norm}": spec.epsilon, "attention.key_length": spec.head_width,
        "attention.value_length": spec.head_width, "rope.dimension_count": spec.head_width,
        "rope.freq_base": spec.theta, **_scaling(spec.scaling, arch),
    }  # fmt: skip
    if arch == "granite":
        keys |= {
            "embedding_scale": spec.embedding_scale, "residual_scale": spec.residual_scale,
            "logit_scale": spec.logit_divisor, "attention.scale": spec.attention_scale or spec.head_width**-0.5,
        }  # fmt: skip
    return keys


def _refuse_other_layers(spec: Llama, arch: str) -> None:
    """Every way in which a layer may differ from the graph's. Raises Refused."""
    usual = "gelu_tanh" if arch == "starcoder2" else "silu"
    _needs(spec.activation == usual, f"the activation is {spec.activation}, and {arch}'s is {usual}")
    _needs((spec.norm == "layer") == (arch == "starcoder2"), f"{arch} has other norms than {spec.norm}")
    _needs(spec.gated != (arch == "starcoder2"), f"{arch}'s MLP is {'not ' if spec.gated else ''}gated")
    _needs(spec.qk_norm == (arch == "qwen3"), f"{arch} has {'no ' if spec.qk_norm else ''}norms of queries and keys")
    for part, there, possible in (
        ("queries, keys and values", spec.qkv_bias, QKV_BIAS[arch]),
        ("attention's output", spec.out_bias, OTHER_BIASES[arch]),
        ("the MLP", spec.mlp_bias, OTHER_BIASES[arch]),
    ):
        _needs(possible in (None, there), f"{arch} {'must have' if possible else 'has no'} biases of {part}")
    own = arch in OWN_HEAD_WIDTH or spec.heads * spec.head_width == spec.width
    _needs(own, f"{spec.heads} heads of {spec.head_width} are not {spec.width} wide, as {arch}'s must be")
    scales = (spec.embedding_scale, spec.residual_scale, spec.logit_divisor, spec.attention_scale)
    _needs(arch == "granite" or scales == (1, 1, 1, 0), f"{arch} has no scales of embedding, scores and logits")


def _scaling(s: Scaling, arch: str) -> Keys:
    """Of the rotary positions; llama3's is a tensor. Raises Refused."""
    if s.kind == "linear":
        return {"rope.scaling.type": "linear", "rope.scaling.factor": s.factor}
    if s.kind == "llama3":
        _needs(arch in WITH_FACTORS, f"llama3's scaling of the rotary positions is not known to {arch}")
    if s.kind == "yarn":
        usual = (s.beta_fast, s.beta_slow, s.truncate) == (32, 1, True)
        _needs(usual, "yarn's beta_fast, beta_slow and truncate are other than 32, 1 and true, which are fixed there")
        plain = attention_factor(Scaling(kind="yarn", factor=s.factor))
        return {
            "rope.scaling.type": "yarn", "rope.scaling.factor": s.factor,
            "rope.scaling.original_context_length": s.original,
            "rope.scaling.attn_factor": attention_factor(s) / plain,
        }  # fmt: skip
    _needs(s.kind != "dynamic", "the rotary positions are scaled dynamically, by the length of each sequence")
    return {}


def _needs(is_met: bool, otherwise: str) -> None:
    """Raises Refused."""
    if not is_met:
        raise Refused(f"llama.cpp cannot run this model: {otherwise}")
