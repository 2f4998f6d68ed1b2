"""The layers of llama and what descends from it.

Shapes: B rows, T tokens, D width, H query heads, G heads of keys and values, K head width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from model.decoder.attention import Attend
from model.decoder.compiled import Compiled, way_of
from model.decoder.decoder import Decoder, Step, activate, initialise
from model.decoder.frozen import Held
from model.families.llama.rotary import Rotary, Rotation
from model.families.llama.spec import Llama


class RmsNorm(nn.Module):
    """Root mean square norm (arXiv 1910.07467), in float32 whatever the input is."""

    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        wide = x.float()
        normed = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.epsilon)
        return self.weight * normed.to(x.dtype)


def norm(spec: Llama, width: int) -> nn.Module:
    return nn.LayerNorm(width, eps=spec.epsilon) if spec.norm == "layer" else RmsNorm(width, spec.epsilon)


class Block(nn.Module):
    """One layer: attention and MLP, each behind a norm and beside the residual stream."""

    def __init__(self, spec: Llama, number: int) -> None:
        super().__init__()
        d, k, inner = spec.width, spec.head_width, spec.inner
        self.number, self.head_width, self.activation = number, k, spec.activation
        self.scale, self.residual = spec.attention_scale or k**-0.5, spec.residual_scale
        self.window = spec.window_of(number)
        self.norm_1 = norm(spec, d)
        self.q = nn.Linear(d, spec.heads * k, bias=spec.qkv_bias)
        self.k = nn.Linear(d, spec.kv_heads * k, bias=spec.qkv_bias)
        self.v = nn.Linear(d, spec.kv_heads * k, bias=spec.qkv_bias)
        self.q_norm = RmsNorm(k, spec.epsilon) if spec.qk_norm else None
        self.k_norm = RmsNorm(k, spec.epsilon) if spec.qk_norm else None
        self.out = nn.Linear(spec.heads * k, d, bias=spec.out_bias)
        self.norm_2 = norm(spec, d)
        self.gate = nn.Linear(d, inner, bias=spec.mlp_bias) if spec.gated else None
        self.up = nn.Linear(d, inner, bias=spec.mlp_bias)
        self.down = nn.Linear(inner, d, bias=spec.mlp_bias)

    def forward(self, x_BTD: Tensor, rotation: Rotation, attend: Attend) -> Tensor:
        normed_BTD = self.norm_1(x_BTD)
        q_BHTK, k_BGTK = self._heads(self.q(normed_BTD), self.q_norm), self._heads(self.k(normed_BTD), self.k_norm)
        q_BHTK, k_BGTK, v_BGTK = rotation(q_BHTK), rotation(k_BGTK), self._heads(self.v(normed_BTD), None)
        mixed_BHTK = attend(self.number, q_BHTK, k_BGTK, v_BGTK, self.scale, self.window)
        x_BTD = x_BTD + self._scaled(self.out(mixed_BHTK.transpose(1, 2).flatten(-2)))
        return x_BTD + self._scaled(self._mlp(self.norm_2(x_BTD)))

    def _heads(self, x_BTD: Tensor, normed: RmsNorm | None) -> Tensor:
        x_BTHK = x_BTD.unflatten(-1, (-1, self.head_width))
        return (x_BTHK if normed is None else normed(x_BTHK)).transpose(1, 2)

    def _mlp(self, x_BTD: Tensor) -> Tensor:
        if self.gate is None:
            return self.down(activate(self.activation, self.up(x_BTD)))
        return self.down(activate(self.activation, self.gate(x_BTD)) * self.up(x_BTD))

    def _scaled(self, x_BTD: Tensor) -> Tensor:
        return x_BTD if self.residual == 1 else x_BTD * self.residual


class LlamaDecoder(Decoder):
    def __init__(self, spec: Llama) -> None:
        super().__init__()
        self.spec = spec
        self.tokens = nn.Embedding(spec.vocab, spec.width)
        self.blocks = nn.ModuleList(Block(spec, n) for n in range(spec.layers))
        self.norm = norm(spec, spec.width)
        self.head = None if spec.tied else nn.Linear(spec.width, spec.vocab, bias=False)
        self.logit_divisor, self.by_length = spec.logit_divisor, spec.scaling.kind == "dynamic"
        self._rotary = Rotary(spec.head_width, spec.theta, spec.scaling)
        if self.tokens.weight.device.type != "meta":
            initialise(self, spec.seed)

    def embed(self, ids_BT: Tensor, positions_BT: Tensor) -> Tensor:
        x_BTD = self.tokens(ids_BT)
        return x_BTD if self.spec.embedding_scale == 1 else x_BTD * self.spec.embedding_scale

    def rotation(self, positions_BT: Tensor, length: int | None = None) -> Rotation:
        return self._rotary(positions_BT, length)

    def compiled(self, held: Held = "int8", threads: int = 1, way: Any = None) -> Step | None:
        if self.by_length or (way := way_of(self, held, way)) is None:
            return None
        from model.families.llama import kernel

        return Compiled(kernel.compiled(self, way, threads))
