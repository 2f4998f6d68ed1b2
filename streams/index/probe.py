"""The compiled kernels of the near-duplicate table: keys, look-ups, and what a Frame's documents do to it.

An entry is (tag, document number) in two uint32 arrays; a document has one entry a band, one for its exact hash, and
one for its thread where it has such.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from streams.index.minhash import BANDS, PERMUTATIONS, ROWS, _mix

ENTRIES = BANDS + 2
"""The most entries of a document."""
NONE = -1

_EXACT_BAND = np.uint64(0xE0)
_THREAD_BAND = np.uint64(0xE1)


@njit(cache=True, nogil=True)
def _band_key(signature: NDArray[np.uint8], band: int, kind: np.uint8) -> np.uint64:
    key = np.uint64(kind) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(band)
    word = np.uint64(0)
    for r in range(ROWS):
        word = (word << np.uint64(8)) | np.uint64(signature[band * ROWS + r])
    return _mix(_mix(word) + key)


@njit(cache=True, nogil=True)
def _exact_key(exact: NDArray[np.uint64], kind: np.uint8) -> np.uint64:
    return _mix(exact[0] + np.uint64(kind) * np.uint64(0x9E3779B97F4A7C15) + _EXACT_BAND)


@njit(cache=True, nogil=True)
def _put(tags: NDArray[np.uint32], documents: NDArray[np.uint32], key: np.uint64, number: int) -> None:
    """Store under the first free slot from the key's own; document numbers are kept plus one, 0 is free."""
    mask = np.uint64(tags.shape[0] - 1)
    slot = key & mask
    while documents[slot] != 0:
        slot = (slot + np.uint64(1)) & mask
    tags[slot] = np.uint32(key >> np.uint64(32))
    documents[slot] = np.uint32(number + 1)


@njit(cache=True, nogil=True)
def _thread_key(path: np.uint64) -> np.uint64:
    return _mix(path + _THREAD_BAND)


@njit(cache=True, nogil=True)
def _insert(tags, documents, number, kind, exact, signature, signed) -> int:  # pyright: ignore
    """The entries of a text; how many they are."""
    _put(tags, documents, _exact_key(exact, kind), number)
    if not signed:
        return 1
    for band in range(BANDS):
        _put(tags, documents, _band_key(signature, band, kind), number)
    return 1 + BANDS


@njit(cache=True, nogil=True)
def _alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    equal = 0
    for i in range(PERMUTATIONS):
        equal += one[i] == other[i]
    return max(0.0, (equal / PERMUTATIONS - 1 / 256) / (1 - 1 / 256))


@njit(cache=True, nogil=True)
def _find_exact(tags, documents, alive, kinds, exacts, kind, exact) -> int:  # pyright: ignore
    """The living document of this kind with this exact hash, or NONE."""
    mask = np.uint64(tags.shape[0] - 1)
    key = _exact_key(exact, kind)
    tag = np.uint32(key >> np.uint64(32))
    slot = key & mask
    while documents[slot] != 0:
        d = np.int64(documents[slot]) - 1
        if (
            tags[slot] == tag
            and alive[d]
            and kinds[d] == kind
            and exacts[d, 0] == exact[0]
            and exacts[d, 1] == exact[1]
        ):
            return d  # pyright: ignore[reportReturnType]
        slot = (slot + np.uint64(1)) & mask
    return NONE


@njit(cache=True, nogil=True)
def _find_near(  # pyright: ignore
    tags, documents, alive, kinds, paths, signatures, stamps, stamp, kind, path, signature, bar, version_bar
):
    """The most alike living document above its bar (the lower number at a tie), and how alike it is."""
    mask = np.uint64(tags.shape[0] - 1)
    best, best_alike = np.int64(NONE), 0.0
    for band in range(BANDS):
        key = _band_key(signature, band, kind)
        tag = np.uint32(key >> np.uint64(32))
        slot = key & mask
        while documents[slot] != 0:
            d = np.int64(documents[slot]) - 1
            if tags[slot] == tag and stamps[d] != stamp:
                stamps[d] = stamp
                if alive[d] and kinds[d] == kind:
                    alike = _alike(signatures[d], signature)
                    own_bar = version_bar if path != 0 and paths[d] == path else bar
                    if alike >= own_bar and (alike > best_alike or (alike == best_alike and d < best)):
                        best, best_alike = d, alike
            slot = (slot + np.uint64(1)) & mask
    return best, best_alike


@njit(cache=True, nogil=True)
def _find_thread(tags, documents, alive, paths, versions, path) -> int:  # pyright: ignore
    """The living document of this thread, whatever its kind, or NONE."""
    mask = np.uint64(tags.shape[0] - 1)
    key = _thread_key(path)
    tag = np.uint32(key >> np.uint64(32))
    slot = key & mask
    while documents[slot] != 0:
        d = np.int64(documents[slot]) - 1
        if tags[slot] == tag and alive[d] and versions[d] != 0 and paths[d] == path:
            return d  # pyright: ignore[reportReturnType]
        slot = (slot + np.uint64(1)) & mask
    return NONE


@njit(cache=True, nogil=True)
def _store(  # pyright: ignore
    tags, documents, alive, kinds, exacts, paths, versions, signatures, signed,
    number, count, kind, exact, path, version, signature, is_signed,
) -> int:  # fmt: skip
    """Write a row, over the former version of its thread where `number` names one; the entries that this adds.

    Entries of what stood there before stay until the table is rebuilt: every find compares the row itself.
    """
    added = 0
    if number == count and version != 0:
        _put(tags, documents, _thread_key(path), number)
        added = 1
    kinds[number], paths[number], versions[number] = kind, path, version
    exacts[number], signatures[number], signed[number], alive[number] = exact, signature, is_signed, True
    return added + _insert(tags, documents, number, kind, exact, signature, is_signed)


@njit(cache=True, nogil=True)
def take(  # pyright: ignore
    tags, documents, alive, kinds, exacts, paths, versions, signatures, signed, stamps, first_stamp,
    q_kinds, q_exacts, q_paths, q_versions, q_signatures, q_signed,
    count, bar, version_bar, numbers, alikes, exactly, places,
):  # fmt: skip
    """Look each row up among everything before it, the Frame's own kept rows included; insert what is new.
    A thread's own former version is not looked at when the row is a newer one, and is what the row repeats when it is
    not. Returns the count of rows and of entries that were added.
    """
    added = 0
    for i in range(q_kinds.shape[0]):
        found, alike, own, same = np.int64(NONE), 1.0, np.int64(NONE), False
        if q_versions[i] != 0:
            own = _find_thread(tags, documents, alive, paths, versions, q_paths[i])
        if own != NONE:
            same = exacts[own, 0] == q_exacts[i, 0] and exacts[own, 1] == q_exacts[i, 1]
            if same or q_versions[i] <= versions[own]:
                found = own
                alike = 1.0 if same else _alike(signatures[own], q_signatures[i])
            alive[own] = False
        exactly[i] = found != NONE and same
        if found == NONE:
            found = _find_exact(tags, documents, alive, kinds, exacts, q_kinds[i], q_exacts[i])
            exactly[i] = found != NONE
        if found == NONE and q_signed[i]:
            found, alike = _find_near(
                tags, documents, alive, kinds, paths, signatures, stamps, first_stamp + i,
                q_kinds[i], q_paths[i], q_signatures[i], bar, version_bar,
            )  # fmt: skip
        if own != NONE:
            alive[own] = True
        numbers[i], alikes[i] = found, alike if found != NONE else 0.0
        if found == NONE:
            places[i] = count if own == NONE else own
            added += _store(
                tags, documents, alive, kinds, exacts, paths, versions, signatures, signed,
                places[i], count, q_kinds[i], q_exacts[i], q_paths[i], q_versions[i], q_signatures[i], q_signed[i],
            )  # fmt: skip
            count += own == NONE
    return count, added


@njit(cache=True, nogil=True)
def append(  # pyright: ignore
    tags, documents, alive, kinds, exacts, paths, versions, signatures, signed,
    q_kinds, q_exacts, q_paths, q_versions, q_signatures, q_signed, count, places,
):  # fmt: skip
    """Insert rows that a log says were kept, each over the former version of its thread. Returns as `take`."""
    added = 0
    for i in range(q_kinds.shape[0]):
        own = np.int64(NONE)
        if q_versions[i] != 0:
            own = _find_thread(tags, documents, alive, paths, versions, q_paths[i])
        places[i] = count if own == NONE else own
        added += _store(
            tags, documents, alive, kinds, exacts, paths, versions, signatures, signed,
            places[i], count, q_kinds[i], q_exacts[i], q_paths[i], q_versions[i], q_signatures[i], q_signed[i],
        )  # fmt: skip
        count += own == NONE
    return count, added


@njit(cache=True, nogil=True)
def rebuild(  # pyright: ignore
    tags, documents, alive, kinds, exacts, paths, versions, signatures, signed, count
) -> int:
    """The entries of all living rows, into empty arrays; how many they are."""
    added = 0
    for d in range(count):
        if alive[d]:
            added += _insert(tags, documents, d, kinds[d], exacts[d], signatures[d], signed[d])
            if versions[d] != 0:
                _put(tags, documents, _thread_key(paths[d]), d)
                added += 1
    return added
