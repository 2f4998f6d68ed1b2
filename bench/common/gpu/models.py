"""The same random weights twice: a model of `transformers`, and ours of the folder that it writes."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch

from model import families, importing, weights
from model.decoder.decoder import Decoder

HALF_B: dict[str, Any] = {
    "vocab_size": 151_936, "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
    "num_attention_heads": 14, "num_key_value_heads": 2, "tie_word_embeddings": True,
}  # fmt: skip
"""The shape of Qwen2.5-Coder-0.5B: 494 million parameters."""
SMALL: dict[str, Any] = {
    "vocab_size": 4_096, "hidden_size": 256, "intermediate_size": 704, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True,
}  # fmt: skip


def peer(keys: dict[str, Any], context: int, dtype: torch.dtype) -> Any:
    """A qwen2 of `transformers` with its first random weights, on the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import AutoConfig, AutoModelForCausalLM
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        ids: dict[str, Any] = {"bos_token_id": 0, "eos_token_id": None, "pad_token_id": None}
        config = AutoConfig.for_model("qwen2", **keys, **ids, max_position_embeddings=context)
        torch.manual_seed(0)
        return AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=dtype).eval()


def brought(theirs: Any, folder: Path) -> Decoder:
    """Ours, of the folder that `transformers` writes."""
    theirs.save_pretrained(folder)
    spec = families.read_config(json.loads((folder / "config.json").read_text()))
    return weights.assemble(spec, weights.load(weights.find(importing.weight_files(folder), spec))).eval()
