"""Shingles: their MinHash signature and their set, one compiled loop over the bytes (architecture §4).

Tokens are the runs of letters, marks and digits of any script and `_`; in scripts that are written without spaces
(streams.index.letters) each letter is a token. All else separates, and empty tokens do not exist: kept, they are most
of a file's shingles. Shingles are 5-grams of tokens. 256 permutations of the
family `(a * x + b) mod 2^64 >> 32` (multiply-shift, Dietzfelbinger 1996); a signature keeps 8 bits
of each minimum (b-bit minwise hashing, Li and König 2010).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from model.compiling import njit
from streams.index.letters import ALONE, CLASSES, OTHER, WORD
from streams.index.shingles import GAP_BITS, LIMIT, pack

PERMUTATIONS = 256
NGRAM = 5
BANDS = 32
ROWS = 8
EXTRA_BANDS = 4
EXTRA_ROWS = 5
EXTRA_STEP = 51
"""Further bands of a text with a set of shingles: the number `n` has the values n, n + 51, n + 102, ..., so that it
shares at most one of them with each band of eight in a row."""
SEED = 0x6D696473

TOKENISER = "words-of-any-script"
FORMER_TOKENISER = "ascii-words-nonempty"
"""Of indexes that compared other scripts by their ASCII words alone: of ASCII text the signatures are the same."""


def _coefficients(seed: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The permutations' multipliers (odd) and addends, from a keyed hash so that every machine has the same."""
    a = [xxhash.xxh3_64_intdigest(f"a{i}".encode(), seed) | 1 for i in range(PERMUTATIONS)]
    b = [xxhash.xxh3_64_intdigest(f"b{i}".encode(), seed) for i in range(PERMUTATIONS)]
    return np.array(a, np.uint64), np.array(b, np.uint64)


_A, _B = _coefficients(SEED)

_K1 = np.uint64(0x9E3779B97F4A7C15)
_K2 = np.uint64(0xFF51AFD7ED558CCD)
_S33 = np.uint64(33)
_S32 = np.uint64(32)
_S24 = np.uint64(24)


@njit(cache=True, nogil=True)
def _mix(x: np.uint64) -> np.uint64:
    """Murmur3's finaliser: every input bit reaches every output bit."""
    x ^= x >> _S33
    x *= _K2
    x ^= x >> _S33
    x *= _K1
    x ^= x >> _S33
    return x


@njit(cache=True, nogil=True)
def _update(minima: NDArray[np.uint32], shingle: np.uint64, a: NDArray[np.uint64], b: NDArray[np.uint64]) -> None:
    for i in range(minima.shape[0]):
        h = np.uint32((a[i] * shingle + b[i]) >> _S32)
        minima[i] = min(minima[i], h)


@njit(cache=True, nogil=True)
def _minima(
    data: NDArray[np.uint8],
    classes: NDArray[np.uint8],
    a: NDArray[np.uint64],
    b: NDArray[np.uint64],
    minima: NDArray[np.uint32],
    hashes: NDArray[np.uint32],
) -> int:
    """Fill `minima` from the shingles of a text in UTF-8, `hashes` with 32 bits of each of them in their order, and
    return its number of tokens."""
    ring = np.zeros(NGRAM, np.uint64)
    tokens, i, n = 0, 0, data.shape[0]
    while True:
        token, inside = np.uint64(0), False
        while i < n:
            kind, length = np.uint8(OTHER), 1
            if data[i] < 0x80:
                kind = classes[data[i]]
            else:
                kind, length = _class_at(data, i, classes)
            if inside and kind != WORD:
                break
            i += length
            if kind != OTHER:
                for j in range(i - length, i):
                    token = (token ^ np.uint64(data[j])) * _K1
                    token ^= token >> _S32
                inside = True
                if kind == ALONE:
                    break
        if not inside:
            return tokens
        ring[tokens % NGRAM] = _mix(token)
        tokens += 1
        if tokens >= NGRAM:
            shingle = np.uint64(0)
            for j in range(NGRAM):
                shingle = _mix(shingle + ring[(tokens + j) % NGRAM])
            hashes[tokens - NGRAM] = np.uint32(shingle >> _S32)
            _update(minima, shingle, a, b)


@njit(cache=True, nogil=True)
def _class_at(data: NDArray[np.uint8], i: int, classes: NDArray[np.uint8]) -> tuple[np.uint8, int]:
    """Class and bytes of the character that begins at i, which is not ASCII."""
    lead, n = data[i], data.shape[0]
    length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if i + length > n:
        return np.uint8(OTHER), n - i
    point = np.int64(lead & (0x7F >> length))
    for j in range(i + 1, i + length):
        point = (point << 6) | np.int64(data[j] & 0x3F)
    return (classes[point] if point < classes.shape[0] else np.uint8(OTHER)), length


class Sketch(NamedTuple):
    """What the index compares of a text."""

    signature: bytes
    """256 bytes, byte i the top 8 bits of a mix of permutation i's minimum; b"" below five tokens."""
    shingles: bytes
    """The set of its shingles (`streams.index.shingles`); b"" below five tokens."""


def sketch(text: str) -> Sketch:
    data = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    minima = np.full(PERMUTATIONS, 0xFFFFFFFF, np.uint32)
    hashes = np.empty(len(data) // 2 + 1, np.uint32)  # a token has a byte, and one between it and the next, or three
    tokens = _minima(data, CLASSES, _A, _B, minima, hashes)
    if tokens < NGRAM:
        return Sketch(b"", b"")
    signature = ((minima * np.uint32(0x9E3779B1)) >> np.uint32(24)).astype(np.uint8).tobytes()
    return Sketch(signature, pack(hashes[: tokens - NGRAM + 1]))


def similarity(one: bytes, other: bytes) -> float:
    """The Jaccard similarity that two signatures estimate, in [0, 1]; chance agreement (1/256) taken out."""
    equal = int((np.frombuffer(one, np.uint8) == np.frombuffer(other, np.uint8)).sum())
    return estimate(equal)


def estimate(equal: int) -> float:
    """Jaccard from the number of equal 8-bit values among 256."""
    return max(0.0, (equal / PERMUTATIONS - 1 / 256) / (1 - 1 / 256))


def fingerprint(threshold: float, version_threshold: float) -> str:
    """What an index must have been made with to be opened: 16 hex digits."""
    sets = (EXTRA_BANDS, EXTRA_ROWS, EXTRA_STEP, LIMIT, GAP_BITS)
    return _digest(TOKENISER, NGRAM, PERMUTATIONS, SEED, BANDS, ROWS, threshold, version_threshold, *sets)


def former_fingerprints(threshold: float, version_threshold: float) -> tuple[str, ...]:
    """Of indexes without sets of shingles, which judged by the estimate alone."""
    return tuple(
        _digest(tokeniser, NGRAM, PERMUTATIONS, SEED, BANDS, ROWS, threshold, version_threshold)
        for tokeniser in (TOKENISER, FORMER_TOKENISER)
    )


def _digest(*facts: object) -> str:
    return xxhash.xxh3_64_hexdigest(repr(facts).encode())
