"""The learner: one decoder and its optimizer. It scores a Batch, makes its gradient, and takes a step. Knows no feed.

With an adapter the decoder's own weights are frozen, and its low-rank parts alone are trained: in float32, though
checkpoints hold them in bfloat16 for everybody but the learner itself.

Shapes: B rows, T tokens, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import torch
from torch import Tensor

from model import weights
from model.adapters import lora
from model.adapters.spec import Adapter
from model.checkpoint import Contents
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
from model.training.score import targets, unlearnt


@dataclass(frozen=True)
class Scored:
    """What a Batch came to before it was trained on."""

    loss: float
    """Nats a token."""
    nats: float
    """Of all tokens that count."""
    nats_BT: Tensor
    """Of each token's successor, on the CPU; 0 where there is none."""
    finite: bool
    """Whether the gradient can be used."""


MASTER = "master/"
"""Before an adapter's own float32 numbers, among the optimizer's state."""


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
        nats_BT = torch.zeros(targets_BT.shape, device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            x_BTD = self.model.hidden(ids_BT, positions_BT, documents_BT)
            total = nats_of_hidden(
                x_BTD.flatten(0, 1), self.model.head_weight, targets_BT.flatten(), self.model.logit_divisor,
                each_N=nats_BT.view(-1),
            )  # fmt: skip
        loss = total / (targets_BT >= 0).sum().clamp(min=1)
        finite = self._backward(loss)
        return Scored(loss.item(), total.item(), nats_BT.cpu(), finite)

    def _backward(self, loss: Tensor) -> bool:
        """The gradient, clipped; False when it is not finite."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip or inf)
        return isfinite(norm.item())

    def update(self, step: int, share: float) -> None:
        """AdamW takes a step of the same length whatever the gradient is, so a partial Batch takes a shorter one."""
        for group in self.optimizer.param_groups:
            group["lr"] = share * learning_rate(step, self.config)
        self.optimizer.step()

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
