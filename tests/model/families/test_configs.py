"""config.json: what `transformers` computes with is read or refused, by the key as it stands there, before a model is
built."""

from __future__ import annotations

import time
from typing import Any

import pytest

from model.families import read_config
from model.families.reading import Refused
from model.weights import shapes
from tests.support.models.adapted import CONFIGS as ADAPTED
from tests.support.models.foreign import BIGCODE, CONFIGS, SIZES

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LINEAR = {"rope_type": "linear", "factor": 4.0}


def without(keys: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in keys.items() if name not in names}


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "a list for a word": ("qwen2", {"hidden_act": ["silu"]}, r"hidden_act is \['silu'\], and must be one of"),
    "a list for the type": ("qwen2", {"model_type": ["qwen2"]}, r"model_type is \['qwen2'\], and must be one of"),
    "Stable-Code": ("llama", {"model_type": "stablelm"}, "model_type is 'stablelm', and these are known"),
    "Refact": ("llama", {"model_type": "gpt_refact"}, "model_type is 'gpt_refact', and these are known"),
    "objects for words": ("qwen2", {"use_sliding_window": True, "layer_types": [{}] * 3}, "layer_types is .* of words"),
    "a word for a length": (
        "llama", {"rope_scaling": {**YARN, "original_max_position_embeddings": "32"}},
        "original_max_position_embeddings is '32', and must be a whole number",
    ),
    "no turns": ("llama", {"rope_scaling": {**YARN, "beta_fast": 0}}, "beta_fast is 0, and must be above 0"),
    "a million layers": ("llama", {"num_hidden_layers": 10**6}, "num_hidden_layers is 1,000,000, and must be at most"),
    "a million layers of gpt2": ("gpt2", {"n_layer": 10**6}, "n_layer is 1,000,000, and must be at most 1,024"),
    "a million layers of gpt_bigcode": ("gpt_bigcode", {"n_layer": 10**6}, "n_layer is 1,000,000"),
    "a million experts": ("deepseek_v2", {"n_routed_experts": 10**6}, "n_routed_experts is 1,000,000"),
    "rows without end": ("llama", {"vocab_size": 10**12}, "vocab_size is 1,000,000,000,000, and must be at most"),
    "heads of keys": ("llama", {"num_key_value_heads": 3}, "num_attention_heads is 4, .* multiple of num_key_value"),
    "a width of three": ("llama", {"head_dim": 3}, "head_dim is 3, and must be even"),
    "a width": ("llama", {"hidden_size": 30}, "hidden_size is 30, and must be a multiple of num_attention_heads, 4"),
    "a width of bigcode": ("gpt_bigcode", {"n_embd": 30}, "n_embd is 30, and must be a multiple of n_head, 4"),
    "an MLP of nothing": ("gpt_bigcode", {"n_inner": 0}, "n_inner is 0"),
    "two scalings": ("llama", {"rope_parameters": YARN, "rope_scaling": LINEAR}, "differ in .*, rope_type: remove"),
    "two lengths": (
        "llama", {"rope_scaling": YARN, "original_max_position_embeddings": 64}, "original.* is 64, and 32 where",
    ),
    "scaling by layer": ("llama", {"rope_parameters": {"full_attention": YARN}}, "layers of the kind full_attention"),
    "seeing all": ("llama", {"is_causal": False}, "is_causal is False"),
    "seeing all, adapted": ("gpt2", {"is_causal": False}, "is_causal is False"),
    "nothing for sines": (
        "llama", {"rope_scaling": {**YARN, "attention_factor": 0.0}}, "attention_factor is 0, and must be above 0",
    ),
    **{
        f"{kind} without its {name}": (
            "llama", {"rope_scaling": without(rope, name)}, f"is of the type {kind}, and has no {name}",
        )
        for kind, rope in (("linear", LINEAR), ("yarn", YARN), ("llama3", LLAMA3))
        for name in rope if name.endswith("factor")
    },
    "no band": ("llama", {"rope_scaling": {**LLAMA3, "low_freq_factor": 4.0}}, "high_freq_factor is 4, and must"),
    **{
        f"a window of {name}": (name, {"sliding_window": 16}, f"sliding_window is 16, and {name} has none")
        for name in (*ADAPTED, "llama", "granite")
    },
    "layers of gpt2": ("gpt2", {"layer_types": ["sliding_attention"] * 3}, "layer_types is .*, and gpt2 has none"),
    **{
        f"unknown layers of {name}": (name, {"layer_types": ["mamba"] * 3}, "layer_types has mamba, and only full_att")
        for name in ("llama", "granite", "qwen2", "mistral")
    },
    "sliding layers of llama": (
        "llama", {"layer_types": ["full_attention"] * 2 + ["sliding_attention"]}, "no layer has a window here",
    ),
    "sliding layers that are off": (
        "qwen2", {"use_sliding_window": False, "layer_types": ["sliding_attention"] * 3}, "no layer has a window here",
    ),
    "full layers of mistral": ("mistral", {"layer_types": ["full_attention"] * 3}, "layer of mistral has the window"),
    "two layers of three": ("granite", {"layer_types": ["full_attention"] * 2}, "has 2 entries, and must have 3"),
    "no window": ("mistral", {"sliding_window": 0}, "sliding_window is 0"),
}  # fmt: skip


def config(family: str, **keys: Any) -> dict[str, Any]:
    if family in ADAPTED:
        return {"model_type": family, **ADAPTED[family], **keys}
    return (
        {"model_type": family, **BIGCODE, **keys}
        if family == "gpt_bigcode"
        else {**CONFIGS[f"{family}, default"], **keys}
    )


@pytest.mark.parametrize("what", list(WRONG))
def test_a_wrong_key_is_a_sentence_at_once(what: str) -> None:
    family, keys, message = WRONG[what]
    began = time.monotonic()
    with pytest.raises(Refused, match=message):
        read_config(config(family, **keys))
    assert time.monotonic() - began < 5


VALUES: tuple[Any, ...] = ([], {}, ["a"], {"a": 1}, "a", True, 1.5, -1, 10**30, float("nan"), [[]])


@pytest.mark.parametrize("family", ["llama", "mistral", "qwen2", "qwen3", "granite", "starcoder2", "gpt_bigcode"])
def test_any_value_of_any_key_is_read_or_refused(family: str) -> None:
    """Never another error, and what is read is a shape that can be built."""
    base = config(family, rope_scaling=dict(YARN)) if family != "gpt_bigcode" else config(family)
    more = (
        "layer_types",
        "sliding_window",
        "use_sliding_window",
        "head_dim",
        "rope_parameters",
        "is_causal",
        "n_inner",
    )
    places = [(base, key) for key in (*base, *more)]
    places += [
        (rope, key) for rope in [base.get("rope_scaling")] if rope for key in (*YARN, *LLAMA3, "beta_fast", "mscale")
    ]
    for where, key in places:
        before = dict(where)
        for value in VALUES:
            where[key] = value
            try:
                shapes(read_config(base))
            except Refused as error:
                assert str(error)
        where.clear()
        where.update(before)


def test_what_transformers_takes_is_taken() -> None:
    for variant in ("qwen2", "qwen3", "mistral", "llama"):
        read: Any = read_config(config(variant, num_key_value_heads=None))
        assert read.kv_heads == SIZES["num_attention_heads"]
    both = config("llama", rope_scaling=YARN, rope_parameters={**without(YARN, "rope_type"), "type": "yarn"})
    whole = config("llama", rope_scaling={**YARN, "original_max_position_embeddings": 32.0})
    assert read_config(both) == read_config(whole) == read_config(config("llama", rope_scaling=YARN))
    plain: Any = read_config(config("llama", layer_types=["full_attention"] * 3, sliding_window=None))
    assert plain == read_config(config("llama", sliding_window=4096)), "beyond the context a window hides nothing"
