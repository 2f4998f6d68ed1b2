"""How large a run is, and how it trains: everything that is fixed before it."""

from __future__ import annotations

from dataclasses import dataclass, field

LAGS = {"0": 0, "1 minute": 60, "1 hour": 3600, "1 day": 86_400, "1 week": 604_800}
"""Seconds of commits that a model has not seen yet when it is asked."""


@dataclass(frozen=True)
class Ways:
    """How the stream is trained on; the product's settings are to be wired here."""

    rate: float = 3e-4
    """Learning rate, constant."""
    rows: int = 1
    """Rows of a Batch."""
    row_tokens: int = 512
    replay: float = 0.25
    """Share of the rows that are of the past."""
    repeat: float = 0.0
    """Share of the rows that are a second time of what the stream brought before."""
    window: int = 1
    """Examples that wait so that their order is a keyed one; 1: as they arrive."""
    both: bool = True
    """A changed file is trained on as a diff and as the file after it; else as the shares say."""
    kept: bool = True
    """The optimizer's moments of the frozen model are kept."""
    average: int = 1
    """Checkpoints, AVERAGE_EVERY steps apart, whose mean is scored."""
    weight_decay: float = 0.1


AVERAGE_EVERY = 8


@dataclass(frozen=True)
class Sizes:
    """A run's sizes."""

    past: int = 120_000
    """Tokens before the middle, about."""
    stream: int = 120_000
    """Tokens behind it."""
    commits: int = 200
    """Commits of each repository's first line that are read at most, the newest."""
    vocab: int = 7168
    width: int = 192
    layers: int = 4
    heads: int = 6
    context: int = 512
    commit_tokens: int = 2048
    """Of one commit at most, its examples in a keyed order."""
    held_out: float = 0.06
    """Share of the past's commits that nothing is trained on."""
    base_rate: float = 2e-3
    """Learning rate of the frozen model."""
    halving: float = 0.02
    """A pass that gains a smaller share halves the rate of the frozen model, so that the control does not merely get
    what a lower rate gives."""
    halvings: int = 3
    """At most; a model is frozen when a pass gains less than `enough` at the lowest rate."""
    passes: int = 30
    """Over the past at most."""
    enough: float = 0.005
    """A pass that gains a smaller share on the held-out past is the last one."""
    grid: tuple[float, ...] = (1.5e-4, 3e-4, 6e-4, 1.2e-3)
    """Rates that are tried on the first `tuning` of the stream, for the stream and for the control."""
    tuning: float = 0.3
    lagged: float = 0.5
    """Share of the commits that are scored at every lag; at lag 0 all are."""
    hunks: int = 100
    """Changed files whose changed lines are scored by themselves, and of which a line is completed."""
    signatures: int = 120
    seeds: int = 3
    own_passes: int = 1
    """Passes over the past that every seed makes in its own order, the last ones; those before are the first seed's. 0:
    each seed begins with random weights of its own."""
    threads: int = 1
    ways: Ways = field(default_factory=Ways)
