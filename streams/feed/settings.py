"""`[feed]`: how examples become Batches."""

from __future__ import annotations

from dataclasses import dataclass

from model import bounds

MOST_ROWS = 100_000
"""Of a Batch, of contexts in a row, and of rows being filled: far above what a machine holds."""
MOST_SHUFFLED = 1 << 26
"""Tokens of the shuffle's window: what it holds stands in every checkpoint."""


@dataclass(frozen=True)
class FeedSettings:
    """How examples become Batches."""

    rows: int = 2
    """Rows of a Batch."""
    row_contexts: int = 1
    """Length of a row, contexts. Documents never see each other, so a longer row only fills better."""
    open_bins: int = 64
    """Rows that are filled at the same time."""
    idle_s: float = 2.0
    """Seconds without a new Frame after which rows are handed on before they are full."""
    wait_s: float = 15.0
    """Seconds that a live document waits at most for its row to fill; others wait until it is full."""
    shuffle_tokens: int = 32_768
    """Examples of present trees and pasts are shuffled in a window of so many tokens, live ones in a 64th of it; 0:
    they are trained in the order that they came in. What waits in it stands in every checkpoint."""
    replay: float = 0.05
    """Of all tokens that are trained on, the share that was trained on before and is read again from `examples`; rows
    that are handed on before they are full get as many tokens more as they have. 0: nothing is replayed."""
    seed: int = 0
    """Of the keyed choices: which way through the shuffle, what is replayed."""

    def __post_init__(self) -> None:
        bounds.between(self, 1, MOST_ROWS, "rows", "row_contexts", "open_bins")
        bounds.at_least(self, 0, "idle_s", "wait_s", "seed")
        bounds.between(self, 0, MOST_SHUFFLED, "shuffle_tokens")
        bounds.between(self, 0, 0.9, "replay")
