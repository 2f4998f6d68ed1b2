"""Where a pre-token ends, in the patterns that are known; the GPT-2 one is here, the others have modules of their own.

GPT-2's is `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+` (openai/gpt-2,
encoder.py). StarCoder's family cuts at every digit first, and matches in each piece by itself.
"""

# pyright: reportCallIssue=false
# numba itself passes an intrinsic its first argument.

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.compiling import njit
from model.tokens.characters import (
    BLANK,
    LETTER,
    NUMBER,
    QUOTE,
    SPACE,
    UNKNOWN,
    blanks,
    class_at,
    classes,
    letters_end,
    load8,
)
from model.tokens.pretoken_deepseek import deepseek_end, ranges
from model.tokens.pretoken_qwen import qwen_end

GPT2, DIGITS, QWEN, LLAMA3, DEEPSEEK = 0, 1, 2, 3, 4
"""The patterns: GPT-2's, the same behind a split of single digits, Qwen2's, Llama 3's, DeepSeek-Coder's."""


def points(pattern: int) -> NDArray[np.uint8]:
    """The class of each code point, (0x110000,), as the pattern's own function wants it."""
    return ranges() if pattern == DEEPSEEK else classes()


@njit(cache=True, nogil=True)
def pretoken_end(data, at, n, table, pattern):  # pyright: ignore
    """The end of the pre-token that begins at `at` < n, or -1: a character of UNKNOWN class has a say in it.

    `at` must be where a match begins; `data` is valid UTF-8, PAD behind n; `table` is the pattern's points.
    """
    if pattern <= DIGITS:
        return gpt2_end(data, at, n, table, pattern == DIGITS)
    if pattern <= LLAMA3:
        return qwen_end(data, at, n, table, 1 if pattern == QWEN else 3)
    return deepseek_end(data, at, n, table)


@njit(cache=True, nogil=True)
def span_end(data, at, n):  # pyright: ignore
    """The first place from `at` on where a pre-token ends whatever class the characters before it have.

    An ASCII letter or digit, then ASCII white space: nothing in any of the patterns matches across the two, and none
    looks behind.
    """
    inside = False
    for i in range(at, n):
        b = data[i]
        if inside and (b == BLANK or 9 <= b <= 13):
            return i
        inside = 0x30 <= b <= 0x39 or 0x41 <= b <= 0x5A or 0x61 <= b <= 0x7A
    return n


@njit(cache=True, nogil=True, forceinline=True)
def _contraction(data, at, n):  # pyright: ignore
    """Bytes of the contraction that begins with the apostrophe at `at`, 0: none."""
    if at + 1 >= n:
        return 0
    one = data[at + 1]
    if one == 0x73 or one == 0x74 or one == 0x6D or one == 0x64:  # s t m d
        return 2
    if at + 2 >= n:
        return 0
    two = data[at + 2]
    if (one == 0x72 or one == 0x76) and two == 0x65:  # re ve
        return 3
    return 3 if one == 0x6C and two == 0x6C else 0  # ll


@njit(cache=True, nogil=True, forceinline=True)
def gpt2_end(data, at, n, table, split_digits):  # pyright: ignore
    """As pretoken_end; `split_digits`: every digit is a pre-token."""
    kind, width = class_at(data, at, n, table)
    if data[at] == QUOTE:
        short = _contraction(data, at, n)
        if short:
            return at + short
    end = at + width
    if data[at] == BLANK and end < n:
        following, more = class_at(data, end, n, table)
        if following != SPACE and not (split_digits and following == NUMBER):
            kind, end = following, end + more
    if kind == UNKNOWN:
        return -1
    if kind == NUMBER and split_digits:
        return end
    if kind == SPACE:
        return _space_end(data, at, n, table, split_digits)
    if kind == LETTER:
        return letters_end(data, end, n, table)
    while end < n:
        following, more = class_at(data, end, n, table)
        if following != kind:
            return -1 if following == UNKNOWN else end
        end += more
    return end


@njit(cache=True, nogil=True, forceinline=True)
def _space_end(data, at, n, table, split_digits):  # pyright: ignore
    """All of the white space at a piece's end; before anything else, all but its last character, unless it is alone."""
    run, end = 8, at
    while run == 8:
        run = blanks(load8(data, end))
        end += run
    last = max(at, end - 1)
    while end < n:
        following, more = class_at(data, end, n, table)
        if following == UNKNOWN:
            return -1
        if following != SPACE:
            return end if last == at or (split_digits and following == NUMBER) else last
        last = end
        end += more
    return end
