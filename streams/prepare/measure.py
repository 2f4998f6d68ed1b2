"""What the rules look at, counted in one compiled pass over a text's bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit

MIN_RUN = 64
"""Bytes from which a run of base64 letters counts as encoded data (The Stack v2)."""
MIN_ESCAPES = 8
"""Escapes (`\\xNN`, `\\uNNNN`) or hexadecimal pairs in a row from which they count as encoded data."""


@dataclass(frozen=True)
class Measure:
    """Counts of a text, in characters."""

    size: int
    lines: int
    longest_line: int
    alphanumeric: int
    """Letters and digits; a character that is not ASCII counts as one."""
    numeric: int
    """Letters and digits of tokens that begin with a digit: numbers."""
    zeros: int
    longest_run: int
    """The longest run of encoded data."""
    encoded: int
    """All bytes in such runs."""


@njit(cache=True, nogil=True)
def _base64(c: int) -> bool:
    return (48 <= c <= 57) or (65 <= c <= 90) or (97 <= c <= 122) or c == 43 or c == 47 or c == 61


@njit(cache=True, nogil=True)
def _hex(c: int) -> bool:
    return (48 <= c <= 57) or (65 <= c <= 70) or (97 <= c <= 102)


@njit(cache=True, nogil=True)
def _escape(data: NDArray[np.uint8], i: int) -> int:
    """Length of the escape that begins at i, or 0."""
    if data[i] != 92 or i + 3 >= data.shape[0]:
        return 0
    digits = 2 if data[i + 1] == 120 else 4 if data[i + 1] == 117 else 0
    if digits == 0 or i + 2 + digits > data.shape[0]:
        return 0
    for j in range(i + 2, i + 2 + digits):
        if not _hex(data[j]):
            return 0
    return 2 + digits


@njit(cache=True, nogil=True)
def _lines(data: NDArray[np.uint8], out: NDArray[np.int64]) -> None:
    """Lines end where those of `model.lines` do."""
    line = 0
    inside, number = False, False
    for i in range(data.shape[0]):
        c = data[i]
        alphanumeric = (48 <= c <= 57) or (65 <= c <= 90) or (97 <= c <= 122) or c >= 0xC0
        word = alphanumeric or c == 95 or c >= 0x80
        number = number if inside and word else 48 <= c <= 57
        inside = word
        out[7] += alphanumeric and number
        if c == 10 and i > 0 and data[i - 1] == 13:
            out[6] += 1
            continue
        if c == 10 or c == 13:
            out[0] += 1
            out[1] = max(out[1], line)
            out[6] += 1
            line = 0
        else:
            if c & 0xC0 != 0x80:  # a further byte of a character
                line += 1
                out[6] += 1
            out[2] += alphanumeric
            out[3] += c == 0
    out[1] = max(out[1], line)
    out[0] += line > 0


@njit(cache=True, nogil=True)
def _runs(data: NDArray[np.uint8], out: NDArray[np.int64]) -> None:
    """Base64 runs need a digit and both cases, or be hexadecimal, so that a long rule of `=====` is none."""
    i = 0
    n = data.shape[0]
    while i < n:
        start = i
        kinds = 0
        while i < n and _base64(data[i]):
            c = data[i]
            kinds |= 1 if c <= 57 and c >= 48 else 2 if 65 <= c <= 90 else 4 if 97 <= c <= 122 else 0
            i += 1
        if i - start >= MIN_RUN and kinds in (3, 5, 7):
            out[4] = max(out[4], i - start)
            out[5] += i - start
        if i == start:
            length = _escape(data, i)
            count = 0
            while length > 0:
                i += length
                count += 1
                length = _escape(data, i) if i < n else 0
            if count >= MIN_ESCAPES:
                out[4] = max(out[4], i - start)
                out[5] += i - start
            if count == 0:
                i += 1


def measure(text: str) -> Measure:
    data = np.frombuffer(text.encode("utf-8", "replace"), np.uint8)
    out = np.zeros(8, np.int64)
    if len(data):
        _lines(data, out)
        _runs(data, out)
    lines, longest, alphanumeric, zeros, run, encoded, size, numeric = (int(x) for x in out)
    return Measure(size, lines, longest, alphanumeric, numeric, zeros, run, encoded)
