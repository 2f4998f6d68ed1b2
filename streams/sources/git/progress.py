"""How far a reader is with the present tree and the past, and how much it has before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from streams.sources.git.commits import Step
from streams.sources.meter import Lane


@dataclass
class Progress:
    """Of one reader, since it was made."""

    moved_at: float
    """When something of the tree or the past was sent last, on the reader's clock."""
    metered_bytes: int = 0
    """Of the present and the past that were sent."""
    past_commits: int | None = None
    """That the past has, as far as it is read at all; None: not known."""
    tree_bytes_left: int | None = None
    """Of the present tree; None: not known."""
    past_bytes: int = 0
    """Of records that the past's commits came to."""
    past_sent: int = 0
    """Commits of the past that were sent, or counted as left out."""

    def send(self, lane: Lane, step: Step[Any], size: int, now: float) -> None:
        """`size`: bytes of the step's records."""
        self.moved_at = now
        self.metered_bytes += size
        if lane == "past":
            self.past_bytes += size
            self.past_sent += step.commits
