"""Inference of one growing sequence: a decoder's weights, a cache of keys and values, few operators a token.

Shapes: T tokens, N new tokens, D width, V vocabulary, H heads, K head width, L layers.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear

from model.config import ModelConfig
from model.decoder import kernel
from model.decoder.transformer import Decoder


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
        limit = max(0, min(len(self.ids), len(ids) - 1))
        same = next((i for i in range(limit) if self.ids[i] != ids[i]), limit)
        del self.ids[same:]
        return same


class Runner:
    """Runs a copy of a decoder's weights as they are now.

    Prefill belongs to torch's matrix products; a single token, on a CPU in float32, to one compiled function, because
    dispatching some sixty operators costs more than their work (3.2 ms a token became 1.2: 5 M parameters, one
    thread, AVX2, context 300).
    """

    def __init__(self, model: Decoder, compiled: bool = True) -> None:
        self.config = model.config
        blocks = zip(*(block.tensors() for block in model.blocks), strict=True)
        self._stacked = tuple(torch.stack(tensors) for tensors in blocks)
        self._layers = list(zip(*self._stacked, strict=True))
        self._tokens_VD = model.tokens.weight.detach()
        self._positions_TD = model.positions.weight.detach()
        self._norm = (model.norm.weight.detach(), model.norm.bias.detach())
        self._compiled = compiled and self._tokens_VD.device.type == "cpu" and self._tokens_VD.dtype == torch.float32

    def new_cache(self) -> Cache:
        return Cache(self.config, self._tokens_VD)

    @torch.inference_mode()
    def extend(self, ids: Sequence[int], cache: Cache) -> Tensor:
        """Appends `ids` to the cached sequence; returns logits_V after the last of them.

        Raises ValueError when the context has no room for them.
        """
        at, end = len(cache.ids), len(cache.ids) + len(ids)
        if end > self.config.context:
            raise ValueError(f"{end} tokens do not fit into a context of {self.config.context}")
        if len(ids) == 1 and self._compiled:
            return self._step(ids[0], cache)
        x_ND = self._tokens_VD[list(ids)] + self._positions_TD[at:end]
        ahead_N1T = None
        if len(ids) > 1:
            ahead_N1T = torch.full((len(ids), 1, end), -torch.inf, dtype=x_ND.dtype, device=x_ND.device)
            ahead_N1T[:, 0].triu_(at + 1)
        for layer, tensors in enumerate(self._layers):
            x_ND = self._layer(tensors, x_ND, cache.keys_LTK[layer, :end], cache.values_LTK[layer, :end], ahead_N1T)
        cache.ids.extend(ids)
        return linear(layer_norm(x_ND[-1], x_ND.shape[1:], *self._norm), self._tokens_VD)

    def _step(self, token: int, cache: Cache) -> Tensor:
        at = len(cache.ids)
        logits_V = kernel.step(
            (self._tokens_VD[token] + self._positions_TD[at]).numpy(),
            tuple(tensor.numpy() for tensor in self._stacked),
            (self._norm[0].numpy(), self._norm[1].numpy()),
            self._tokens_VD.numpy(),
            cache.keys_LTK.numpy(),
            cache.values_LTK.numpy(),
            at,
            self.config.heads,
        )
        cache.ids.append(token)
        return torch.from_numpy(logits_V)

    def _layer(
        self, tensors: tuple[Tensor, ...], x_ND: Tensor, k_TK: Tensor, v_TK: Tensor, ahead_N1T: Tensor | None
    ) -> Tensor:
        """One block; the last N rows of `k_TK` and `v_TK` are written. One key head for all query heads makes
        attention two plain matrix products."""
        norm_1, shift_1, w_qkv, b_qkv, w_out, b_out, norm_2, shift_2, w_up, b_up, w_down, b_down = tensors
        n, d = x_ND.shape
        heads, width = self.config.heads, self.config.head_width
        qkv = linear(layer_norm(x_ND, (d,), norm_1, shift_1), w_qkv, b_qkv)
        k_TK[-n:] = qkv[:, d : d + width]
        v_TK[-n:] = qkv[:, d + width :]
        scores_NHT = (qkv[:, :d].reshape(n * heads, width) @ k_TK.T).mul_(width**-0.5).view(n, heads, -1)
        if ahead_N1T is not None:
            scores_NHT += ahead_N1T
        weights = torch.softmax(scores_NHT, dim=-1).view(n * heads, -1)
        x_ND = x_ND + linear((weights @ v_TK).view(n, d), w_out, b_out)
        inner = gelu(linear(layer_norm(x_ND, (d,), norm_2, shift_2), w_up, b_up), approximate="tanh")
        return x_ND + linear(inner, w_down, b_down)
