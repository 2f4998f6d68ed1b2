"""Shingles and MinHash signatures, one compiled loop over the bytes (architecture §4).

Tokens are the runs of `[A-Za-z0-9_]`; every other byte separates, and empty tokens do not exist:
kept, they are most of a file's shingles. Shingles are 5-grams of tokens. 256 permutations of the
family `(a * x + b) mod 2^64 >> 32` (multiply-shift, Dietzfelbinger 1996); a signature keeps 8 bits
of each minimum (b-bit minwise hashing, Li and König 2010).
"""

from __future__ import annotations

import numpy as np
import xxhash
from numba import njit
from numpy.typing import NDArray

PERMUTATIONS = 256
NGRAM = 5
BANDS = 32
ROWS = 8
SEED = 0x6D696473

TOKENISER = "ascii-words-nonempty"


def _coefficients(seed: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The permutations' multipliers (odd) and addends, from a keyed hash so that every machine has the same."""
    a = [xxhash.xxh3_64_intdigest(f"a{i}".encode(), seed) | 1 for i in range(PERMUTATIONS)]
    b = [xxhash.xxh3_64_intdigest(f"b{i}".encode(), seed) for i in range(PERMUTATIONS)]
    return np.array(a, np.uint64), np.array(b, np.uint64)


_A, _B = _coefficients(SEED)

_WORD = np.zeros(256, np.bool_)
_WORD[[*range(48, 58), *range(65, 91), *range(97, 123), 95]] = True

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
    word: NDArray[np.bool_],
    a: NDArray[np.uint64],
    b: NDArray[np.uint64],
    minima: NDArray[np.uint32],
) -> int:
    """Fill `minima` from the text's shingles and return its number of tokens."""
    ring = np.zeros(NGRAM, np.uint64)
    tokens = 0
    current = np.uint64(0)
    inside = False
    for i in range(data.shape[0] + 1):
        c = data[i] if i < data.shape[0] else np.uint8(32)
        if word[c]:
            current = (current ^ np.uint64(c)) * _K1
            current ^= current >> _S32
            inside = True
        elif inside:
            ring[tokens % NGRAM] = _mix(current)
            tokens += 1
            current = np.uint64(0)
            inside = False
            if tokens >= NGRAM:
                shingle = np.uint64(0)
                for j in range(NGRAM):
                    shingle = _mix(shingle + ring[(tokens + j) % NGRAM])
                _update(minima, shingle, a, b)
    return tokens


def signature(text: str) -> bytes:
    """256 bytes, byte i the top 8 bits of a mix of permutation i's minimum; b"" below five tokens."""
    data = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    minima = np.full(PERMUTATIONS, 0xFFFFFFFF, np.uint32)
    if _minima(data, _WORD, _A, _B, minima) < NGRAM:
        return b""
    return ((minima * np.uint32(0x9E3779B1)) >> np.uint32(24)).astype(np.uint8).tobytes()


def similarity(one: bytes, other: bytes) -> float:
    """The Jaccard similarity that two signatures estimate, in [0, 1]; chance agreement (1/256) taken out."""
    equal = int((np.frombuffer(one, np.uint8) == np.frombuffer(other, np.uint8)).sum())
    return estimate(equal)


def estimate(equal: int) -> float:
    """Jaccard from the number of equal 8-bit values among 256."""
    return max(0.0, (equal / PERMUTATIONS - 1 / 256) / (1 - 1 / 256))


def fingerprint(threshold: float, version_threshold: float) -> str:
    """What an index must have been made with to be opened: 16 hex digits."""
    facts = (TOKENISER, NGRAM, PERMUTATIONS, SEED, BANDS, ROWS, threshold, version_threshold)
    return xxhash.xxh3_64_hexdigest(repr(facts).encode())
