"""Low-rank parts beside frozen matrices, never merged into them: y = W x + s B A x (LoRA, arXiv 2106.09685), and
y = m / |W + s B A| (W x + s B A x), row by row, the length being a constant for the gradient (DoRA, arXiv 2402.09353).

Shapes: O outputs, I inputs, R rank.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from model.adapters.spec import Adapter
from model.decoder.decoder import Decoder
from model.decoder.frozen import Frozen, unbiased
from model.families import Names
from model.families.reading import Refused

Part = TypeVar("Part", bound=nn.Module)
PARTS = ("a", "b", "magnitude")
"""Of a module, by their names in a decoder: `blocks.0.q.a`."""


class LowRank(nn.Module):
    """A frozen matrix, and what is learnt beside it."""

    def __init__(self, base: nn.Module, a_RI: Tensor, b_OR: Tensor, magnitude_O: Tensor | None, scale: float) -> None:
        super().__init__()
        self.base, self.scale = base, scale
        self.a, self.b = nn.Parameter(a_RI), nn.Parameter(b_OR)
        self.magnitude = None if magnitude_O is None else nn.Parameter(magnitude_O)
        self._constant_O: Tensor | None = None

    @property
    def in_features(self) -> int:
        return self.a.shape[1]

    def train(self, mode: bool = True) -> LowRank:
        """What is constant in evaluation is forgotten."""
        self._constant_O = None
        return super().train(mode)

    def forward(self, x: Tensor) -> Tensor:
        low = F.linear(F.linear(x, self.a), self.b) * self.scale
        if self.magnitude is None:
            return self.base(x) + low
        made = ((unbiased(self.base, x) + low) * self._factor_O(self.magnitude)).to(low.dtype)
        bias = self.base.bias
        return made if bias is None else made + bias  # pyright: ignore

    def _factor_O(self, magnitude_O: Tensor) -> Tensor:
        """What each row is multiplied by."""
        if self._constant_O is not None:
            return self._constant_O
        with torch.no_grad(), torch.autocast(self.a.device.type, enabled=False):
            length_O = lengths(self.base, self.a, self.b, self.scale)
        factor_O = magnitude_O / length_O
        if not self.training:
            self._constant_O = factor_O.detach()
        return factor_O


def lengths(base: nn.Module, a_RI: Tensor, b_OR: Tensor, scale: float) -> Tensor:
    """Of the rows of W + s B A, float32; B A is never made: the squares are |w|^2 + 2 s (W A^T) b + s^2 b (A A^T) b."""
    a_RI, b_OR = a_RI.float(), b_OR.float()
    weight: Any = base.weight
    weight_OI: Tensor = weight.float()
    mixed_O = ((weight_OI @ a_RI.T) * b_OR).sum(1)
    low_O = ((b_OR @ (a_RI @ a_RI.T)) * b_OR).sum(1)
    return (weight_OI.square().sum(1) + 2 * scale * mixed_O + scale**2 * low_O).clamp(min=1e-20).sqrt()


def linears(decoder: Decoder) -> Iterator[tuple[str, nn.Module]]:
    """(name, module) of the layers' matrices."""
    for name, module in decoder.named_modules():
        if name.startswith("blocks.") and isinstance(module, (nn.Linear, Frozen)):
            yield name, module


def paths(decoder: Decoder) -> dict[str, str]:
    """Path to name of the layers' matrices: what may have a low-rank part."""
    names = Names(decoder.spec)
    return {names.theirs(f"{name}.weight").removesuffix(".weight"): name for name, _ in linears(decoder)}


def usual_targets(decoder: Decoder) -> tuple[str, ...]:
    """Last parts of the paths of all of them, in the order of a layer."""
    return tuple(dict.fromkeys(path.rpartition(".")[2] for path in paths(decoder)))


def chosen(decoder: Decoder, adapter: Adapter) -> dict[str, str]:
    """Path to name of the modules that have a low-rank part. Raises Refused for a target that there is none of."""
    known = paths(decoder)
    there = {path.rpartition(".")[2] for path in known}
    if wrong := sorted(set(adapter.targets) - there):
        raise Refused(f"{', '.join(wrong)}: this model has no such module; it has {', '.join(usual_targets(decoder))}")
    return {path: name for path, name in known.items() if adapter.has(path)}


def first(decoder: Decoder, adapter: Adapter) -> dict[str, Tensor]:
    """The first weights of an adapter, by our names, float32: A as nn.Linear's, uniform up to 1 / sqrt(inputs), from a
    generator of its own for each module; B is zero and the magnitudes the rows' lengths, so nothing changes yet."""
    tensors: dict[str, Tensor] = {}
    modules = dict(decoder.named_modules())
    for path, name in chosen(decoder, adapter).items():
        linear = modules[name]
        rank, outputs = adapter.rank_of(path), _outputs(linear)
        inputs = int(linear.in_features)  # pyright: ignore
        key = int.from_bytes(sha256(f"{adapter.seed}/{path}".encode()).digest()[:8], "little") >> 1
        uniform_RI = torch.rand((rank, inputs), generator=torch.Generator().manual_seed(key))
        a_RI, b_OR = (2 * uniform_RI - 1) / inputs**0.5, torch.zeros(outputs, rank)
        tensors |= {f"{name}.a": a_RI, f"{name}.b": b_OR}
        if adapter.kind == "dora":
            tensors[f"{name}.magnitude"] = lengths(linear, a_RI, b_OR, 0.0)
    return tensors


def _outputs(linear: nn.Module) -> int:
    return len(linear.weight_OI) if isinstance(linear, Frozen) else len(linear.weight)  # pyright: ignore


def attach(base: Decoder, adapter: Adapter, tensors: Mapping[str, Tensor]) -> Decoder:
    """A decoder with the low-rank parts beside the base's own tensors: none of these is copied, and the base, which is
    frozen where it is trained on, stays as it is. `tensors`: by our names; these very ones are trained where they are
    of the type that the base computes in."""
    decoder = _shell(base)
    decoder.is_plain = False
    dtype, device = base.like.dtype, base.like.device
    for path, name in chosen(base, adapter).items():
        above, _, last = name.rpartition(".")
        parent = decoder.get_submodule(above)._modules
        a, b = (tensors[f"{name}.{part}"].to(device, dtype) for part in PARTS[:2])
        magnitude = tensors.get(f"{name}.magnitude")
        magnitude = None if magnitude is None else magnitude.to(device, torch.float32)
        linear = parent[last]
        assert linear is not None
        parent[last] = LowRank(linear, a, b, magnitude, adapter.scale_of(path)).train(base.training)
    return decoder


def _shell(module: Part) -> Part:
    """Other modules with the same ones at their ends, and so the same tensors."""
    other = copy.copy(module)
    below = {name: _shell(child) if child and child._modules else child for name, child in module._modules.items()}
    object.__setattr__(other, "_modules", below)
    return other


def low_rank(decoder: Decoder) -> dict[str, Tensor]:
    """What is learnt, by our names."""
    return {name: p for name, p in decoder.named_parameters() if name.rpartition(".")[2] in PARTS}


def merged(weight_OI: Tensor, a_RI: Tensor, b_OR: Tensor, magnitude_O: Tensor | None, scale: float) -> Tensor:
    """The one matrix that gives the same products, float32: for exports."""
    sum_OI = torch.addmm(weight_OI.float(), b_OR.float(), a_RI.float(), alpha=scale)
    if magnitude_O is None:
        return sum_OI
    return sum_OI * (magnitude_O.float() / torch.linalg.vector_norm(sum_OI, dim=1))[:, None]
