"""Settings of a training run. The shapes of decoders are in model.families."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from model import bounds

MOST_THREADS = 1_024
"""More than a machine has."""
MOST_MERGED, MOST_DECAYED, MOST_FROZEN = 100, 10_000, 1 << 24
"""Each is memory or disk: of checkpoints, of Batches, and of tokens in every checkpoint."""
MOST_RANK = 4_096
"""Of an adapter: four times the largest that is known."""


def usable_cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training run."""

    learning_rate: float = 6e-4
    """After the warm-up; constant from there on, because the stream has no end."""
    warm_up_steps: int = 100
    """Steps of linear warm-up."""
    beta_1: float = 0.9
    beta_2: float = 0.95
    weight_decay: float = 0.1
    """For matrices alone: not for norms, biases and positions."""
    clip: float = 1.0
    """Largest norm of the gradient; 0: it may have any."""
    precision: Literal["auto", "bf16", "float32"] = "auto"
    """bf16: autocast, weights and optimizer stay in float32. auto: bf16 where the processor multiplies it in hardware;
    emulated it is sixteen times slower than float32 (AVX2, 5 M parameters: 66 and 1,090 tokens/s)."""
    checkpoint_every_steps: int = 500
    """Steps between checkpoints."""
    checkpoint_every_s: float = 60.0
    """Seconds after which a checkpoint is due although the steps are not reached."""
    keep: int = 3
    """Models that are left after pruning, each with its newest checkpoints."""
    threads: int = 0
    """CPU threads; 0: half of the cores that this process may use, since the workers need the others. Another number
    may sum in another order, so a run is bit-exact with the same one alone."""
    feed_timeout_s: float = 0.5
    """Seconds to wait for a Batch before the feed counts as idle."""
    window: int = 100
    """Batches that the prequential bits per byte is taken over."""
    loss: Literal["all", "middle"] = "all"
    """What is learnt of an example with a middle: all of it, or the middle alone. Others are learnt whole."""
    merge: int = 3
    """Checkpoints whose weights' mean is served, the newest ones; 1: the newest alone. Training keeps its own."""
    decay_steps: int = 0
    """In place of the mean: so many of the last Batches are trained on once more in a copy, at a rate that falls to 0,
    and the copy is served. 0: none are."""
    frozen_tokens: int = 2_048
    """Tokens of the stream's beginning that every checkpoint is scored on, to see what is forgotten; 0: none."""
    gate: float = 0.1
    """A checkpoint whose bits per byte on them are more than this share above the best so far is not served; 0: all
    are."""
    adapter: Literal["", "lora", "dora"] = ""
    """Train low-rank parts beside the weights that were brought, which stay as they are; empty: train all weights."""
    rank: int = 6
    """Columns of an adapter's low-rank parts: with 6 a model of .5 billion parameters has one of less than 8 MB."""
    alpha: float = 16.0
    """What an adapter adds is multiplied by alpha / rank."""
    targets: tuple[str, ...] = ()
    """Modules that have a low-rank part, by their last name in Hugging Face's model; empty: all matrices of a layer."""
    base: Literal["auto", "float32", "bf16", "int8"] = "auto"
    """How an adapter's frozen weights are held. auto: bf16 where the processor multiplies it in hardware, else float32,
    and int8 where that would take more than a quarter of the memory that is there."""
    adapter_seed: int = 0
    """Of an adapter's first weights."""
    recompute: bool = False
    """Layers are computed again for the gradient instead of being kept: less memory, about a third more time."""

    @property
    def cpu_threads(self) -> int:
        """What `threads` comes to here."""
        return self.threads or max(1, usable_cores() // 2)

    def __post_init__(self) -> None:
        bounds.above(self, 0, "learning_rate", "checkpoint_every_s")
        bounds.between(self, 0, 1, "learning_rate")
        bounds.at_least(self, 0, "warm_up_steps", "weight_decay", "clip", "feed_timeout_s", "gate")
        bounds.at_least(self, 1, "checkpoint_every_steps", "keep", "window")
        bounds.between(self, 1, MOST_MERGED, "merge")
        bounds.between(self, 0, MOST_DECAYED, "decay_steps")
        bounds.between(self, 0, MOST_FROZEN, "frozen_tokens")
        bounds.between(self, 0, MOST_THREADS, "threads")
        bounds.between(self, 1, MOST_RANK, "rank")
        bounds.above(self, 0, "alpha")
        bounds.between(self, 0, 2**63 - 1, "adapter_seed")
        for name in ("beta_1", "beta_2"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be from 0 to less than 1, not {getattr(self, name):g}")
