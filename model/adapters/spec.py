"""What an adapter is, without torch: manifests hold it.

A module is named by its path in Hugging Face's model, `model.layers.0.self_attn.q_proj`, as `peft` names it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["lora", "dora"]
Held = Literal["float32", "bf16", "int8"]


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """An adapter's shape. Manifests hold this struct: a new field needs a default that keeps what was trained."""

    kind: Kind
    """lora (arXiv 2106.09685), or dora (arXiv 2402.09353), which learns each row's length apart."""
    rank: int
    """Columns of the low-rank part, of modules that are not in `ranks`."""
    alpha: float
    """What is added is multiplied by alpha / rank; of modules that are not in `alphas`."""
    rslora: bool = False
    """By alpha / sqrt(rank) instead (arXiv 2312.03732)."""
    targets: tuple[str, ...]
    """Last parts of the paths of the modules that have a low-rank part."""
    modules: tuple[str, ...] = ()
    """These paths alone; empty: every module whose path ends in a target."""
    ranks: dict[str, int] = {}
    """By path, where it is another one."""
    alphas: dict[str, float] = {}
    """By path, where it is another one."""
    seed: int = 0
    """Of the first weights."""
    held: Held = "float32"
    """How the frozen weights were held while it was trained."""

    def has(self, path: str) -> bool:
        """Whether the module of this path has a low-rank part."""
        return path in self.modules if self.modules else path.rpartition(".")[2] in self.targets

    def rank_of(self, path: str) -> int:
        return self.ranks.get(path, self.rank)

    def scale_of(self, path: str) -> float:
        """What the low-rank part is multiplied by."""
        rank = self.rank_of(path)
        return self.alphas.get(path, self.alpha) / (rank**0.5 if self.rslora else rank)


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The checkpoint whose weights an adapter stands beside."""

    folder: str
    """Name of its folder, beside the adapter's own."""
    model_version: str
    sha256: str
    """Of its weights, hex."""
