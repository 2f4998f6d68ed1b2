"""The table of pre-tokens: bytes to ids, open addressing, of bounded size; probed by the encoder's compiled loop."""

# pyright: reportCallIssue=false
# numba itself passes an intrinsic its first argument.

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit
from model.tokens.characters import load8

SLOTS = 1 << 20
"""Of the largest table: 16 MiB. It doubles up to there; then, half full, it is emptied and filled anew."""
FIRST_SLOTS = 1 << 14
ARENA_IDS = 1 << 22
"""Ids that the arena may hold: 16 MiB."""
ARENA_BYTES = 1 << 24
"""Bytes of long pre-tokens that the arena may hold."""
KEPT = 1024
"""Bytes of the longest pre-token that is kept."""
SHORT = 7
"""Bytes that a key has room for beside their number; a longer pre-token's key is a hash, and its bytes are compared."""
SLACK = 4
"""Ids that an array needs to have room for behind those that are copied to it."""
PAD = bytes(8)
"""What a text must have behind it, so that eight bytes can be read at once anywhere in it."""

_K1 = np.uint64(0x9E3779B97F4A7C15)
_K2 = np.uint64(0xFF51AFD7ED558CCD)
_S29 = np.uint64(29)
_S32 = np.uint64(32)
_S48 = np.uint64(48)
_S56 = np.uint64(56)
_LONG = np.uint64(0xFF) << np.uint64(56)
_LOW32 = np.uint64(0xFFFFFFFF)
_MASKS = np.array([(1 << 8 * k) - 1 for k in range(9)], np.uint64)


class Table(NamedTuple):
    """A slot is a key and a value: how many ids << 48 and, in the low 32 bits, the one id of a short pre-token, else
    where its record begins in `ids`. A long one's record starts with its place and its length in `bytes`."""

    slots: NDArray[np.uint64]
    """(a power of two, 2); key 0: empty."""
    ids: NDArray[np.int32]
    bytes: NDArray[np.uint8]
    filled: NDArray[np.int64]
    """(3,): entries, ids and bytes that are taken."""

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self)


def empty(slots: int = FIRST_SLOTS) -> Table:
    """A table of `slots`, a power of two, and arenas to match."""
    ids, kept = np.empty(min(ARENA_IDS, 8 * slots), np.int32), np.empty(min(ARENA_BYTES, 16 * slots), np.uint8)
    return Table(np.zeros((slots, 2), np.uint64), ids, kept, np.zeros(3, np.int64))


def grown(table: Table, most: int = SLOTS) -> Table:
    """The same entries with twice the room; an empty table of the same size when it has all the room there is."""
    slots = table.slots.shape[0]
    if slots >= most or 2 * table.filled[1] > ARENA_IDS or 2 * table.filled[2] > ARENA_BYTES:
        return empty(slots)
    larger = empty(2 * slots)
    _move(table, larger)
    return larger


@njit(cache=True, nogil=True, forceinline=True)
def _key(data, at, length):  # pyright: ignore
    """A short pre-token's bytes and their number; of a long one a hash, marked as such. Never 0."""
    if length <= SHORT:
        return load8(data, at) & _MASKS[length] | np.uint64(length) << _S56
    h = np.uint64(length)
    for i in range(0, length - 7, 8):
        h = (h ^ load8(data, at + i)) * _K1
        h ^= h >> _S32
    h = (h ^ load8(data, at + length - 8)) * _K2
    return (h ^ h >> _S29) | _LONG


@njit(cache=True, nogil=True, forceinline=True)
def _same(data, at, length, kept, start):  # pyright: ignore
    for i in range(length):  # noqa: SIM110  (compiled)
        if data[at + i] != kept[start + i]:
            return False
    return True


@njit(cache=True, nogil=True, forceinline=True)
def find(data, at, length, slots, ids, kept):  # pyright: ignore
    """The slot of the pre-token data[at : at + length], or the empty one where it goes."""
    key = _key(data, at, length)
    mask = np.uint64(slots.shape[0] - 1)
    slot = ((key * _K1) >> _S32) & mask
    while slots[slot, 0] != np.uint64(0):
        if slots[slot, 0] == key:
            if length <= SHORT:
                return slot
            record = np.int64(slots[slot, 1] & _LOW32)
            if ids[record + 1] == length and _same(data, at, length, kept, np.int64(ids[record])):
                return slot
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(cache=True, nogil=True, forceinline=True)
def copy(slots, ids, slot, length, out, at):  # pyright: ignore
    """Write the ids of a slot that is taken to out[at:], and up to SLACK more behind them; returns how many.

    Four at once without asking how many: the branch would be guessed wrong too often.
    """
    value = slots[slot, 1]
    number = np.int64(value >> _S48)
    record = np.int64(value & _LOW32)
    if number == 1 and length <= SHORT:
        out[at] = record
        return number
    if length > SHORT:
        record += 2
    out[at] = ids[record]
    out[at + 1] = ids[record + 1]
    out[at + 2] = ids[record + 2]
    out[at + 3] = ids[record + 3]
    for i in range(4, number):
        out[at + i] = ids[record + i]
    return number


@njit(cache=True, nogil=True)
def full(table):  # pyright: ignore
    """No room for one more entry of KEPT bytes and as many ids."""
    slots, ids, kept, filled = table
    return (
        2 * (filled[0] + 1) > slots.shape[0]
        or filled[1] + KEPT + 2 + SLACK > ids.shape[0]
        or filled[2] + KEPT > kept.shape[0]
    )


@njit(cache=True, nogil=True)
def insert(data, at, length, slot, new, count, table):  # pyright: ignore
    """Put a pre-token of at most KEPT bytes, with the first `count` of `new`, into the slot that `find` gave; the table
    must not be full."""
    slots, ids, kept, filled = table
    slots[slot, 0] = _key(data, at, length)
    filled[0] += 1
    if length <= SHORT and count == 1:
        slots[slot, 1] = np.uint64(1) << _S48 | np.uint64(new[0])
        return
    record = filled[1]
    slots[slot, 1] = np.uint64(count) << _S48 | np.uint64(record)
    if length > SHORT:
        ids[record], ids[record + 1] = filled[2], length
        for i in range(length):
            kept[filled[2] + i] = data[at + i]
        filled[2] += length
        record += 2
    for i in range(count):
        ids[record + i] = new[i]
    filled[1] = record + count


@njit(cache=True, nogil=True)
def _move(table, larger):  # pyright: ignore
    """Copy the arenas, and put the entries where they belong among more slots."""
    larger.filled[:] = table.filled
    larger.ids[: table.filled[1]] = table.ids[: table.filled[1]]
    larger.bytes[: table.filled[2]] = table.bytes[: table.filled[2]]
    mask = np.uint64(larger.slots.shape[0] - 1)
    for i in range(table.slots.shape[0]):
        key = table.slots[i, 0]
        if key != np.uint64(0):
            slot = ((key * _K1) >> _S32) & mask
            while larger.slots[slot, 0] != np.uint64(0):
                slot = (slot + np.uint64(1)) & mask
            larger.slots[slot, 0], larger.slots[slot, 1] = key, table.slots[i, 1]
