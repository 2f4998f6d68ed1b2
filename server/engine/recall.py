"""What a request's own buffer says, and what other files that it brings: their tokens are counted, and mixed into what
the model expects."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xxhash
from numpy.typing import NDArray

from model.memory import mixing
from model.memory.lines import Flags, line_ends
from model.memory.mixing import Weights
from model.memory.part import LONGEST, Part, build
from model.memory.view import View
from model.tokens.tokenizer import Tokenizer
from server.request import Request

MOST_CHARACTERS = 50_000
"""Of the buffer on each side of the cursor, and of all other files together: some 6 ms to count."""
LINES = 600
"""Characters before the cursor at most that the context is read from."""
KEPT = 64
"""Buffers that are kept, as they were counted last: while a line is typed, nothing is counted anew."""


@dataclass(frozen=True, eq=False)
class Recall:
    """Made with the prompt; each sequence takes a view of its own."""

    parts: tuple[Part, ...]
    context: tuple[int, ...]
    """Tokens before the cursor, without what the prompt has taken back."""
    weights: Weights
    ends: NDArray[np.int64]
    """Ids of tokens that are no text."""
    lines_V: Flags | None
    """The tokens behind which an answer may end; None: all. Where nothing stands behind the cursor in its line, that
    line is not left unfinished because a model would end there that does not know what the buffer does."""

    def view(self) -> View:
        return View(self.parts, self.weights, self.context, self.ends, self.lines_V)


class Recaller:
    """Of one tokenizer; in one thread."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._weights = mixing.beginning()
        self._ends = np.array([i for i, data in enumerate(tokenizer.bytes_of) if not data], np.int64)
        self._lines_V = line_ends(tokenizer.bytes_of)
        self._parts: OrderedDict[bytes, Part] = OrderedDict()

    def of(self, request: Request, healed: bytes) -> Recall | None:
        """None: what was taken back is not whole tokens of the prefix, there is nothing to count, or some of it is no
        text."""
        try:
            return self._of(request, healed)
        except UnicodeEncodeError:  # half of a surrogate pair, further away than the prompt reads
            return None

    def _of(self, request: Request, healed: bytes) -> Recall | None:
        lines = request.prefix.rfind("\n") + 1
        texts = [*_beginnings(request), request.prefix[max(0, lines - MOST_CHARACTERS) : lines]]
        part = self._part([*texts, request.suffix[:MOST_CHARACTERS]])
        context = self._context(request.prefix, len(healed))
        if context is None or not len(part.order_M):
            return None
        is_last = not request.suffix.partition("\n")[0].strip()
        return Recall((part,), context, self._weights, self._ends, self._lines_V if is_last else None)

    def _part(self, texts: Sequence[str]) -> Part:
        key = xxhash.xxh3_128_digest("\0".join(texts).encode(errors="surrogatepass"))
        part = self._parts.pop(key, None)
        if part is None:
            ids = [self._tokenizer.array(text) for text in texts if text]
            part = build(ids, self._tokenizer.vocab_size)
        self._parts[key] = part
        if len(self._parts) > KEPT:
            self._parts.popitem(last=False)
        return part

    def _context(self, prefix: str, size: int) -> tuple[int, ...] | None:
        """The last tokens, without those that have `size` bytes together."""
        begin = max(0, len(prefix) - LINES)
        begin = prefix.find("\n", begin, begin + LINES // 2) + 1 or begin if begin else 0
        ids = self._tokenizer.encode(prefix[begin:])
        while size > 0 and ids:
            size -= len(self._tokenizer.bytes_of[ids.pop()])
        return tuple(ids[-LONGEST:]) if size == 0 else None


def _beginnings(request: Request) -> list[str]:
    """Of other files, the last of them first of all."""
    room, texts = MOST_CHARACTERS, list[str]()
    for one in reversed(request.extra):
        texts.append(one.text[:room])
        room -= len(texts[-1])
    return texts[::-1]


def compile_ahead(tokenizer: Tokenizer) -> None:
    """So that no request waits for it: some seconds on a machine that never did, else less than one."""
    part = build([np.arange(4)], tokenizer.vocab_size)
    View((part,), mixing.beginning(), (0, 1)).mixed(
        np.zeros(tokenizer.vocab_size, np.float32), mixing.work(tokenizer.vocab_size)
    )
