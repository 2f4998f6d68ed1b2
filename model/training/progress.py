"""When a run of the trainer ends, and what it says meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Until:
    """When a run ends, whichever comes first; with none of them it runs until it is stopped."""

    max_steps: int | None = None
    """The number of the last step, counted from the start of the first run."""
    max_minutes: float | None = None
    drained: bool = False
    """The feed has been read to its end and nothing is left in a bin."""


@dataclass(frozen=True)
class Progress:
    """One progress line."""

    step: int
    tokens: int
    tokens_per_s: float
    """Since the last line."""
    loss: float
    """Nats a token, of the last Batch."""
    bits_per_byte: float
    """Prequential, over the last Batches."""
    checkpoint: str
    """The version written last; empty before the first."""
    trouble: str = ""
    """Why what came after it is not written; empty: it is, or will be."""
    groups: dict[str, float] = field(default_factory=dict)
    """Prequential bits per byte by kind, and by `kind/language`."""
    feed: dict[str, int | float] = field(default_factory=dict)
