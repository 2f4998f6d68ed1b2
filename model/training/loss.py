"""The loss from what the last layer gave, block by block: the logits of all tokens are never there at once.

The gradient is made where a block's logits are, in their own memory, so that nothing is computed twice.

Shapes: N tokens, D width, V vocabulary, C tokens of a block.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from model.training.cut import look

BLOCK_BYTES = 96 * 1024 * 1024
"""Of a block's logits in float32: what fits a cache, and is enough work for a product of matrices."""


def nats_of_hidden(
    x_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, divisor: float = 1.0, each_N: Tensor | None = None
) -> Tensor:  # fmt: skip
    """Sum of -ln p(target), a scalar in float32, of logits `x_ND @ weight_VD.T / divisor`.

    Tokens whose target is negative do not count, and cost nothing. `each_N`, float32: is filled with the nats of each
    token that counts, without a gradient. Under autocast the products are made in its type.
    """
    counted_N = (targets_N >= 0).nonzero().squeeze(-1)
    dtype = torch.get_autocast_dtype(x_ND.device.type) if torch.is_autocast_enabled(x_ND.device.type) else x_ND.dtype
    with torch.autocast(x_ND.device.type, enabled=False):
        each = None if each_N is None else torch.zeros(len(counted_N), device=x_ND.device)
        total: Any = _Nats.apply(x_ND[counted_N].to(dtype), weight_VD, targets_N[counted_N], divisor, each)
        if each_N is not None and each is not None:
            each_N[counted_N] = each
    return total


def _add_product(sum_VD: Tensor, a_VC: Tensor, b_CD: Tensor) -> None:
    if sum_VD.dtype == a_VC.dtype:
        sum_VD.addmm_(a_VC, b_CD)
    else:
        sum_VD += a_VC @ b_CD


class _Nats(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, divisor: float, each_N: Tensor | None
    ) -> Tensor:  # fmt: skip
        head_VD = weight_VD.detach().to(x_ND.dtype)
        wanted_x, wanted_weight = ctx.needs_input_grad[:2]
        dx_ND = torch.empty_like(x_ND) if wanted_x else None
        dw_VD = torch.zeros_like(weight_VD) if wanted_weight else None
        total = torch.zeros((), dtype=torch.float32, device=x_ND.device)
        size = max(64, BLOCK_BYTES // (4 * len(weight_VD)))
        for start in range(0, len(x_ND), size):
            look()
            block_CD, targets_C1 = x_ND[start : start + size], targets_N[start : start + size, None]
            logits_CV = (block_CD @ head_VD.T).float()
            if divisor != 1:
                logits_CV /= divisor
            chosen_C1 = logits_CV.gather(1, targets_C1)
            lse_C1 = logits_CV.logsumexp(1, keepdim=True)
            total += (lse_C1 - chosen_C1).sum()
            if each_N is not None:
                each_N[start : start + size] = (lse_C1 - chosen_C1).squeeze(1)
            if dx_ND is None and dw_VD is None:
                continue
            logits_CV.sub_(lse_C1).exp_()
            logits_CV.scatter_add_(1, targets_C1, torch.full_like(chosen_C1, -1.0))
            gradient_CV = (logits_CV if divisor == 1 else logits_CV.div_(divisor)).to(x_ND.dtype)
            if dx_ND is not None:
                torch.mm(gradient_CV, head_VD, out=dx_ND[start : start + size])
            if dw_VD is not None:
                _add_product(dw_VD, gradient_CV.T, block_CD)
        ctx.save_for_backward(dx_ND, dw_VD)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        (gradient,) = gradients
        dx_ND, dw_VD = ctx.saved_tensors
        return (
            None if dx_ND is None else dx_ND * gradient.to(dx_ND.dtype),
            None if dw_VD is None else dw_VD.mul_(gradient),
            None, None, None,
        )  # fmt: skip
