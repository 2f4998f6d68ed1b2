"""AdamW (arXiv 1711.05101) over a decoder, and its state as flat named tensors."""

from __future__ import annotations

import torch
from torch import Tensor

from model.config import TrainConfig
from model.decoder.decoder import Decoder


def make(model: Decoder, config: TrainConfig) -> torch.optim.AdamW:
    """Of what is trained. Decays matrices alone: neither norms and biases nor positions."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    decayed = [p for n, p in named if p.dim() > 1 and not n.startswith(model.not_decayed)]
    kept = [p for n, p in named if p.dim() < 2 or n.startswith(model.not_decayed)]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=(config.beta_1, config.beta_2), fused=True)


def state(model: Decoder, optimizer: torch.optim.AdamW) -> dict[str, Tensor]:
    """`<moment>/<parameter>` to its tensor."""
    return {
        f"{key}/{name}": value
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
        for key, value in optimizer.state[parameter].items()
    }


def restore(model: Decoder, optimizer: torch.optim.AdamW, tensors: dict[str, Tensor]) -> None:
    """Sets what `state` gave. Raises KeyError for a parameter that the model does not have."""
    parameters = dict(model.named_parameters())
    for name, tensor in tensors.items():
        key, parameter = name.split("/", 1)
        optimizer.state[parameters[parameter]][key] = tensor
