"""Where a pre-token ends in DeepSeek-Coder's pattern (its tokenizer.json), five splits one after the other, each in the
pieces of those before: `[\\r\\n]`, `\\s?\\p{L}+`, `\\s?\\p{P}+`, `[一-龥ࠀ-一가-퟿]+`, single digits.

Letters, and punctuation, go with one white space before them, unless only one of the two is in the fourth's range,
which cuts everything where it begins or ends; what is left are runs of symbols, marks and the rest of the white space.
"""

# pyright: reportCallIssue=false
# numba itself passes an intrinsic its first argument.

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit
from model.tokens.characters import (
    ASSIGNED,
    BLANK,
    CR,
    LETTER,
    LF,
    NUMBER,
    SPACE,
    UNKNOWN,
    blanks,
    class_at,
    classes,
    letters_end,
    load8,
)

_LINE, _PUNCTUATION = 5, 6
_KIND, _RANGE = 7, 8
"""A class here is a kind and a bit for the fourth split's range."""


@cache
def ranges() -> NDArray[np.uint8]:
    """The class of each code point, (0x110000,), with ends of lines and punctuation apart, and the bit of the range."""
    table = classes().copy()
    table[[LF, CR]] = _LINE
    for point in range(ASSIGNED):
        if unicodedata.category(chr(point))[0] == "P":
            table[point] = _PUNCTUATION
    table[0x0800:0x9FA6] |= _RANGE
    table[0xAC00:0xD800] |= _RANGE
    return table


@njit(cache=True, nogil=True, forceinline=True)
def deepseek_end(data, at, n, table):  # pyright: ignore
    """As pretoken_end, of ranges()."""
    value, width = class_at(data, at, n, table)
    kind = value & _KIND
    end = at + width
    if kind == UNKNOWN:
        return -1
    if kind in (NUMBER, _LINE):
        return end
    if kind == SPACE and end < n:
        following, more = class_at(data, end, n, table)
        kind = following & _KIND
        if kind == UNKNOWN:
            return -1
        if kind in (LETTER, _PUNCTUATION):
            if (following ^ value) & _RANGE:
                return end
            value, end = following, end + more
        else:
            kind = SPACE
    if value == LETTER:
        return letters_end(data, end, n, table)
    if kind in (LETTER, _PUNCTUATION):
        return _run_end(data, end, n, table, value)
    return _rest_end(data, at, end, n, table, value)


@njit(cache=True, nogil=True, forceinline=True)
def _run_end(data, end, n, table, value):  # pyright: ignore
    """Of characters of one class."""
    while end < n:
        following, more = class_at(data, end, n, table)
        if following != value:
            return -1 if following & _KIND == UNKNOWN else end
        end += more
    return end


@njit(cache=True, nogil=True, forceinline=True)
def _rest_end(data, at, end, n, table, value):  # pyright: ignore
    """Of neither letters nor punctuation, the first of which is data[at:end]; a white space before such is theirs."""
    last = at if value & _KIND == SPACE else -1
    if data[at] == BLANK:
        run = 8
        while run == 8:
            run = blanks(load8(data, end))
            end += run
        last = end - 1
    while end < n:
        following, more = class_at(data, end, n, table)
        kind = following & _KIND
        if kind == UNKNOWN:
            return -1
        if kind in (LETTER, _PUNCTUATION):
            return last if last >= 0 else end
        if kind in (NUMBER, _LINE) or (following ^ value) & _RANGE:
            return end
        last = end if kind == SPACE else -1
        end += more
    return end
