"""Byte-level BPE through a table of pre-tokens: the `tokenizers` library's own ids, many times as fast.

One compiled loop cuts the text as the pattern does and copies each pre-token's ids from a table; one seen for the first
time is merged on the spot. The library itself is asked only for what the loop must not decide: spans with characters of
no known class, and very long pre-tokens. What the table holds never changes the ids.
"""

from __future__ import annotations

import json
from threading import Lock
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from tokenizers import Tokenizer as Backend

from model.tokens.letters import BYTE_LETTERS
from model.tokens.merges import LONGEST, Merges, merge
from model.tokens.pretoken import classes, pretoken_end, span_end
from model.tokens.pretokens import KEPT, PAD, SLACK, SLOTS, copy, empty, find, full, grown, insert

_DONE, _LIBRARY, _GROW = 0, 1, 2


class Unknown(ValueError):
    """The table cannot stand in for this tokenizer; the message says why."""


class TableEncoder:
    """Ids of one tokenizer's texts."""

    def __init__(self, backend: Backend, most_slots: int = SLOTS) -> None:
        """`most_slots`, a power of two, bounds the table. Raises Unknown for a tokenizer that does not cut or merge as
        the compiled loop does."""
        self._most = most_slots
        self._digits, self._merges = _read(json.loads(backend.to_str()))
        self._backend = backend
        self._classes = classes()
        self._table = empty()
        self._work = np.empty(LONGEST, np.int32), np.empty(LONGEST, np.uint64)
        self._out = np.empty(1 << 16, np.int32)
        self._lock = Lock()

    def __call__(self, text: str) -> NDArray[np.int32]:
        """The ids of `text`, an array of its own. Raises UnicodeEncodeError for a lone surrogate, as the library."""
        raw = text.encode()
        data = np.frombuffer(raw + PAD, np.uint8)
        with self._lock:
            if len(raw) + SLACK > self._out.size:
                self._out = np.empty(2 * (len(raw) + SLACK), np.int32)
            return self._out[: self._encode(raw, data)].copy()

    @property
    def entries(self) -> int:
        """Pre-tokens in the table."""
        return int(self._table.filled[0])

    @property
    def memory(self) -> int:
        """Bytes of the table with its arenas."""
        return self._table.nbytes

    def _encode(self, raw: bytes, data: NDArray[np.uint8]) -> int:
        """Fill `_out` and return how many ids there are."""
        at, n, count = 0, len(raw), 0
        while at < n:
            status, at, end, count = _run(
                data, at, n, self._classes, self._digits, self._merges, self._work, self._table, self._out, count
            )
            if status == _GROW:
                self._table = grown(self._table, self._most)
            elif status == _LIBRARY:
                ids = np.array(self._backend.encode(raw[at:end].decode(), add_special_tokens=False).ids, np.int32)
                self._out[count : count + ids.size] = ids
                self._keep(data, at, end - at, ids)
                at, count = end, count + ids.size
        return count

    def _keep(self, data: NDArray[np.uint8], at: int, length: int, ids: NDArray[np.int32]) -> None:
        if length <= KEPT:
            if full(self._table):
                self._table = grown(self._table, self._most)
            slot = find(data, at, length, *self._table[:3])
            insert(data, at, length, slot, ids, ids.size, self._table)


def _read(config: dict[str, Any]) -> tuple[bool, Merges]:
    """Whether digits are split off, and the merges."""
    model = config["model"]
    if model["type"] != "BPE":
        raise Unknown(f"its model is {model['type']}, not BPE")
    for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback", "ignore_merges"):
        if model.get(name):
            raise Unknown(f"its model has {name}")
    if config["normalizer"] is not None:
        raise Unknown("it normalises its texts")
    if any(not token["special"] for token in config["added_tokens"]):
        raise Unknown("it has added tokens that are matched in texts")
    vocab: dict[str, int] = model["vocab"]
    missing = sum(letter not in vocab for letter in BYTE_LETTERS)
    if missing:
        raise Unknown(f"{missing} of the 256 bytes have no id")
    digits = _splits_digits(config["pre_tokenizer"])
    pairs = (m.split(" ") if isinstance(m, str) else m for m in model["merges"])
    merges = [(vocab[left], vocab[right], vocab[left + right]) for left, right in pairs]
    return digits, Merges.of([vocab[letter] for letter in BYTE_LETTERS], merges)


def _splits_digits(pre_tokenizer: dict[str, Any] | None) -> bool:
    """Raises Unknown for all but GPT-2's pattern, alone or behind a split of single digits."""
    steps = [pre_tokenizer or {"type": "none"}]
    if steps[0]["type"] == "Sequence":
        steps = steps[0]["pretokenizers"]
    *before, last = steps
    plain = last["type"] == "ByteLevel" and last.get("use_regex", True) and not last["add_prefix_space"]
    digits = [step["type"] == "Digits" and step["individual_digits"] for step in before]
    if not plain or digits not in ([], [True]):
        raise Unknown("its pre-tokenizer is " + " and ".join(step["type"] for step in steps))
    return bool(digits)


@njit(cache=True, nogil=True)
def _run(data, at, n, points, digits, merges, work, table, out, count):  # pyright: ignore
    """Encode data[at:n] behind out[:count]. Returns (status, at, end, count): _LIBRARY asks for the ids of
    data[at:end], _GROW for room in the table; the caller then goes on at `at`."""
    slots, ids, kept, _ = table
    while at < n:
        end = pretoken_end(data, at, n, points, digits)
        if end < 0:
            end = span_end(data, at, n)
            if end - at > KEPT or slots[find(data, at, end - at, slots, ids, kept), 0] == np.uint64(0):
                return _LIBRARY, at, end, count
        slot = find(data, at, end - at, slots, ids, kept)
        if slots[slot, 0] == np.uint64(0):
            if end - at > LONGEST:
                return _LIBRARY, at, end, count
            if full(table):
                return _GROW, at, end, count
            _learn(data, at, end, merges, work, slot, table)
        count += copy(slots, ids, slot, end - at, out, count)
        at = end
    return _DONE, at, n, count


@njit(cache=True, nogil=True)
def _learn(data, at, end, merges, work, slot, table):  # pyright: ignore
    """Merge a pre-token of at most LONGEST bytes and put it into its slot."""
    count = merge(data, at, end, merges.first, merges.pairs, work[0], work[1])
    insert(data, at, end - at, slot, work[0], count, table)
