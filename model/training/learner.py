"""The learner: one decoder and its optimizer. It scores a Batch, makes its gradient, and takes a step. Knows no feed.

With an adapter the decoder's own weights are frozen, and its low-rank parts alone are trained: in float32, though
checkpoints hold them in bfloat16 for everybody but the learner itself.

Shapes: B rows, T tokens, D width.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

import numpy as np
import torch
from torch import Tensor

from model import weights
from model.adapters import lora
from model.adapters.spec import Adapter
from model.checkpoint import MASTER, Contents
from model.config import TrainConfig
from model.decoder.decoder import Decoder
from model.decoder.frozen import hold
from model.example import Batch
from model.families import Spec, build
from model.fim.format import Format
from model.tokens.tokenizer import Tokenizer
from model.training import optimizer
from model.training.loss import nats_of_hidden
from model.training.schedule import learning_rate
from model.training.score import Pair, by_group, of_middles, targets, unlearnt


@dataclass(frozen=True)
class Scored:
    """What a Batch came to before it was trained on."""

    loss: float
    """Nats a token."""
    groups: dict[str, Pair]
    """Nats and bytes of what is fresh in it, by kind, and by `kind/language`."""
    finite: bool
    """Whether the gradient can be used."""


class Learner:
    """The weights that are trained, and how."""

    def __init__(
        self, spec: Spec, config: TrainConfig, tokenizer: Tokenizer, fmt: Format, device: str, resume: Contents | None,
        adapter: Adapter | None = None,
    ) -> None:  # fmt: skip
        """`adapter`: what is trained beside the weights of `resume`; None: all weights are. Raises Refused for a family
        that is not trained."""
        self.config, self.device = config, torch.device(device)
        self.precision = precision(config, self.device)
        self._left_out = unlearnt(tokenizer, fmt).to(self.device)
        sentinels = set(tokenizer.specials.values())
        self._widths = torch.tensor([0 if i in sentinels else len(b) for i, b in enumerate(tokenizer.bytes_of)])
        self.model = _decoder(spec, resume, adapter).to(self.device)
        self.model.recompute = config.recompute
        self.optimizer = optimizer.make(self.model, config)

    def restore(self, contents: Contents) -> None:
        """The optimizer's state of a checkpoint."""
        moved = {name: tensor.to(self.device) for name, tensor in contents.optimizer.items()}
        parts = lora.low_rank(self.model)
        with torch.no_grad():
            for name in [name for name in moved if name.startswith(MASTER)]:
                parts[name.removeprefix(MASTER)].copy_(moved.pop(name))
        optimizer.restore(self.model, self.optimizer, moved)

    def score(self, batch: Batch) -> Scored:
        """The forward pass that trains is also the prequential score, since it comes before the update. Leaves the
        clipped gradient in the parameters."""
        self.model.train()
        ids_BT, positions_BT, documents_BT = (
            torch.from_numpy(a).to(self.device) for a in (batch.ids_BT, batch.positions_BT, batch.documents_BT)
        )
        targets_BT = targets(ids_BT, documents_BT, self._left_out)
        if self.config.loss == "middle":
            targets_BT = of_middles(targets_BT, batch)
        nats_BT = torch.zeros(targets_BT.shape, device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            x_BTD = self.model.hidden(ids_BT, positions_BT, documents_BT)
            total = nats_of_hidden(
                x_BTD.flatten(0, 1), self.model.head_weight, targets_BT.flatten(), self.model.logit_divisor,
                each_N=nats_BT.view(-1),
            )  # fmt: skip
        loss = total / (targets_BT >= 0).sum().clamp(min=1)
        finite = self._backward(loss)
        return Scored(loss.item(), by_group(batch, nats_BT.cpu().numpy(), self._sizes(batch, targets_BT)), finite)

    def _sizes(self, batch: Batch, targets_BT: Tensor) -> list[list[float]]:
        """Bytes of the tokens that count, where these are the middles alone; empty: all of the text."""
        if self.config.loss == "all":
            return []
        known = targets_BT.cpu() >= 0
        sizes_BT = torch.where(known, self._widths[targets_BT.cpu().clamp(min=0)], 0).numpy()
        return [
            np.bincount(batch.documents_BT[b] + 1, sizes_BT[b], minlength=len(row) + 1)[1:].tolist()
            for b, row in enumerate(batch.about)
        ]

    def _backward(self, loss: Tensor) -> bool:
        """The gradient, clipped; False when it is not finite."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip or inf)
        return isfinite(norm.item())

    def update(self, step: int, share: float) -> None:
        """`step`: since the last warm-up began. AdamW takes a step of the same length whatever the gradient is, so a
        partial Batch takes a shorter one."""
        for group in self.optimizer.param_groups:
            group["lr"] = share * learning_rate(step, self.config)
        self.optimizer.step()

    def assemble(self, tensors: dict[str, Tensor]) -> Decoder:
        """A decoder of these weights, or with these low-rank parts, beside the one that is trained: for scoring."""
        if not self.low_rank():
            return weights.assemble(self.model.spec, dict(tensors)).eval()
        copied = copy.deepcopy(self.model, self._shared())
        with torch.no_grad():
            for name, part in lora.low_rank(copied).items():
                part.copy_(tensors[name])
        return copied.eval()

    def branch(self) -> Learner:
        """A copy that can be trained while this one is; what is frozen is there once."""
        return copy.deepcopy(self, self._shared())

    def _shared(self) -> dict[int, Any]:
        """What copies share: tensors that are not trained."""
        tensors = (*self.model.parameters(), *self.model.buffers())
        return {id(t): t for t in tensors if not t.requires_grad}

    def weights(self) -> dict[str, Tensor]:
        """By our names, on the CPU: what a checkpoint holds; none with an adapter. They go on being trained where they
        are there already."""
        return {} if self.low_rank() else {name: t.cpu() for name, t in self.model.state_dict().items()}

    def low_rank(self) -> dict[str, Tensor]:
        """The same of an adapter's parts; none without one."""
        return {name: t.detach().cpu() for name, t in lora.low_rank(self.model).items()}

    def optimizer_state(self) -> dict[str, Tensor]:
        moments = {name: t.cpu() for name, t in optimizer.state(self.model, self.optimizer).items()}
        return moments | {MASTER + name: t for name, t in self.low_rank().items()}


def _decoder(spec: Spec, resume: Contents | None, adapter: Adapter | None) -> Decoder:
    """A new one, or one with the checkpoint's own tensors: they are not there twice."""
    if resume is None or spec != resume.manifest.model:  # which is refused a moment later
        return build.decoder(spec)
    base = weights.assemble(spec, resume.weights)
    if adapter is None:
        return base
    hold(base, adapter.held)
    return lora.attach(base, adapter, resume.low_rank or lora.first(base, adapter))


def precision(config: TrainConfig, device: torch.device) -> str:
    """What `auto` means on this device: bf16 where it is multiplied in hardware."""
    if config.precision != "auto":
        return config.precision
    if device.type == "cuda":
        return "bf16"
    has = torch.cpu.get_capabilities()
    return "bf16" if has.get("amx_bf16") or has.get("avx512_bf16") else "float32"
