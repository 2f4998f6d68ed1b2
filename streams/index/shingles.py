"""The set of a text's shingles in few bytes, and the Jaccard similarity of two such sets (architecture §4).

A set holds a 32-bit hash of each distinct shingle. Above LIMIT hashes it is a sample: those below 2^(32 - level).
Whether a shingle is in a sample depends on its hash alone, so the similarity of two samples, taken at the higher of the
two levels, is unbiased. Low bits beyond those that a set of this size needs are dropped, the rest is written as gaps in
ascending order, Rice-coded: some 1.8 bytes a hash. Two that differ in dropped bits alone are still two.

Layout: level, dropped bits, count (2 bytes), length of the whole (2 bytes), both little-endian; then for each hash the
gap's upper bits as so many zeros and a one, and its lower GAP_BITS bits, the first bit of a byte being its highest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit

LIMIT = 16_384
"""The most hashes of a set. Of 8,192 or more, which a sample has, the similarity's standard error is below .005."""
GAP_BITS = 12
"""A hash is kept so long that of 4,096 other shingles one at most looks like one of the set."""
HEADER = 6
PADDING = 4
"""Bytes that are to stand behind the last set of an array: a code is read three bytes at a time."""
LONGEST = HEADER + LIMIT * (GAP_BITS + 3) // 8 + PADDING
"""Bytes: a code has GAP_BITS + 1 bits, and all codes together two more for each at most."""


def pack(hashes: NDArray[np.uint32]) -> bytes:
    """The set of these hashes, of which some may be equal; sorts them in place. b"" of none."""
    if not len(hashes):
        return b""
    hashes.sort()
    out = np.zeros(LONGEST, np.uint8)
    return out[: _pack(hashes, out)].tobytes()


def is_set(data: bytes) -> bool:
    """Whether `pack` may have written this; what it holds then is read within its bounds, whatever that is."""
    if len(data) <= HEADER:
        return False
    count, length = int.from_bytes(data[2:4], "little"), int.from_bytes(data[4:6], "little")
    return length == len(data) and 0 < count <= LIMIT and data[0] + data[1] < 32


def jaccard(one: bytes, other: bytes) -> float:
    """Of two sets that are none of them empty, in [0, 1]."""
    arrays = [np.frombuffer(data + bytes(PADDING), np.uint8) for data in (one, other)]
    space = np.zeros((2, LIMIT), np.uint32)
    return compare(arrays[0], 0, unpack(arrays[0], 0, space[0]), space[0],
                   arrays[1], 0, unpack(arrays[1], 0, space[1]), space[1])  # fmt: skip


@njit(cache=True, nogil=True)
def _pack(hashes: NDArray[np.uint32], out: NDArray[np.uint8]) -> int:
    """Write the sorted hashes to `out`, which is all zeros; returns how many bytes it took."""
    count = 0
    for h in hashes:
        if count == 0 or h != hashes[count - 1]:
            hashes[count] = h
            count += 1
    level = 0
    while count > LIMIT:
        level += 1
        while count > 0 and hashes[count - 1] >> np.uint32(32 - level):
            count -= 1
    size = 0
    while count >> size:
        size += 1
    drop = max(0, 32 - level - GAP_BITS - size)
    bit, last = HEADER * 8, np.uint32(0)
    for i in range(count):
        value = hashes[i] >> np.uint32(drop)
        gap = value - last
        bit += np.int64(gap >> np.uint32(GAP_BITS))
        code = (np.uint32(1 << GAP_BITS) | (gap & np.uint32((1 << GAP_BITS) - 1))) << np.uint32(
            23 - GAP_BITS - (bit & 7)
        )
        for j in range(3):
            out[(bit >> 3) + j] |= np.uint8((code >> np.uint32(16 - 8 * j)) & np.uint32(0xFF))
        bit += GAP_BITS + 1
        last = value
    length = (bit + 7) >> 3
    out[0], out[1] = level, drop
    out[2], out[3] = count & 0xFF, count >> 8
    out[4], out[5] = length & 0xFF, length >> 8
    return length  # pyright: ignore[reportReturnType]


@njit(cache=True, nogil=True)
def length_at(data: NDArray[np.uint8], begin: int) -> int:
    """Bytes of the set that begins at `begin`."""
    return np.int64(data[begin + 4]) | np.int64(data[begin + 5]) << 8  # pyright: ignore[reportReturnType]


@njit(cache=True, nogil=True)
def count_at(data: NDArray[np.uint8], begin: int) -> int:
    """Hashes of the set that begins at `begin`."""
    return np.int64(data[begin + 2]) | np.int64(data[begin + 3]) << 8  # pyright: ignore[reportReturnType]


@njit(cache=True, nogil=True)
def unpack(data: NDArray[np.uint8], begin: int, values: NDArray[np.uint32]) -> int:
    """Fill `values` with the hashes, without their dropped bits, of the set at `begin`; returns how many they are."""
    count, end = count_at(data, begin), 8 * (begin + length_at(data, begin))
    bit, value, i = 8 * (begin + HEADER), np.uint32(0), 0
    while i < count:
        while bit < end and not (data[bit >> 3] >> np.uint8(7 - (bit & 7))) & 1:
            value += np.uint32(1 << GAP_BITS)
            bit += 1
        if bit + GAP_BITS >= end:
            break
        at = bit >> 3
        code = np.uint32(data[at]) << np.uint32(16) | np.uint32(data[at + 1]) << np.uint32(8) | np.uint32(data[at + 2])
        value += (code >> np.uint32(23 - GAP_BITS - (bit & 7))) & np.uint32((1 << GAP_BITS) - 1)
        bit += GAP_BITS + 1
        values[i] = value
        i += 1
    return i


@njit(cache=True, nogil=True)
def compare(  # pyright: ignore
    one_data, one_begin, one_count, one, other_data, other_begin, other_count, other
) -> float:
    """The Jaccard similarity of two sets that are unpacked: `one` is the one at `one_begin`, and so on."""
    level = max(one_data[one_begin], other_data[other_begin])
    drop = max(one_data[one_begin + 1], other_data[other_begin + 1])
    bound = np.uint64(1) << np.uint64(32 - level - drop)
    a_shift, b_shift = np.uint32(drop - one_data[one_begin + 1]), np.uint32(drop - other_data[other_begin + 1])
    i = j = both = either = 0
    while True:
        a = np.uint64(one[i] >> a_shift) if i < one_count else bound
        b = np.uint64(other[j] >> b_shift) if j < other_count else bound
        least = min(a, b)
        if least >= bound:
            return both / either if either else 0.0
        either += 1
        both += a == b
        i += a == least
        j += b == least
