"""The decoder: gpt_bigcode (SantaCoder, arXiv 2301.03988): learned positions, MQA, LayerNorm, GELU-tanh, tied head.

Shapes: B rows, T tokens, N new tokens, D width, V vocabulary, H heads, K head width, L layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.attention import attend, attend_cached, document_mask
from model.config import ModelConfig


class Cache:
    """Keys and values of one sequence, and the ids that they stand for. Owned by one sequence at a time."""

    def __init__(self, config: ModelConfig, like: Tensor) -> None:
        shape = (config.layers, config.context, config.head_width)
        self.keys_LTK = torch.empty(shape, dtype=like.dtype, device=like.device)
        self.values_LTK = torch.empty(shape, dtype=like.dtype, device=like.device)
        self.ids: list[int] = []

    def keep_common(self, ids: Sequence[int]) -> int:
        """Truncates to the longest common prefix with `ids`; returns its length.

        One id is always left to be computed, since the cache holds no logits.
        """
        limit = min(len(self.ids), len(ids) - 1)
        same = next((i for i in range(limit) if self.ids[i] != ids[i]), max(limit, 0))
        del self.ids[same:]
        return same


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

    def forward(self, x_BTD: Tensor, allow_B1TT: Tensor) -> Tensor:
        q_BTD, k_BTK, v_BTK = self.qkv(self.norm_1(x_BTD)).split((self.width, self.head_width, self.head_width), dim=-1)
        q_BHTK = q_BTD.unflatten(-1, (self.heads, self.head_width)).transpose(1, 2)
        a_BTD = attend(q_BHTK, k_BTK, v_BTK, allow_B1TT).transpose(1, 2).flatten(-2)
        x_BTD = x_BTD + self.out(a_BTD)
        return x_BTD + self._mlp(x_BTD)

    def cached(self, x_ND: Tensor, k_TK: Tensor, v_TK: Tensor, at: int, ahead_NT: Tensor | None) -> Tensor:
        """N new tokens from position `at` on; writes their keys and values into the layer's cache."""
        end = at + x_ND.shape[0]
        q_ND, new_k, new_v = self.qkv(self.norm_1(x_ND)).split((self.width, self.head_width, self.head_width), dim=-1)
        k_TK[at:end] = new_k
        v_TK[at:end] = new_v
        a_NHK = attend_cached(q_ND.unflatten(-1, (self.heads, self.head_width)), k_TK[:end], v_TK[:end], ahead_NT)
        x_ND = x_ND + self.out(a_NHK.flatten(-2))
        return x_ND + self._mlp(x_ND)

    def _mlp(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(self.norm_2(x)), approximate="tanh"))


class Decoder(nn.Module):
    """Logits of the next token. `forward` is for packed rows, `extend` for one sequence with a cache."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = nn.Embedding(config.vocab, config.width)
        self.positions = nn.Embedding(config.context, config.width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
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
        allow_B1TT = document_mask(documents_BT)
        x_BTD = self.tokens(ids_BT) + self.positions(positions_BT)
        for block in self.blocks:
            x_BTD = block(x_BTD, allow_B1TT)
        return F.linear(self.norm(x_BTD), self.tokens.weight)

    def new_cache(self) -> Cache:
        return Cache(self.config, self.tokens.weight)

    @torch.inference_mode()
    def extend(self, ids: Sequence[int], cache: Cache) -> Tensor:
        """Appends `ids` to the cached sequence; returns logits_V after the last of them.

        Raises ValueError when the context has no room for them.
        """
        at, end = len(cache.ids), len(cache.ids) + len(ids)
        if end > self.config.context:
            raise ValueError(f"{end} tokens do not fit into a context of {self.config.context}")
        table = self.tokens.weight
        x_ND = table[list(ids)] + self.positions.weight[at:end]
        ahead_NT = None
        if len(ids) > 1:
            ahead_NT = torch.full((len(ids), end), -torch.inf, dtype=table.dtype, device=table.device).triu_(at + 1)
        for layer, block in enumerate(self.blocks):
            x_ND = block.cached(x_ND, cache.keys_LTK[layer], cache.values_LTK[layer], at, ahead_NT)
        cache.ids.extend(ids)
        return F.linear(self.norm(x_ND[-1]), table)
