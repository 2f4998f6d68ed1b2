"""A decoder of a shape, and the shapes of its parameters: with torch, which the shapes themselves do without."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from model.decoder.decoder import Decoder
from model.families import Native, Spec, trainable
from model.families.adapter import decoder as adapter
from model.families.adapter import library
from model.families.adapter.spec import Adapted
from model.families.gpt_bigcode.decoder import GptBigcodeDecoder
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.llama.decoder import LlamaDecoder


def decoder(spec: Spec) -> Decoder:
    """A new decoder of the shape, with its first weights. Raises Refused for a family that is not trained."""
    return _new(trainable(spec))


def _new(spec: Native) -> Decoder:
    return GptBigcodeDecoder(spec) if isinstance(spec, GptBigcode) else LlamaDecoder(spec)


def parameters(spec: Spec) -> dict[str, tuple[int, ...]]:
    """Our parameters' shapes, by their names. Raises Refused; other errors for a shape that no model can have."""
    if isinstance(spec, Adapted):
        return library.shapes(spec)
    return {name: tuple(t.shape) for name, t in empty(spec).state_dict().items()}


def assembled(spec: Spec, tensors: Mapping[str, Tensor]) -> Decoder:
    """The decoder with these very tensors: none is copied. Raises Refused."""
    if isinstance(spec, Adapted):
        return adapter.assembled(spec, tensors)
    made = empty(spec)
    made.load_state_dict(tensors, assign=True)
    return made


def empty(spec: Native) -> Decoder:
    """One without weights, which takes no memory: for those that are there already."""
    with torch.device("meta"), _WithoutFirstWeights():
        return _new(spec)


class _WithoutFirstWeights(TorchFunctionMode):
    """torch would import a system of algebra (150 MB) to fill a tensor that has no numbers."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init":
            return (kwargs or {}).get("tensor", args[0] if args else None)
        return func(*args, **(kwargs or {}))
