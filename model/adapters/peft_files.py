"""An adapter as the folder of the `peft` package: adapter_config.json and adapter_model.safetensors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from model import weights
from model.adapters import peft_reading
from model.adapters.peft_reading import PREFIX, SUFFIXES, modules
from model.adapters.spec import Adapter
from model.families import Spec


def config(adapter: Adapter, base: str) -> bytes:
    """adapter_config.json. `base`: what `base_model_name_or_path` says."""
    keys: dict[str, Any] = {
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": base, "inference_mode": True,
        "r": adapter.rank, "lora_alpha": adapter.alpha, "lora_dropout": 0.0, "bias": "none", "fan_in_fan_out": False,
        "use_rslora": adapter.rslora, "use_dora": adapter.kind == "dora", "init_lora_weights": True,
        "target_modules": list(adapter.modules or adapter.targets), "rank_pattern": _patterns(adapter.ranks),
        "alpha_pattern": _patterns(adapter.alphas), "modules_to_save": None,
    }  # fmt: skip
    return json.dumps(keys, indent=2, sort_keys=True).encode() + b"\n"


def _patterns(table: Mapping[str, Any]) -> dict[str, Any]:
    """peft reads keys as regular expressions."""
    return {re.escape(path): value for path, value in table.items()}


def stored(spec: Spec, tensors: Mapping[str, Tensor], dtype: torch.dtype | None) -> dict[str, weights.Stored]:
    """What is written, under peft's names. `dtype`: of the low-rank parts; None: their own. Magnitudes are float32:
    rounded to bfloat16, each would move its whole row by up to .4 %."""
    made: dict[str, Tensor] = {}
    paths = {name: path for path, name in modules(spec).items()}
    for name, tensor in tensors.items():
        module, _, part = name.rpartition(".")
        path = paths[module]
        kind = torch.float32 if part == "magnitude" else dtype or tensor.dtype
        made[PREFIX + path + SUFFIXES[part]] = tensor.detach().to("cpu", kind)
    return weights.stored(dict(sorted(made.items())))


def read(folder: Path, spec: Spec) -> tuple[Adapter, dict[str, Tensor]]:
    """The adapter, and its tensors by our names, as they are stored. Raises as `peft_reading.read`."""
    adapter, arrays = peft_reading.read(folder, spec)
    return adapter, {name: _tensor(array) for name, array in arrays.items()}


def _tensor(array: Any) -> Tensor:
    tensor = torch.from_numpy(array)
    return tensor.view(torch.bfloat16) if tensor.dtype == torch.uint16 else tensor
