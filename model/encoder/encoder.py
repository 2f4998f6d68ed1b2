"""The encoder's layers (BERT, arXiv 1810.04805), and its three heads: masked tokens, the next text, labels.

Shapes: B rows, T tokens, D width, H heads, K head width, V vocabulary, L labels, M masked tokens.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.encoder.spec import EncoderSpec

DEVIATION = 0.02
"""Of the initial weights; BERT's."""


class Block(nn.Module):
    """One layer: attention, then the MLP, a norm behind each."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        d = spec.width
        self.heads = spec.heads
        self.query, self.key, self.value, self.out = (nn.Linear(d, d) for _ in range(4))
        self.norm_1 = nn.LayerNorm(d, eps=spec.epsilon)
        self.up, self.down = nn.Linear(d, spec.inner), nn.Linear(spec.inner, d)
        self.norm_2 = nn.LayerNorm(d, eps=spec.epsilon)

    def forward(self, x_BTD: Tensor, mask_B11T: Tensor) -> Tensor:
        q_BHTK, k_BHTK, v_BHTK = (
            part(x_BTD).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        a_BHTK = F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, attn_mask=mask_B11T)
        x_BTD = self.norm_1(x_BTD + self.out(a_BHTK.transpose(1, 2).flatten(-2)))
        return self.norm_2(x_BTD + self.down(F.gelu(self.up(x_BTD))))


class Encoder(nn.Module):
    """The trunk: hidden states of rows that may be padded."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        self.spec = spec
        self.tokens = nn.Embedding(spec.vocab, spec.width)
        self.positions = nn.Embedding(spec.context, spec.width)
        self.segments = nn.Embedding(spec.segments, spec.width)
        self.norm = nn.LayerNorm(spec.width, eps=spec.epsilon)
        self.blocks = nn.ModuleList(Block(spec) for _ in range(spec.layers))
        initialise(self, spec.seed)

    def forward(self, ids_BT: Tensor, mask_BT: Tensor, segments_BT: Tensor | None = None) -> Tensor:
        """x_BTD. `mask_BT` is true where a token stands, false in padding; segments are 0 where none are given."""
        at_T = torch.arange(ids_BT.shape[1], device=ids_BT.device)
        segments_BT = torch.zeros_like(ids_BT) if segments_BT is None else segments_BT
        x_BTD = self.norm(self.tokens(ids_BT) + self.positions(at_T) + self.segments(segments_BT))
        for block in self.blocks:
            x_BTD = block(x_BTD, mask_BT[:, None, None, :].bool())
        return x_BTD


class Pretraining(nn.Module):
    """The trunk with the heads that it is pre-trained with. The tokens' table is also the last layer's."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        spec = encoder.spec
        self.encoder = encoder
        self.masked = nn.Linear(spec.width, spec.width)
        self.masked_norm = nn.LayerNorm(spec.width, eps=spec.epsilon)
        self.masked_bias = nn.Parameter(torch.zeros(spec.vocab))
        self.pooler = nn.Linear(spec.width, spec.width)
        self.next = nn.Linear(spec.width, 2)
        for number, part in enumerate((self.masked, self.pooler, self.next)):
            initialise(part, spec.seed + 1 + number)

    def logits(self, x_MD: Tensor) -> Tensor:
        """logits_MV of hidden states of masked tokens."""
        x_MD = self.masked_norm(F.gelu(self.masked(x_MD)))
        return F.linear(x_MD, self.encoder.tokens.weight, self.masked_bias)

    def follows(self, x_BTD: Tensor) -> Tensor:
        """logits_B2: b follows a, or it comes from another document."""
        return self.next(self.pooler(x_BTD[:, 0]).tanh())


class Labeller(nn.Module):
    """The trunk with a label for each token."""

    def __init__(self, encoder: Encoder, labels: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.spec.width, labels)
        initialise(self.head, encoder.spec.seed + 9)

    def forward(self, ids_BT: Tensor, mask_BT: Tensor) -> Tensor:
        """logits_BTL."""
        return self.head(self.encoder(ids_BT, mask_BT))


def initialise(module: nn.Module, seed: int) -> None:
    """Weights normal, biases zero, by a generator of its own."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, nn.Linear | nn.Embedding):
                part.weight.normal_(0.0, DEVIATION, generator=generator)
            if isinstance(part, nn.Linear):
                part.bias.zero_()
