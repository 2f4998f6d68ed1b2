"""What all decoders are: logits of the next token for packed rows. A family (model.families) says what a layer does.

Shapes: B rows, T tokens, D width, V vocabulary.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from model.decoder.attention import Attend, Packed
from model.decoder.frozen import Frozen, Held


class Step(Protocol):
    """Rows of any sequences through the whole decoder, as one compiled function: its rows have the same bits alone and
    in any batch."""

    def __call__(
        self,
        ids_M: NDArray[np.int64],
        positions_M: NDArray[np.int32],
        tables_MN: NDArray[np.int32],
        keys_LPGKS: NDArray[np.float32],
        values_LPGSK: NDArray[np.float32],
        wanted_W: NDArray[np.int64] | None = None,
    ) -> Tensor:
        """logits_WV of the rows whose numbers are `wanted_W`; None: of all.

        Row m is appended to the sequence of its table at its position; the keys and values of all rows are written
        before any row of that layer attends, row m sees positions 0..positions_M[m] of its own table. Several rows may
        belong to one sequence. Tables are padded with 0 at their right."""
        ...


class Decoder(nn.Module):
    """A family's class derives from it and gives `tokens`, `blocks` and `norm`."""

    spec: Any
    tokens: Any
    """An nn.Embedding, or what a frozen one is held in."""
    blocks: nn.ModuleList
    norm: nn.Module
    head: Any
    """An nn.Linear, or what a frozen one is held in. None: the head is the embedding."""
    logit_divisor: float = 1.0
    """What the head's products are divided by."""
    not_decayed: tuple[str, ...] = ()
    """Beginnings of the names of matrices that the optimizer's weight decay leaves alone."""
    is_plain: bool = True
    """Nothing stands beside its matrices: a compiled step takes a copy of them."""
    by_length: bool = False
    """What it makes of a token depends on the length of its sequence: rows of several are not run together."""
    recompute: bool = False
    """While training, a layer keeps what it was given alone, and computes the rest again for its gradient
    (arXiv 1604.06174)."""

    def embed(self, ids_BT: Tensor, positions_BT: Tensor) -> Tensor:
        """x_BTD, what the first layer is given."""
        raise NotImplementedError

    def rotation(self, positions_BT: Tensor, length: int | None = None) -> Any:
        """What every layer needs to know of the positions, made once. `length`: of the one sequence that they are of;
        None: of each row's documents, as the positions say."""
        return None

    @property
    def head_weight(self) -> Tensor:
        """weight_VD; of a frozen table a copy."""
        return (self.tokens if self.head is None else self.head).weight  # pyright: ignore

    @property
    def like(self) -> Tensor:
        """A tensor of the type and on the device that it computes in."""
        return next(self.norm.parameters()) if isinstance(self.tokens, Frozen) else self.tokens.weight

    def logits(self, x_BTD: Tensor) -> Tensor:
        """logits_BTV of what the last layer gave."""
        normed_BTD, table = self.norm(x_BTD), self.tokens if self.head is None else self.head
        logits_BTV = table.product(normed_BTD) if isinstance(table, Frozen) else F.linear(normed_BTD, self.head_weight)
        return logits_BTV if self.logit_divisor == 1 else logits_BTV / self.logit_divisor

    def compiled(self, held: Held = "int8", threads: int = 1, way: Any = None) -> Step | None:
        """The compiled step of a copy of these weights, held so: it multiplies bytes by bytes, or float32. None where
        the family has none, for this type, or this device. `way`: of model.kernels.isa, instead of the processor's
        best."""
        return None

    def new_past(self) -> Any:
        """What stands for the tokens of a sequence in a family that keeps them in its own way; None: keys and values,
        which an `Attend` is given."""
        return None

    def follow(self, ids_1N: Tensor, at: int, past: Any) -> Tensor:
        """logits_V after N ids that follow the first `at` tokens of `past`, whatever came behind these. Only of a
        family that has a `past`."""
        raise NotImplementedError

    def through(self, x_BTD: Tensor, rotation: Any, attend: Attend) -> Tensor:
        """Through all layers."""
        again = self.recompute and self.training and torch.is_grad_enabled()
        for block in self.blocks:
            if again:
                x_BTD = checkpoint(block, x_BTD, rotation, attend, use_reentrant=False, preserve_rng_state=False)
            else:
                x_BTD = block(x_BTD, rotation, attend)
        return x_BTD

    def forward(self, ids_BT: Tensor, positions_BT: Tensor, documents_BT: Tensor) -> Tensor:
        """logits_BTV. A token sees earlier tokens of its own document alone."""
        return self.logits(self._last(ids_BT, positions_BT, documents_BT))

    def hidden(self, ids_BT: Tensor, positions_BT: Tensor, documents_BT: Tensor) -> Tensor:
        """x_BTD, what the head is given in `forward`: training makes the logits of a block of tokens at a time."""
        return self.norm(self._last(ids_BT, positions_BT, documents_BT))

    def _last(self, ids_BT: Tensor, positions_BT: Tensor, documents_BT: Tensor) -> Tensor:
        x_BTD = self.embed(ids_BT, positions_BT)
        return self.through(x_BTD, self.rotation(positions_BT), Packed(documents_BT))


def initialise(decoder: Decoder, seed: int, deviation: float = 0.02) -> None:
    """GPT-2's (Radford 2019, §2.3): normal(0.02), what adds to the residual stream scaled by 1/sqrt(2 layers); norms
    begin at 1, biases at 0."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in decoder.named_parameters():
        if parameter.dim() < 2:
            nn.init.constant_(parameter, float("norm" in name and name.endswith("weight")))
            continue
        residual = name.endswith(("out.weight", "down.weight"))
        scale = (2 * len(decoder.blocks)) ** -0.5 if residual else 1.0
        nn.init.normal_(parameter, std=deviation * scale, generator=generator)


def activate(name: str, x: Tensor) -> Tensor:
    """One of `model.families.reading.ACTIVATIONS`' values."""
    if name == "gelu_tanh":
        return F.gelu(x, approximate="tanh")
    return {"gelu": F.gelu, "silu": F.silu, "relu": F.relu}[name](x)
