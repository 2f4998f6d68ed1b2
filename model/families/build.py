"""A decoder of a shape: with torch, which the shapes themselves do without."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from model.decoder.decoder import Decoder
from model.families import Spec
from model.families.gpt_bigcode.decoder import GptBigcodeDecoder
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.llama.decoder import LlamaDecoder


def decoder(spec: Spec) -> Decoder:
    """A new decoder of the shape, with its first weights."""
    return GptBigcodeDecoder(spec) if isinstance(spec, GptBigcode) else LlamaDecoder(spec)


def empty(spec: Spec) -> Decoder:
    """One without weights, which takes no memory: for those that are there already."""
    with torch.device("meta"), _WithoutFirstWeights():
        return decoder(spec)


class _WithoutFirstWeights(TorchFunctionMode):
    """torch would import a system of algebra (150 MB) to fill a tensor that has no numbers."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init":
            return (kwargs or {}).get("tensor", args[0] if args else None)
        return func(*args, **(kwargs or {}))
