"""Inference of one growing sequence: a decoder, and a cache of keys and values.

Shapes: T tokens, N new tokens, D width, V vocabulary, H query heads, G heads of keys and values, K head width,
L layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from model.decoder.decoder import Decoder

FIRST_TOKENS = 256
"""Room of a new cache, tokens; it doubles as it fills."""


class Cache:
    """Keys and values of one sequence, and the ids that they stand for. Owned by one sequence at a time."""

    def __init__(self, layers: int, heads: int, width: int, context: int, like: Tensor) -> None:
        """Of `context` tokens at most; of the type and on the device of `like`."""
        self._context = context
        shape = (layers, heads, min(FIRST_TOKENS, context), width)
        self.keys_LGTK = torch.empty(shape, dtype=like.dtype, device=like.device)
        self.values_LGTK = torch.empty(shape, dtype=like.dtype, device=like.device)
        self.ids: list[int] = []

    def keep_common(self, ids: Sequence[int]) -> int:
        """Truncates to the longest common prefix with `ids`; returns its length.

        One id is always left to be computed, since the cache holds no logits.
        """
        limit = max(0, min(len(self.ids), len(ids) - 1))
        same = next((i for i in range(limit) if self.ids[i] != ids[i]), limit)
        del self.ids[same:]
        return same

    def make_room(self, end: int) -> None:
        """For `end` tokens."""
        room = self.keys_LGTK.shape[2]
        if end <= room:
            return
        while room < end:
            room = min(2 * room, self._context)
        self.keys_LGTK, self.values_LGTK = (self._grown(x, room) for x in (self.keys_LGTK, self.values_LGTK))

    def _grown(self, old_LGTK: Tensor, room: int) -> Tensor:
        layers, heads, _, width = old_LGTK.shape
        new = old_LGTK.new_empty((layers, heads, room, width))
        new[:, :, : len(self.ids)] = old_LGTK[:, :, : len(self.ids)]
        return new


class Kept(Cache):
    """Of a family that keeps a sequence in its own way: the ids, and what stands for them there."""

    def __init__(self, past: Any) -> None:
        self.past, self.ids = past, []

    def make_room(self, end: int) -> None:
        """The family's own makes it."""


class Growing:
    """An `Attend` over a cached sequence and N new tokens, whose keys and values it writes."""

    def __init__(self, cache: Cache, new: int) -> None:
        self._cache, self._at, self._end = cache, len(cache.ids), len(cache.ids) + new
        self._masks: dict[int | None, Tensor | None] = {}

    def __call__(
        self, layer: int, q_BHTK: Tensor, k_BGTK: Tensor, v_BGTK: Tensor, scale: float, window: int | None
    ) -> Tensor:
        """Heads that share keys are rows of one matrix product."""
        at, end = self._at, self._end
        keys, values = self._cache.keys_LGTK[layer], self._cache.values_LGTK[layer]
        keys[:, at:end], values[:, at:end] = k_BGTK[0], v_BGTK[0]
        first = 0 if window is None or end - at > 1 else max(0, end - window)
        k_GTK, v_GTK = keys[:, first:end], values[:, first:end]
        g, n = k_GTK.shape[0], end - at
        scores = torch.bmm(q_BHTK[0].reshape(g, -1, q_BHTK.shape[-1]), k_GTK.transpose(1, 2)).mul_(scale)
        if n > 1:
            scores.view(g, -1, n, end).add_(self._ahead(window, scores))
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(v_GTK.dtype)
        return torch.bmm(weights, v_GTK).view(1, q_BHTK.shape[1], n, -1)

    def _ahead(self, window: int | None, like: Tensor) -> Tensor:
        """mask_NT: minus infinity where a new token may not look."""
        if window not in self._masks:
            at, end = self._at, self._end
            query_N, key_T = torch.arange(at, end, device=like.device), torch.arange(end, device=like.device)
            forbidden_NT = key_T > query_N[:, None]
            if window is not None:
                forbidden_NT |= query_N[:, None] - key_T >= window
            zero = torch.zeros(forbidden_NT.shape, dtype=like.dtype, device=like.device)
            self._masks[window] = zero.masked_fill_(forbidden_NT, -torch.inf)
        return self._masks[window]  # pyright: ignore


class Runner:
    """Runs a decoder on sequences that grow.

    Prefill belongs to torch's matrix products; a single token to one compiled function, where the family has one.
    """

    def __init__(self, model: Decoder, compiled: bool = True) -> None:
        self.model, self.spec = model.eval(), model.spec
        self._step = model.compiled() if compiled and model.is_plain else None
        self._device = next(model.parameters()).device

    def new_cache(self) -> Cache:
        spec, past = self.spec, self.model.new_past()
        if past is not None:
            return Kept(past)
        return Cache(spec.layers, spec.kv_heads, spec.head_width, spec.context, self.model.like)

    @torch.inference_mode()
    def extend(self, ids: Sequence[int], cache: Cache) -> Tensor:
        """Appends `ids` to the cached sequence; returns logits_V after the last of them.

        Raises ValueError when the context has no room for them.
        """
        at, end = len(cache.ids), len(cache.ids) + len(ids)
        if end > self.spec.context:
            raise ValueError(f"{end} tokens do not fit into a context of {self.spec.context}")
        cache.make_room(end)
        if len(ids) == 1 and self._step is not None:
            logits_V = self._step(ids[0], at, cache.keys_LGTK, cache.values_LGTK)
        else:
            logits_V = self._through(torch.tensor([list(ids)], device=self._device), at, cache)
        cache.ids.extend(ids)
        return logits_V

    def _through(self, ids_1N: Tensor, at: int, cache: Cache) -> Tensor:
        """logits_V by the matrix products."""
        if isinstance(cache, Kept):
            return self.model.follow(ids_1N, at, cache.past)
        n = ids_1N.shape[1]
        positions_1N = torch.arange(at, at + n, device=ids_1N.device)[None]
        x_1ND = self.model.embed(ids_1N, positions_1N)
        x_1ND = self.model.through(x_1ND, self.model.rotation(positions_1N, at + n), Growing(cache, n))
        return self.model.logits(x_1ND[:, -1])[0]
