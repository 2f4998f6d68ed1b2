"""Byte-level BPE through a table of pre-tokens: the `tokenizers` library's own ids, many times as fast.

One compiled loop cuts the text as the pattern does and copies each pre-token's ids from a table; one seen for the first
time is merged on the spot. The library itself is asked only for what the loop must not decide: spans with characters of
no known class, and very long pre-tokens. What the table holds never changes the ids.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer as Backend

from model.compiling import njit
from model.tokens.merges import LONGEST, merge
from model.tokens.pretoken import DIGITS, LLAMA3, QWEN, gpt2_end, points, span_end
from model.tokens.pretoken_deepseek import deepseek_end
from model.tokens.pretoken_qwen import qwen_end
from model.tokens.pretokens import KEPT, PAD, SLACK, SLOTS, copy, empty, find, full, grown, insert
from model.tokens.recipe import PATTERNS, read

_DONE, _LIBRARY, _GROW, _UNKNOWN = 0, 1, 2, 3


class TableEncoder:
    """Ids of one tokenizer's texts."""

    def __init__(self, backend: Backend, most_slots: int = SLOTS) -> None:
        """`most_slots`, a power of two, bounds the table. Raises Unknown for a tokenizer that does not cut or merge as
        the compiled loop does."""
        self._most = most_slots
        self._recipe = read(json.loads(backend.to_str()))
        self._backend = backend
        self._words = {word.text: np.array([word.id], np.int32) for word in self._recipe.words}
        self._cut = re.compile("(" + "|".join(re.escape(word) for word in self._words) + ")")
        self._points = points(self._recipe.pattern)
        self._table = empty()
        self._work = np.empty(LONGEST, np.int32), np.empty(LONGEST, np.uint64)
        self._out = np.empty(1 << 16, np.int32)
        self._lock = Lock()

    def __call__(self, text: str) -> NDArray[np.int32]:
        """The ids of `text`, an array of its own. Raises UnicodeEncodeError for a lone surrogate, as the library."""
        if any(word in text for word in self._words):
            parts = (part for part in self._cut.split(text) if part)
            return np.concatenate([self._words[part] if part in self._words else self._ids(part) for part in parts])
        return self._ids(text)

    @property
    def entries(self) -> int:
        """Pre-tokens in the table."""
        return int(self._table.filled[0])

    @property
    def memory(self) -> int:
        """Bytes of the table with its arenas."""
        return self._table.nbytes

    def _ids(self, text: str) -> NDArray[np.int32]:
        """Of a text without added tokens.

        What is in form C by Python's tables the library leaves as it is, whether its own are older (to it a mark is a
        base then, which nothing moves across) or newer (what Python has not assigned ends `_encode`).
        """
        normal = text
        if self._recipe.nfc and not unicodedata.is_normalized("NFC", text):
            normal = self._backend.normalizer.normalize_str(text)
        raw = normal.encode()
        data = np.frombuffer(raw + PAD, np.uint8)
        with self._lock:
            if len(raw) + SLACK > self._out.size:
                self._out = np.empty(2 * (len(raw) + SLACK), np.int32)
            count = self._encode(raw, data)
            return self._ask(text) if count < 0 else self._out[:count].copy()

    def _encode(self, raw: bytes, data: NDArray[np.uint8]) -> int:
        """Fill `_out` and return how many ids there are; -1: how the text is normalised is the library's to say."""
        at, n, count = 0, len(raw), 0
        pattern, nfc, merges, whole, _ = self._recipe
        run = _RUNS[pattern]
        while at < n:
            status, at, end, count = run(
                data, at, n, self._points, merges, whole, self._work, self._table, self._out, count
            )
            if status == _GROW:
                self._table = grown(self._table, self._most)
            elif status == _UNKNOWN and nfc:
                return -1
            elif status != _DONE:
                ids = self._ask(raw[at:end].decode())
                self._out[count : count + ids.size] = ids
                self._keep(data, at, end - at, ids)
                at, count = end, count + ids.size
        return count

    def _ask(self, text: str) -> NDArray[np.int32]:
        return np.array(self._backend.encode(text, add_special_tokens=False).ids, np.int32)

    def _keep(self, data: NDArray[np.uint8], at: int, length: int, ids: NDArray[np.int32]) -> None:
        if length <= KEPT:
            if full(self._table):
                self._table = grown(self._table, self._most)
            slot = find(data, at, length, *self._table[:3])
            insert(data, at, length, slot, ids, ids.size, self._table)


@njit(cache=True, nogil=True)
def _learn(data, at, end, merges, whole, work, slot, table):  # pyright: ignore
    """Merge a pre-token of at most LONGEST bytes, unless it is a token as a whole, and put it into its slot."""
    known = find(data, at, end - at, whole.slots, whole.ids, whole.bytes)
    if whole.slots[known, 0] != np.uint64(0):
        made = copy(whole.slots, whole.ids, known, end - at, work[0], 0)
    else:
        made = merge(data, at, end, merges.first, merges.pairs, work[0], work[1])
    insert(data, at, end - at, slot, work[0], made, table)


def _runner(pattern: int) -> Callable[..., tuple[int, int, int, int]]:
    """The compiled loop of one pattern. What chooses the pattern is as in pretoken_end and constant here: with all of
    them in one loop it would be a quarter slower."""
    single, most = pattern == DIGITS, 1 if pattern == QWEN else 3

    @njit(cache=True, nogil=True)
    def run(data, at, n, points, merges, whole, work, table, out, count):  # pyright: ignore
        """Encode data[at:n] behind out[:count]. Returns (status, at, end, count): _LIBRARY and _UNKNOWN ask for the
        ids of data[at:end], _GROW for room in the table; the caller then goes on at `at`."""
        slots, ids, kept, _ = table
        while at < n:
            if pattern <= DIGITS:
                end = gpt2_end(data, at, n, points, single)
            elif pattern <= LLAMA3:
                end = qwen_end(data, at, n, points, most)
            else:
                end = deepseek_end(data, at, n, points)
            if end < 0:
                end = span_end(data, at, n)
                if end - at > KEPT or slots[find(data, at, end - at, slots, ids, kept), 0] == np.uint64(0):
                    return _UNKNOWN, at, end, count
            slot = find(data, at, end - at, slots, ids, kept)
            if slots[slot, 0] == np.uint64(0):
                if end - at > LONGEST:
                    return _LIBRARY, at, end, count
                if full(table):
                    return _GROW, at, end, count
                _learn(data, at, end, merges, whole, work, slot, table)
            count += copy(slots, ids, slot, end - at, out, count)
            at = end
        return _DONE, at, n, count

    return run


_RUNS = {pattern: _runner(pattern) for pattern in PATTERNS.values()}
