"""Weights that are not trained, held in few bytes: bfloat16, or int8 with a scale for each row. Products with them are
made in the type of what they are given; a gradient passes through them and none is kept for them.

Shapes: N tokens, O outputs, I inputs, V vocabulary, D width.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Held = Literal["float32", "bf16", "int8"]
"""How frozen weights are held."""
Wanted = Literal["auto", "float32", "bf16", "int8"]
FEW = 16
"""Rows up to which torch's own product with int8 weights is faster than widening them: 2.9 times at one row, 2.1 at 16
(4864 x 896, one thread, AVX2); at 64 rows it is slower."""
ROWS = 4096
"""Of a table, quantised at a time."""


class _Product(torch.autograd.Function):
    """x W^T with a frozen W: what is widened for the product is not kept for the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight_OI: Tensor, scale_O: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight_OI, scale_O)
        made = F.linear(x, weight_OI.to(x.dtype))
        return made if scale_O is None else made.mul_(scale_O.to(x.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = gradients
        weight_OI, scale_O = ctx.saved_tensors
        scaled = gradient if scale_O is None else gradient * scale_O.to(gradient.dtype)
        return scaled @ weight_OI.to(gradient.dtype), None, None


class Frozen(nn.Module):
    """A matrix of O rows that is not trained."""

    weight_OI: Tensor
    scale_O: Tensor | None

    def __init__(self, weight_OI: Tensor, held: Held) -> None:
        super().__init__()
        weight_OI = weight_OI.detach()
        narrow, scale_O = quantised(weight_OI) if held == "int8" else (weight_OI.to(torch.bfloat16), None)
        self.register_buffer("weight_OI", narrow)
        self.register_buffer("scale_O", scale_O)

    @property
    def in_features(self) -> int:
        return self.weight_OI.shape[1]

    @property
    def weight(self) -> Tensor:
        """All of it; of int8 a copy in float32."""
        return self.weight_OI if self.scale_O is None else self.weight_OI.float().mul_(self.scale_O[:, None])

    def product(self, x: Tensor) -> Tensor:
        """x W^T; under autocast in its type."""
        kind = x.device.type
        x = x.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else x
        if self.scale_O is not None and kind == "cpu" and not torch.is_grad_enabled() and x[..., 0].numel() <= FEW:
            ones_O = torch.ones_like(self.scale_O, dtype=torch.bfloat16)
            few_NI = x.reshape(-1, x.shape[-1]).to(torch.bfloat16)
            made_NO = torch.ops.aten._weight_int8pack_mm(few_NI, self.weight_OI, ones_O).to(x.dtype)
            return made_NO.mul_(self.scale_O.to(x.dtype)).view(*x.shape[:-1], -1)
        made: Any = _Product.apply(x, self.weight_OI, self.scale_O)
        return made


class FrozenLinear(Frozen):
    """In place of an nn.Linear."""

    bias: Tensor | None

    def __init__(self, linear: nn.Linear, held: Held) -> None:
        super().__init__(linear.weight, held)
        bias: Tensor | None = linear.bias
        self.register_buffer("bias", None if bias is None else bias.detach().float())

    def forward(self, x: Tensor) -> Tensor:
        made = self.product(x)
        return made if self.bias is None else made + self.bias.to(made.dtype)


class FrozenEmbedding(Frozen):
    """In place of an nn.Embedding; a tied head is its `product`."""

    def forward(self, ids_BT: Tensor) -> Tensor:
        x_BTD = F.embedding(ids_BT, self.weight_OI).float()
        return x_BTD if self.scale_O is None else x_BTD * self.scale_O[ids_BT][..., None]


def quantised(weight_OI: Tensor) -> tuple[Tensor, Tensor]:
    """int8 and the scale of each row, symmetric: the largest number of a row is 127 of its scale."""
    largest_O = torch.cat([part.abs().amax(1) for part in weight_OI.split(ROWS)]).float()
    scale_O = largest_O.clamp(min=torch.finfo(torch.float32).tiny * 127) / 127
    narrow = [
        (part.float() / scale_C1).round_().to(torch.int8)
        for part, scale_C1 in zip(weight_OI.split(ROWS), scale_O[:, None].split(ROWS), strict=True)
    ]
    return torch.cat(narrow), scale_O


def served(wanted: Wanted, device: str, has_step: bool) -> Held:
    """How the matrices of a model that answers are held. auto: int8 on a CPU, where the family has a compiled step,
    which multiplies bytes; bf16 on other devices; else float32. `has_step`: for these weights, on this device."""
    if wanted != "auto":
        return wanted
    if device != "cpu":
        return "bf16"
    return "int8" if has_step else "float32"


def hold(decoder: Any, held: Held) -> None:
    """Freezes the decoder where it is: matrices and the table of tokens are held so, the rest in float32."""
    decoder.requires_grad_(False)
    if held != "float32":
        _narrow(decoder, held)
    decoder.apply(_widen)


def _narrow(module: nn.Module, held: Held) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, FrozenLinear(child, held))
        elif isinstance(child, nn.Embedding) and name == "tokens":
            setattr(module, name, FrozenEmbedding(child.weight, held))
        else:
            _narrow(child, held)


def _widen(module: nn.Module) -> None:
    if not isinstance(module, Frozen):
        for parameter in module.parameters(recurse=False):
            parameter.data = parameter.data.float()


def unbiased(linear: nn.Module, x: Tensor) -> Tensor:
    """x W^T of an nn.Linear or of what is held in its place."""
    return linear.product(x) if isinstance(linear, Frozen) else F.linear(x, linear.weight)  # pyright: ignore
