"""A decoder's parameters as GGUF's tensors: their names, the order of their rows, their types, piece by piece.

Shapes: R rows, C columns, H heads, K head width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.families import Native
from model.families.gpt_bigcode.spec import GptBigcode
from model.families.llama.rotary import frequencies
from model.families.llama.scaling import Scaling
from model.families.reading import Refused
from model.gguf.shape import INTERLEAVED, architecture
from model.weights import Stored

NAMES = {
    "tokens": "token_embd", "positions": "position_embd", "norm": "output_norm", "head": "output",
    "norm_1": "attn_norm", "qkv": "attn_qkv", "q": "attn_q", "k": "attn_k", "v": "attn_v", "q_norm": "attn_q_norm",
    "k_norm": "attn_k_norm", "out": "attn_output", "norm_2": "ffn_norm", "gate": "ffn_gate", "up": "ffn_up",
    "down": "ffn_down",
}  # fmt: skip
"""Our name of a part to llama.cpp's."""
KINDS = ("f32", "f16", "bf16", "q8_0")
"""Types of a file's matrices; what has one dimension, and positions, is f32 in all of them."""
BLOCK = 32
"""Numbers that share a scale in q8_0. A matrix whose rows are no multiple of it is f16."""
HALF = 65_504
"""The largest float16."""
PIECE_NUMBERS = 4 << 20
"""Converted and written at a time."""


class TensorPart(NamedTuple):
    """A tensor of the file."""

    name: str
    shape: tuple[int, ...]
    kind: str
    load: Callable[[], Tensor]

    @property
    def bytes(self) -> int:
        numbers = prod(self.shape)
        return {"f32": 4 * numbers, "q8_0": numbers // BLOCK * (BLOCK + 2)}.get(self.kind, 2 * numbers)

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Its bytes, row after row. Raises Refused for a number that the type cannot hold."""
        rows_RC = self.load().detach().reshape(-1, self.shape[-1])
        step = max(1, PIECE_NUMBERS // self.shape[-1])
        for at in range(0, len(rows_RC), step):
            yield self._converted(rows_RC[at : at + step].to("cpu", torch.float32).contiguous().numpy())

    def _converted(self, numbers_RC: NDArray[np.float32]) -> NDArray[Any]:
        if self.kind == "f32":
            return numbers_RC
        if self.kind == "bf16":
            return torch.from_numpy(numbers_RC).to(torch.bfloat16).view(torch.uint16).numpy()
        largest = HALF * (127 if self.kind == "q8_0" else 1)
        if np.abs(numbers_RC).max(initial=0) > largest:
            raise Refused(f"{self.name} has numbers beyond {largest:g}, which {self.kind} cannot hold: choose bf16")
        return numbers_RC.astype(np.float16) if self.kind == "f16" else q8_0(numbers_RC)


def q8_0(numbers_RC: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Blocks of a float16 scale and 32 whole numbers, each of -127 to 127 scales."""
    blocks = numbers_RC.reshape(-1, BLOCK)
    scales = np.abs(blocks).max(axis=1, keepdims=True) / np.float32(127)
    inverse = np.divide(1, scales, out=np.zeros_like(scales), where=scales != 0)
    scaled = blocks * inverse
    whole = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)).astype(np.int8)
    return np.concatenate((scales.astype(np.float16).view(np.uint8), whole.view(np.uint8)), axis=1)


def parts(spec: Native, places: Mapping[str, Stored], kind: str) -> list[TensorPart]:
    """All tensors of the file, in its order. `places`: by our names, as model.weights.find gives them."""
    orders = {n: _order(spec, n) for n in places}
    listed = [
        TensorPart(_name(n), place.shape, _kind(n, place.shape, kind), partial(_loaded, place, orders[n]))
        for n, place in places.items()
    ]
    return listed + _rope_factors(spec)


def _loaded(place: Stored, order: Callable[[Tensor], Tensor] | None) -> Tensor:
    return place.load() if order is None else order(place.load())


def _name(ours: str) -> str:
    *block, part, kind = ours.split(".")
    return ".".join(("blk", block[1], NAMES[part], kind) if block else (NAMES[part], kind))


def _kind(ours: str, shape: tuple[int, ...], kind: str) -> str:
    if len(shape) == 1 or ours.startswith("positions."):
        return "f32"
    return "f16" if kind == "q8_0" and shape[-1] % BLOCK else kind


def _order(spec: Native, ours: str) -> Callable[[Tensor], Tensor] | None:
    """How the rows are put into llama.cpp's order, where that is another."""
    part = ours.split(".")[-2]
    if isinstance(spec, GptBigcode):
        if part == "qkv" and spec.kv_heads == spec.heads > 1:
            return partial(_parts_together, heads=spec.heads)
        return None
    if architecture(spec) not in INTERLEAVED or part not in ("q", "k"):
        return None
    return partial(interleaved, heads=spec.heads if part == "q" else spec.kv_heads)


def interleaved(rows: Tensor, heads: int) -> Tensor:
    """Number i of a head, and number i + K / 2 with which it is turned, as neighbours 2i and 2i + 1."""
    return rows.unflatten(0, (heads, 2, -1)).transpose(1, 2).reshape(rows.shape)


def _parts_together(rows: Tensor, heads: int) -> Tensor:
    """Each head's queries, keys and values, to all queries, then all keys, then all values."""
    return rows.unflatten(0, (heads, 3, -1)).transpose(0, 1).reshape(rows.shape)


def _rope_factors(spec: Native) -> list[TensorPart]:
    """llama3's scaling: what each frequency is divided by."""
    if isinstance(spec, GptBigcode) or spec.scaling.kind != "llama3":
        return []
    plain, scaled = (frequencies(spec.head_width, spec.theta, s) for s in (Scaling(), spec.scaling))
    return [TensorPart("rope_freqs.weight", (spec.head_width // 2,), "f32", lambda: plain / scaled)]
