"""Small models that `transformers` runs for us, with random weights and a tokenizer made for the format of each."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch

from model.fim.format import Format
from model.fim.formats import CODEGEN2, DEEPSEEK, INCODER, PLAIN
from model.tokens.tokenizer import Tokenizer, train
from tests.support.models.foreign import CONTEXT, VOCAB, AutoConfig, AutoModelForCausalLM, write
from tests.support.models.tiny import texts

CONFIGS: dict[str, dict[str, Any]] = {
    "gpt2": {"vocab_size": VOCAB, "n_positions": CONTEXT, "n_embd": 32, "n_layer": 3, "n_head": 4},
    "codegen": {
        "vocab_size": VOCAB, "n_positions": CONTEXT, "n_ctx": CONTEXT, "n_embd": 32, "n_layer": 3, "n_head": 4,
        "rotary_dim": 4,
    },
    "xglm": {
        "vocab_size": VOCAB, "max_position_embeddings": CONTEXT, "d_model": 32, "ffn_dim": 48, "num_layers": 3,
        "attention_heads": 4,
    },
    "deepseek_v2": {
        "vocab_size": VOCAB, "max_position_embeddings": CONTEXT, "hidden_size": 32, "intermediate_size": 48,
        "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 4, "first_k_dense_replace": 1,
        "kv_lora_rank": 16, "q_lora_rank": None, "n_routed_experts": 4, "n_shared_experts": 1, "qk_nope_head_dim": 8,
        "qk_rope_head_dim": 4, "v_head_dim": 12, "num_experts_per_tok": 2, "moe_intermediate_size": 16,
        "rope_scaling": {
            "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "mscale": 0.7, "mscale_all_dim": 0.7,
            "beta_fast": 32, "beta_slow": 1,
        },
    },
}  # fmt: skip
FORMATS: dict[str, Format] = {"gpt2": PLAIN, "codegen": CODEGEN2, "xglm": INCODER, "deepseek_v2": DEEPSEEK}


@cache
def tokenizer(name: str) -> Tokenizer:
    """Bytes, the sentinels of the model's format and a few merges."""
    return train(texts(), vocab_size=320, fmt=FORMATS[name])


@cache
def model(name: str) -> Any:
    """Of `transformers`; its weights are large enough that no two logits nearly tie."""
    config = AutoConfig.for_model(name, **CONFIGS[name], bos_token_id=0, eos_token_id=None, pad_token_id=None)
    torch.manual_seed(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        made = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            middle, width = (float(parameter.mean()), 0.1) if parameter.dim() == 1 else (0.0, 0.3)
            torch.nn.init.normal_(parameter, mean=middle, std=width)
        if name == "xglm":  # or the sines of its positions, and an embedding that is the head, too, say one id for ever
            made.get_input_embeddings().weight.mul_(1 / 3)
            for layer in made.model.layers:
                layer.self_attn.q_proj.weight.mul_(3)
                layer.self_attn.k_proj.weight.mul_(3)
    return made


def save(name: str, folder: Path, dtype: torch.dtype = torch.float32, shard: str = "5GB") -> Path:
    """The folder as `save_pretrained` writes it, and the tokenizer."""
    return write(model(name), tokenizer(name), folder, dtype, shard)
