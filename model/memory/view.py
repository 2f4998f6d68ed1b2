"""What one answer is mixed with, and where its context stands there.

Shapes: V the vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from model.memory import matching, mixing
from model.memory.lines import Flags
from model.memory.mixing import Weights, Work
from model.memory.part import LONGEST, Part, separator_of

Floats = NDArray[np.float32]
NONE = np.empty(0, np.int64)


class View:
    """Belongs to one sequence: `advance` with each token that is taken."""

    def __init__(
        self, parts: tuple[Part, ...], weights: Weights, context: Iterable[int], ends: NDArray[np.int64] = NONE,
        lines_V: Flags | None = None,
    ) -> None:  # fmt: skip
        """`context`: the tokens before the first that is mixed; the last LONGEST of them count. `ends`: ids of tokens
        that are no text, whose probabilities stay the model's: counts say how a text goes on, and not whether.
        `lines_V`: they stay so behind these tokens alone, since no text ends elsewhere."""
        self._parts, self._weights, self._ends, self._lines_V = parts, weights, ends, lines_V
        self._may_end = True
        self._separator = separator_of(parts[0].ids_N.dtype)
        self._ranges_P2L = matching.beginning(len(parts))
        for token in list(context)[-LONGEST:]:
            self.advance(token)

    def advance(self, token: int) -> None:
        matching.advance(self._parts, self._ranges_P2L, token)
        self._may_end = self._lines_V is None or bool(self._lines_V[token])

    def mixed(self, logits_V: Floats, work: Work) -> Floats:
        """Natural logarithms of the mixed probabilities; the logits themselves where no context occurs."""
        flow, touched = mixing.mix(self._parts, self._ranges_P2L, self._separator, self._weights, work)
        if not touched:
            return logits_V
        most = logits_V.max()
        of_all = most + np.log(np.exp(logits_V - most).sum())
        ends = logits_V[self._ends] - of_all if self._may_end else NONE
        share = np.float32(1) - np.exp(ends).sum()
        mixed_V = logits_V + np.float32(np.log(flow) - of_all)
        tokens = work.touched_V[:touched]
        mixed_V[tokens] = np.log(np.exp(mixed_V[tokens]) + share * work.added_V[tokens])
        if self._may_end:
            mixed_V[self._ends] = ends
        mixing.clear(work, touched)
        return mixed_V
