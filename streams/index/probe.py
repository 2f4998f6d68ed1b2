"""The compiled kernels of the near-duplicate table: keys, look-ups, and what a Frame's documents do to it.

An entry is (tag, document number) in two uint32 arrays; a document has one entry a band, one for its exact hash, and
one for its thread where it has such. A document with a set of shingles has more bands, of fewer rows, since what these
bring is verified; one without, of a former index or of a Frame that had no room, is found and judged as it ever was.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit
from streams.index.minhash import BANDS, EXTRA_BANDS, EXTRA_ROWS, EXTRA_STEP, PERMUTATIONS, ROWS, _mix
from streams.index.shingles import compare, length_at, unpack

ENTRIES = BANDS + EXTRA_BANDS + 2
"""The most entries of a document."""
NONE = -1
MARGIN = 0.15
"""An estimate lies further below the exact similarity in one of ten million cases (five standard errors at .7)."""

_EXACT_BAND = np.uint64(0xE0)
_THREAD_BAND = np.uint64(0xE1)


class Columns(NamedTuple):
    """What the table compares, one row a document."""

    kinds: NDArray[np.uint8]
    exacts: NDArray[np.uint64]
    """(n, 2): 128 bits of the compared text."""
    paths: NDArray[np.uint64]
    """Hash of repository and path, or of repository and thread; 0 where the kind has no versions."""
    versions: NDArray[np.uint64]
    """Which version of its thread: a newer one has the greater number. 0: no thread."""
    signatures: NDArray[np.uint8]
    """(n, 256)."""
    signed: NDArray[np.bool_]
    """False below five tokens: exact hash only."""
    begins: NDArray[np.int64]
    """Where in `sets` the row's set of shingles begins; 0: it has none."""
    sets: NDArray[np.uint8]
    """The sets one behind the other, one byte before the first and PADDING bytes behind the last."""


class Held(NamedTuple):
    """The table: entries, and the rows that they lead to."""

    tags: NDArray[np.uint32]
    documents: NDArray[np.uint32]
    rows: Columns
    alive: NDArray[np.bool_]
    stamps: NDArray[np.uint32]
    """The last query that looked at the row."""
    space: NDArray[np.uint32]
    """(2, LIMIT): two sets, unpacked."""


@njit(cache=True, nogil=True)
def _band_key(signature: NDArray[np.uint8], band: int, kind: np.uint8) -> np.uint64:
    key = np.uint64(kind) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(band)
    word = np.uint64(0)
    if band < BANDS:
        for r in range(ROWS):
            word = (word << np.uint64(8)) | np.uint64(signature[band * ROWS + r])
    else:
        for r in range(EXTRA_ROWS):
            word = (word << np.uint64(8)) | np.uint64(signature[band - BANDS + r * EXTRA_STEP])
    return _mix(_mix(word) + key)


@njit(cache=True, nogil=True)
def _bands(rows, i) -> int:  # pyright: ignore
    """How many bands the row has: their number is its place among all of them."""
    if not rows.signed[i]:
        return 0
    return BANDS + EXTRA_BANDS if rows.begins[i] else BANDS


@njit(cache=True, nogil=True)
def _exact_key(exact: NDArray[np.uint64], kind: np.uint8) -> np.uint64:
    return _mix(exact[0] + np.uint64(kind) * np.uint64(0x9E3779B97F4A7C15) + _EXACT_BAND)


@njit(cache=True, nogil=True)
def _thread_key(path: np.uint64) -> np.uint64:
    return _mix(path + _THREAD_BAND)


@njit(cache=True, nogil=True)
def _put(held, key, number) -> None:  # pyright: ignore
    """Store under the first free slot from the key's own; document numbers are kept plus one, 0 is free."""
    mask = np.uint64(held.tags.shape[0] - 1)
    slot = key & mask
    while held.documents[slot] != 0:
        slot = (slot + np.uint64(1)) & mask
    held.tags[slot] = np.uint32(key >> np.uint64(32))
    held.documents[slot] = np.uint32(number + 1)


@njit(cache=True, nogil=True)
def _insert(held, number) -> int:  # pyright: ignore
    """The entries of a row's text; how many they are."""
    own = held.rows
    _put(held, _exact_key(own.exacts[number], own.kinds[number]), number)
    bands = _bands(own, number)
    for band in range(bands):
        _put(held, _band_key(own.signatures[number], band, own.kinds[number]), number)
    return 1 + bands


@njit(cache=True, nogil=True)
def _estimate(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    equal = 0
    for i in range(PERMUTATIONS):
        equal += one[i] == other[i]
    return max(0.0, (equal / PERMUTATIONS - 1 / 256) / (1 - 1 / 256))


@njit(cache=True, nogil=True)
def _find_exact(held, rows, i) -> int:  # pyright: ignore
    """The living document of this kind with this exact hash, or NONE."""
    own, mask = held.rows, np.uint64(held.tags.shape[0] - 1)
    key = _exact_key(rows.exacts[i], rows.kinds[i])
    tag = np.uint32(key >> np.uint64(32))
    slot = key & mask
    while held.documents[slot] != 0:
        d = np.int64(held.documents[slot]) - 1
        if held.tags[slot] == tag and held.alive[d] and own.kinds[d] == rows.kinds[i] and _same(own, d, rows, i):
            return d  # pyright: ignore[reportReturnType]
        slot = (slot + np.uint64(1)) & mask
    return NONE


@njit(cache=True, nogil=True)
def _same(own, d, rows, i) -> bool:  # pyright: ignore
    return own.exacts[d, 0] == rows.exacts[i, 0] and own.exacts[d, 1] == rows.exacts[i, 1]


@njit(cache=True, nogil=True)
def _find_near(held, rows, i, stamp, bar, version_bar):  # pyright: ignore
    """The most alike living document above its bar (the lower number at a tie), and how alike it is."""
    own, mask = held.rows, np.uint64(held.tags.shape[0] - 1)
    best, best_alike, size = np.int64(NONE), 0.0, np.int64(NONE)
    for band in range(_bands(rows, i)):
        key = _band_key(rows.signatures[i], band, rows.kinds[i])
        tag = np.uint32(key >> np.uint64(32))
        slot = key & mask
        while held.documents[slot] != 0:
            d = np.int64(held.documents[slot]) - 1
            if held.tags[slot] == tag and held.stamps[d] != stamp and _has(own, d, band, key):
                held.stamps[d] = stamp
                if held.alive[d] and own.kinds[d] == rows.kinds[i]:
                    own_bar = version_bar if rows.paths[i] != 0 and own.paths[d] == rows.paths[i] else bar
                    alike = _estimate(own.signatures[d], rows.signatures[i])
                    if alike >= own_bar - MARGIN and rows.begins[i] and own.begins[d]:
                        if size == NONE:
                            size = unpack(rows.sets, rows.begins[i], held.space[0])
                        alike = _verified(held, d, rows, i, size)
                    if alike >= own_bar and (alike > best_alike or (alike == best_alike and d < best)):
                        best, best_alike = d, alike
            slot = (slot + np.uint64(1)) & mask
    return best, best_alike


@njit(cache=True, nogil=True)
def _has(own, d, band, key) -> bool:  # pyright: ignore
    """Whether the entry is of what the row holds now. Entries of what was written over lead nowhere, so that verdicts
    do not depend on when the table was rebuilt."""
    return band < _bands(own, d) and _band_key(own.signatures[d], band, own.kinds[d]) == key


@njit(cache=True, nogil=True)
def _verified(held, d, rows, i, size) -> float:  # pyright: ignore
    """The similarity of the sets of row d and of row i, which has `size` hashes and is unpacked in the first space."""
    own = held.rows
    other = unpack(own.sets, own.begins[d], held.space[1])
    return compare(
        rows.sets, rows.begins[i], size, held.space[0], own.sets, own.begins[d], other, held.space[1]
    )  # fmt: skip


@njit(cache=True, nogil=True)
def _similarity(held, d, rows, i) -> float:  # pyright: ignore
    """Of row d and row i: that of their sets where both have one, else the estimate."""
    if rows.begins[i] and held.rows.begins[d]:
        return _verified(held, d, rows, i, unpack(rows.sets, rows.begins[i], held.space[0]))
    return _estimate(held.rows.signatures[d], rows.signatures[i])


@njit(cache=True, nogil=True)
def _find_thread(held, path) -> int:  # pyright: ignore
    """The living document of this thread, whatever its kind, or NONE."""
    own, mask = held.rows, np.uint64(held.tags.shape[0] - 1)
    key = _thread_key(path)
    tag = np.uint32(key >> np.uint64(32))
    slot = key & mask
    while held.documents[slot] != 0:
        d = np.int64(held.documents[slot]) - 1
        if held.tags[slot] == tag and held.alive[d] and own.versions[d] != 0 and own.paths[d] == path:
            return d  # pyright: ignore[reportReturnType]
        slot = (slot + np.uint64(1)) & mask
    return NONE


@njit(cache=True, nogil=True)
def _store(held, number, count, used, rows, i):  # pyright: ignore
    """Write a row, over the former version of its thread where `number` names one; its set goes to `used` in the sets.

    Returns the entries that this adds, and where the sets end then. Entries of what stood there before stay until the
    table is rebuilt, and so do sets: every find compares the row itself.
    """
    own, added, begin = held.rows, 0, rows.begins[i]
    if number == count and rows.versions[i] != 0:
        _put(held, _thread_key(rows.paths[i]), number)
        added = 1
    own.kinds[number], own.paths[number], own.versions[number] = rows.kinds[i], rows.paths[i], rows.versions[i]
    own.exacts[number], own.signatures[number], own.signed[number] = rows.exacts[i], rows.signatures[i], rows.signed[i]
    own.begins[number], held.alive[number] = 0, True
    if begin:
        length = length_at(rows.sets, begin)
        own.sets[used : used + length] = rows.sets[begin : begin + length]
        own.begins[number] = used
        used += length
    return added + _insert(held, number), used


@njit(cache=True, nogil=True)
def take(  # pyright: ignore
    held, rows, count, used, first_stamp, bar, version_bar, numbers, alikes, exactly, places
):
    """Look each row up among everything before it, the Frame's own kept rows included; insert what is new.
    A thread's own former version is not looked at when the row is a newer one, and is what the row repeats when it is
    not. Returns the count of rows, where the sets end, and how many entries were added.
    """
    total = 0
    for i in range(rows.kinds.shape[0]):
        found, alike, own, same = np.int64(NONE), 1.0, np.int64(NONE), False
        if rows.versions[i] != 0:
            own = _find_thread(held, rows.paths[i])
        if own != NONE:
            same = _same(held.rows, own, rows, i)
            if same or rows.versions[i] <= held.rows.versions[own]:
                found = own
                alike = 1.0 if same else _similarity(held, own, rows, i)
            held.alive[own] = False
        exactly[i] = found != NONE and same
        if found == NONE:
            found = _find_exact(held, rows, i)
            exactly[i] = found != NONE
        if found == NONE and rows.signed[i]:
            found, alike = _find_near(held, rows, i, first_stamp + i, bar, version_bar)
        if own != NONE:
            held.alive[own] = True
        numbers[i], alikes[i] = found, alike if found != NONE else 0.0
        if found == NONE:
            places[i] = count if own == NONE else own
            added, used = _store(held, places[i], count, used, rows, i)
            total += added
            count += own == NONE
    return count, used, total


@njit(cache=True, nogil=True)
def append(held, rows, count, used, places):  # pyright: ignore
    """Insert rows that a log says were kept, each over the former version of its thread. Returns as `take`."""
    total = 0
    for i in range(rows.kinds.shape[0]):
        own = np.int64(NONE)
        if rows.versions[i] != 0:
            own = _find_thread(held, rows.paths[i])
        places[i] = count if own == NONE else own
        added, used = _store(held, places[i], count, used, rows, i)
        total += added
        count += own == NONE
    return count, used, total


@njit(cache=True, nogil=True)
def rebuild(held, count) -> int:  # pyright: ignore
    """The entries of all living rows, into empty arrays; how many they are."""
    total = 0
    for d in range(count):
        if held.alive[d]:
            total += _insert(held, d)
            if held.rows.versions[d] != 0:
                _put(held, _thread_key(held.rows.paths[d]), d)
                total += 1
    return total
