"""The layers of gpt_bigcode.

Shapes: B rows, T tokens, D width, H query heads, G heads of keys and values, K head width.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from model.decoder.attention import Attend
from model.decoder.compiled import Compiled, way_of
from model.decoder.decoder import Decoder, Step, activate, initialise
from model.decoder.frozen import Held
from model.families.gpt_bigcode.spec import GptBigcode


class Block(nn.Module):
    """One layer: attention and MLP, each behind a norm and beside the residual stream."""

    def __init__(self, spec: GptBigcode, number: int) -> None:
        super().__init__()
        d, k = spec.width, spec.head_width
        self.number, self.heads, self.kv_heads, self.activation = number, spec.heads, spec.kv_heads, spec.activation
        self.scale = k**-0.5 if spec.scaled else 1.0
        self.norm_1 = nn.LayerNorm(d, eps=spec.epsilon)
        self.qkv = nn.Linear(d, d + 2 * k * spec.kv_heads)
        self.out = nn.Linear(d, d)
        self.norm_2 = nn.LayerNorm(d, eps=spec.epsilon)
        self.up = nn.Linear(d, spec.inner)
        self.down = nn.Linear(spec.inner, d)

    def forward(self, x_BTD: Tensor, rotation: None, attend: Attend) -> Tensor:
        q_BHTK, k_BGTK, v_BGTK = self._heads(self.qkv(self.norm_1(x_BTD)))
        a_BTD = attend(self.number, q_BHTK, k_BGTK, v_BGTK, self.scale, None).transpose(1, 2).flatten(-2)
        x_BTD = x_BTD + self.out(a_BTD)
        return x_BTD + self.down(activate(self.activation, self.up(self.norm_2(x_BTD))))

    def _heads(self, qkv: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """With a head of keys for each query head, a head's three parts stand together; with one for all, the queries
        come first."""
        d = self.out.in_features
        if self.kv_heads == self.heads > 1:
            return qkv.unflatten(-1, (self.heads, -1)).transpose(1, 2).chunk(3, dim=-1)  # pyright: ignore
        q, k, v = qkv.split((d, d // self.heads, d // self.heads), dim=-1)
        return q.unflatten(-1, (self.heads, -1)).transpose(1, 2), k[:, None], v[:, None]


class GptBigcodeDecoder(Decoder):
    not_decayed = ("positions",)

    def __init__(self, spec: GptBigcode) -> None:
        super().__init__()
        self.spec = spec
        self.tokens = nn.Embedding(spec.vocab, spec.width)
        self.positions = nn.Embedding(spec.context, spec.width)
        self.blocks = nn.ModuleList(Block(spec, n) for n in range(spec.layers))
        self.norm = nn.LayerNorm(spec.width, eps=spec.epsilon)
        self.head = None if spec.tied else nn.Linear(spec.width, spec.vocab, bias=False)
        if self.tokens.weight.device.type != "meta":
            initialise(self, spec.seed)

    def embed(self, ids_BT: Tensor, positions_BT: Tensor) -> Tensor:
        return self.tokens(ids_BT) + self.positions(positions_BT)

    def compiled(self, held: Held = "int8", threads: int = 1, way: Any = None) -> Step | None:
        if (way := way_of(self, held, way)) is None:
            return None
        from model.families.gpt_bigcode import kernel

        return Compiled(kernel.compiled(self, way, threads))
