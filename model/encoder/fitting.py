"""Steps of training: AdamW with warm-up and a linear end, until they are made or somebody asks to stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

CLIP = 1.0
DECAY = 0.01
WARM = 0.1
"""Share of the steps in which the rate rises; BERT's for fine-tuning."""
MOST_BAD = 3


class NotFinite(RuntimeError):
    """Several steps in a row had no finite loss; the weights are those before them."""


@dataclass(frozen=True)
class Progress:
    step: int
    """Steps that are made."""
    steps: int
    loss: float


def fit(
    model: nn.Module,
    steps: int,
    rate: float,
    loss: Callable[[int], Tensor],
    report: Callable[[Progress], None],
    stops: Callable[[], bool],
) -> int:
    """Makes up to `steps` steps on `loss(step)` and returns how many were made. A step without a finite loss or
    gradient changes nothing. Raises NotFinite."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, fused=True)
    model.train()
    bad = 0
    for step in range(steps):
        if stops():
            return step
        for group in optimizer.param_groups:
            group["lr"] = rate * share(step, steps)
        optimizer.zero_grad(set_to_none=True)
        value = loss(step)
        value.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        bad = 0 if math.isfinite(norm.item()) and math.isfinite(value.item()) else bad + 1
        if bad == MOST_BAD:
            raise NotFinite(f"{MOST_BAD} steps in a row had no finite loss, the last one is {step + 1} of {steps}")
        if not bad:
            optimizer.step()
        report(Progress(step + 1, steps, value.item()))
    return steps


def share(step: int, steps: int) -> float:
    """Of the greatest rate: up over the first tenth, then down to nothing."""
    warm = max(1, int(steps * WARM))
    return (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))
