"""What a request's own buffer says: its tokens are counted, and mixed into what the model expects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.memory import mixing
from model.memory.mixing import Weights
from model.memory.part import Part, build
from model.memory.view import View
from model.tokens.tokenizer import Tokenizer

MOST_CHARACTERS = 200_000
"""Of the buffer on each side of the cursor."""


@dataclass(frozen=True, eq=False)
class Recall:
    """Made with the prompt; each sequence takes a view of its own."""

    parts: tuple[Part, ...]
    context: tuple[int, ...]
    """Tokens before the cursor, without what the prompt has taken back."""
    weights: Weights

    def view(self) -> View:
        return View(self.parts, self.weights, self.context)


FIRST = mixing.beginning()


def of_buffer(tokenizer: Tokenizer, prefix: str, suffix: str, healed: bytes) -> Recall | None:
    """None: what was taken back is not whole tokens of the prefix, or there is nothing to count."""
    before = tokenizer.array(prefix[-MOST_CHARACTERS:])
    kept = _without(tokenizer, before, len(healed))
    if kept is None:
        return None
    behind = tokenizer.array(suffix[:MOST_CHARACTERS])
    part = build((kept, behind), tokenizer.vocab_size)
    return Recall((part,), tuple(kept[-64:].tolist()), FIRST) if len(part.order_M) else None


def _without(tokenizer: Tokenizer, ids: NDArray[np.int32], size: int) -> NDArray[np.int32] | None:
    """Without the last tokens that have `size` bytes together."""
    end = len(ids)
    while size > 0 and end:
        end -= 1
        size -= len(tokenizer.bytes_of[ids[end]])
    return ids[:end] if size == 0 else None
