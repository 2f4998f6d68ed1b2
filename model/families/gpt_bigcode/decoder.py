"""The layers of gpt_bigcode.

Shapes: B rows, T tokens, D width, H query heads, G heads of keys and values, K head width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.decoder.attention import Attend
from model.decoder.decoder import Decoder, Step, activate, initialise
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

    def tensors(self) -> tuple[Tensor, ...]:
        """The twelve parameters in the order that they are used in, for the compiled step."""
        parts = (self.norm_1, self.qkv, self.out, self.norm_2, self.up, self.down)
        return tuple(tensor.detach() for part in parts for tensor in (part.weight, part.bias))


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

    def compiled(self) -> Step | None:
        """For one head of keys, in float32 on a CPU: dispatching some sixty operators costs more than their work there
        (3.2 ms a token became 1.2: 5 M parameters, one thread, AVX2, context 300)."""
        spec, weight = self.spec, self.tokens.weight
        usual = GptBigcode(vocab=1, context=1)
        plain = all(
            getattr(spec, key) == getattr(usual, key) for key in ("epsilon", "activation", "scaled", "kv_heads")
        )
        if not plain or weight.device.type != "cpu" or weight.dtype != torch.float32:
            return None
        from model.families.gpt_bigcode import kernel

        blocks = [block.tensors() for block in self.blocks]  # pyright: ignore
        layers = tuple(torch.stack(tensors).numpy() for tensors in zip(*blocks, strict=True))
        norm = (self.norm.weight.detach().numpy(), self.norm.bias.detach().numpy())  # pyright: ignore
        tokens_VD, positions_TD = weight.detach(), self.positions.weight.detach()
        head_VD = tokens_VD if self.head is None else self.head.weight.detach()

        def step(token: int, at: int, keys_LGTK: Tensor, values_LGTK: Tensor) -> Tensor:
            x_D = (tokens_VD[token] + positions_TD[at]).numpy()
            cache = keys_LGTK[:, 0].numpy(), values_LGTK[:, 0].numpy()
            return torch.from_numpy(kernel.step(x_D, layers, norm, head_VD.numpy(), *cache, at, spec.heads))

        return step
