"""Small models of other people's making: `transformers` builds them with random weights and writes their folders."""

from __future__ import annotations

import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch

from model.decoder.runner import Runner
from model.tokens.tokenizer import Tokenizer
from tests.support.models.tiny import tokenizer

with warnings.catch_warnings():  # transformers compiles functions with torch.jit.script when a model is imported
    warnings.simplefilter("ignore", FutureWarning)
    import transformers
    from transformers import AutoConfig, AutoModelForCausalLM

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

CONTEXT, VOCAB = 128, 336
"""VOCAB: the rows of the tables; the tests' tokenizer has 320 ids."""
SIZES: dict[str, Any] = {
    "vocab_size": VOCAB, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": CONTEXT, "rope_theta": 10000.0,
}  # fmt: skip
BIGCODE: dict[str, Any] = {"vocab_size": VOCAB, "n_positions": CONTEXT, "n_embd": 32, "n_layer": 3, "n_head": 4}
SCALINGS: dict[str, dict[str, Any] | None] = {
    "default": None,
    "linear": {"rope_type": "linear", "factor": 4.0},
    "dynamic": {"rope_type": "dynamic", "factor": 2.0},
    "yarn": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32},
    "llama3": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 32},
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "llama": {}, "mistral": {"sliding_window": 16}, "qwen3": {"head_dim": 16},
    "qwen2": {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 1},
    "starcoder2": {"sliding_window": 16},
    "granite": {"embedding_multiplier": 2.0, "attention_multiplier": 0.2, "residual_multiplier": 0.5,
                "logits_scaling": 3.0, "tie_word_embeddings": True},
}  # fmt: skip
CONFIGS: dict[str, dict[str, Any]] = {
    f"{variant}, {scaling}": {
        "model_type": variant, **SIZES, **more, **({"rope_scaling": rope} if rope else {}),
    }
    for variant, more in VARIANTS.items() for scaling, rope in SCALINGS.items()
}  # fmt: skip
CONFIGS |= {
    "gpt_bigcode, MQA": {"model_type": "gpt_bigcode", **BIGCODE},
    "gpt_bigcode, MHA": {"model_type": "gpt_bigcode", **BIGCODE, "multi_query": False},
    "gpt_bigcode, odd": {
        "model_type": "gpt_bigcode", **BIGCODE, "n_inner": 80, "layer_norm_epsilon": 1e-3, "tie_word_embeddings": False,
        "scale_attn_weights": False, "activation_function": "gelu",
    },
    "llama, biases": {"model_type": "llama", **SIZES, "attention_bias": True, "mlp_bias": True, "head_dim": 12},
    "qwen2, tied": {"model_type": "qwen2", **SIZES, "tie_word_embeddings": True, "num_key_value_heads": 1},
    "starcoder2, no bias": {"model_type": "starcoder2", **SIZES, "use_bias": False, "tie_word_embeddings": False},
    "granite, biases": {"model_type": "granite", **SIZES, "attention_bias": True, "mlp_bias": True},
}  # fmt: skip


@cache
def model(name: str) -> Any:
    """A model of `transformers`, its weights large enough that no two logits nearly tie; norms and biases are not
    trivial either."""
    keys = dict(CONFIGS[name])
    config = AutoConfig.for_model(
        keys.pop("model_type"), **keys, initializer_range=0.3, bos_token_id=0, eos_token_id=None, pad_token_id=None
    )
    torch.manual_seed(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        made = AutoModelForCausalLM.from_config(config, attn_implementation="eager").eval()
    for parameter in made.parameters():
        if parameter.dim() == 1:
            torch.nn.init.normal_(parameter, mean=float(parameter.detach().mean()), std=0.1)
    return made


def save(name: str, folder: Path, dtype: torch.dtype = torch.float32, shard: str = "5GB") -> Path:
    """The folder as `save_pretrained` writes it, and the tests' tokenizer."""
    return write(model(name), tokenizer(), folder, dtype, shard)


def write(made: Any, own: Tokenizer, folder: Path, dtype: torch.dtype, shard: str) -> Path:
    """The model in some type, in files of at most `shard`, and its tokenizer."""
    if dtype != torch.float32:
        cast = AutoModelForCausalLM.from_config(made.config).to(dtype)
        cast.load_state_dict({key: tensor.to(dtype) for key, tensor in made.state_dict().items()})
        made = cast
    made.save_pretrained(folder, max_shard_size=shard)
    own.save(folder / "tokenizer.json")
    return folder


def greedy_pair(decoder: Any, made: Any, prompt: torch.Tensor) -> tuple[list[int], list[int]]:
    """64 ids after a prompt of 40: ours, with a cache that is filled in two parts and then by single ids, and those of
    `transformers`."""
    runner = Runner(decoder)
    theirs = made.generate(prompt, max_new_tokens=64, do_sample=False, eos_token_id=None)[0, 40:].tolist()
    cache = runner.new_cache()
    runner.extend(prompt[0, :30].tolist(), cache)
    logits = runner.extend(prompt[0, 30:].tolist(), cache)
    ours: list[int] = []
    for _ in range(64):
        ours.append(int(logits.argmax()))
        logits = runner.extend([ours[-1]], cache)
    return ours, theirs


def edit(folder: Path, **keys: Any) -> None:
    """Changes keys of the config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))
