"""A decay branch: the last Batches trained on once more in a copy, at a rate that falls to 0 (WSD, arXiv 2404.06395).

The copy is served, and the main line goes on as if there had been none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from torch import Tensor

from model.example import Batch
from model.training.learner import Learner


class Branch:
    """The last Batches of a learner; those of an earlier run are not kept."""

    def __init__(self, steps: int) -> None:
        self._batches: deque[Batch] = deque(maxlen=steps)

    def see(self, batch: Batch) -> None:
        self._batches.append(batch)

    def begin(self, learner: Learner, step: int) -> Callable[[], dict[str, Tensor]] | None:
        """Copies the learner; what is returned trains the copy and gives its weights. None without Batches."""
        batches = list(self._batches)
        if not batches:
            return None
        copied = learner.branch()
        return lambda: _decayed(copied, batches, step)


def _decayed(learner: Learner, batches: list[Batch], step: int) -> dict[str, Tensor]:
    for n, batch in enumerate(batches):
        if learner.score(batch).finite:
            learner.update(step, batch.share * (1 - n / len(batches)))
    return learner.weights()
