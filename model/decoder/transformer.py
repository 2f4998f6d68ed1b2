"""The decoder: gpt_bigcode (SantaCoder, arXiv 2301.03988): learned positions, MQA, LayerNorm, GELU-tanh, tied head.

Shapes: B rows, T tokens, D width, V vocabulary, H heads, K head width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.config import ModelConfig
from model.decoder.attention import Layout, attend, layout


class Block(nn.Module):
    """One layer: attention and MLP, each behind a norm and beside the residual stream."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        d, k = config.width, config.head_width
        self.heads, self.head_width, self.width = config.heads, k, d
        self.norm_1 = nn.LayerNorm(d)
        self.qkv = nn.Linear(d, d + 2 * k)
        self.out = nn.Linear(d, d)
        self.norm_2 = nn.LayerNorm(d)
        self.up = nn.Linear(d, config.inner)
        self.down = nn.Linear(config.inner, d)

    def forward(self, x_BTD: Tensor, where: Layout) -> Tensor:
        q_BTD, k_BTK, v_BTK = self.qkv(self.norm_1(x_BTD)).split((self.width, self.head_width, self.head_width), dim=-1)
        q_BHTK = q_BTD.unflatten(-1, (self.heads, self.head_width)).transpose(1, 2)
        a_BTD = attend(q_BHTK, k_BTK, v_BTK, where).transpose(1, 2).flatten(-2)
        x_BTD = x_BTD + self.out(a_BTD)
        return x_BTD + self._mlp(x_BTD)

    def tensors(self) -> tuple[Tensor, ...]:
        """The twelve parameters in the order that they are used in, for `model.decoder.runner`."""
        parts = (self.norm_1, self.qkv, self.out, self.norm_2, self.up, self.down)
        return tuple(tensor.detach() for part in parts for tensor in (part.weight, part.bias))

    def _mlp(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(self.norm_2(x)), approximate="tanh"))


class Decoder(nn.Module):
    """Logits of the next token, for packed rows; `model.decoder.runner` is for one sequence that grows."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab, config.width)
        self.positions = nn.Embedding(config.context, config.width)
        self.blocks: list[Block] = nn.ModuleList(Block(config) for _ in range(config.layers))  # pyright: ignore
        self.norm = nn.LayerNorm(config.width)
        self._initialise()

    def _initialise(self) -> None:
        """GPT-2's (Radford 2019, §2.3): normal(0.02), what adds to the residual stream scaled by 1/sqrt(2 layers)."""
        generator = torch.Generator().manual_seed(self.config.seed)
        for name, parameter in self.named_parameters():
            if parameter.dim() < 2:
                nn.init.constant_(parameter, float("norm" in name and name.endswith("weight")))
                continue
            residual = name.endswith(("out.weight", "down.weight"))
            deviation = 0.02 * (2 * self.config.layers) ** -0.5 if residual else 0.02
            nn.init.normal_(parameter, std=deviation, generator=generator)

    def forward(self, ids_BT: Tensor, positions_BT: Tensor, documents_BT: Tensor) -> Tensor:
        """logits_BTV. A token sees earlier tokens of its own document alone."""
        where = layout(documents_BT)
        x_BTD = self.tokens(ids_BT) + self.positions(positions_BT)
        for block in self.blocks:
            x_BTD = block(x_BTD, where)
        return F.linear(self.norm(x_BTD), self.tokens.weight)
