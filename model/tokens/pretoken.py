"""Where a pre-token ends: GPT-2's pattern over UTF-8 bytes, with or without digits split off one by one.

The pattern is `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+` (openai/gpt-2,
encoder.py). StarCoder's family cuts at every digit first, and matches in each piece by itself.
"""

# pyright: reportCallIssue=false
# numba itself passes an intrinsic its first argument.

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

LETTER, NUMBER, SPACE, OTHER, UNKNOWN = 0, 1, 2, 3, 4
ASSIGNED = 0x32400
"""Code points from here on are UNKNOWN: nearly all are unassigned."""
WHITE_SPACE = (*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
"""The property White_Space of Unicode, which is what the pattern's `\\s` means."""

_EACH = 0x0101010101010101
_HIGH = np.uint64(0x80 * _EACH)
_LOWER = np.uint64(0x20 * _EACH)
"""The bit that makes ASCII letters small; alone, a blank in each byte."""
_FROM_A = np.uint64((0x80 - ord("a")) * _EACH)
_PAST_Z = np.uint64((0x7F - ord("z")) * _EACH)
_QUOTE = 0x27
_BLANK = 0x20


@cache
def classes() -> NDArray[np.uint8]:
    """The class of each code point, (0x110000,).

    Python's table may be older than that of the `tokenizers` library: what it has not assigned is UNKNOWN, and never
    guessed. A category that has been given does not move between letters, numbers and the rest.
    """
    table = np.full(0x110000, UNKNOWN, np.uint8)
    kinds = {"L": LETTER, "N": NUMBER, "Cn": UNKNOWN, "Cs": UNKNOWN}
    for point in range(ASSIGNED):
        category = unicodedata.category(chr(point))
        table[point] = kinds.get(category, kinds.get(category[0], OTHER))
    table[list(WHITE_SPACE)] = SPACE
    return table


@intrinsic
def load8(typing, data, at):  # pyright: ignore
    """The eight bytes from `data[at]` on, little endian; the array must be at least so long."""
    signature = types.uint64(types.Array(types.uint8, 1, "C", readonly=not data.mutable), types.int64)

    def generate(context, builder, sig, args):  # pyright: ignore
        array = context.make_array(sig.args[0])(context, builder, args[0])
        pointer = builder.bitcast(builder.gep(array.data, [args[1]]), ir.IntType(64).as_pointer())
        return builder.load(pointer, align=1)

    return signature, generate


@intrinsic
def _trailing_zeros(typing, word):  # pyright: ignore
    """Of a uint64 that is not 0."""

    def generate(context, builder, sig, args):  # pyright: ignore
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@njit(cache=True, nogil=True, forceinline=True)
def _letters(word):  # pyright: ignore
    """How many of the eight bytes, from the first on, are ASCII letters; each byte's sums stay in it."""
    seven = (word | _LOWER) & ~_HIGH
    letters = (seven + _FROM_A) & ~(seven + _PAST_Z) & ~word & _HIGH
    return 8 if letters == _HIGH else _trailing_zeros(letters ^ _HIGH) >> 3


@njit(cache=True, nogil=True, forceinline=True)
def _blanks(word):  # pyright: ignore
    """How many of the eight bytes, from the first on, are blanks."""
    return 8 if word == _LOWER else _trailing_zeros(word ^ _LOWER) >> 3


@njit(cache=True, nogil=True, forceinline=True)
def _class_at(data, at, n, table):  # pyright: ignore
    """(class, bytes) of the character at `at`; data is valid UTF-8."""
    b = np.int64(data[at])
    if b < 0x80:
        return table[b], 1
    if b < 0xE0:
        return table[(b & 0x1F) << 6 | (data[at + 1] & 0x3F)], 2
    if b < 0xF0:
        return table[(b & 0x0F) << 12 | np.int64(data[at + 1] & 0x3F) << 6 | (data[at + 2] & 0x3F)], 3
    high = (b & 0x07) << 18 | np.int64(data[at + 1] & 0x3F) << 12
    return table[high | np.int64(data[at + 2] & 0x3F) << 6 | (data[at + 3] & 0x3F)], 4


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
def pretoken_end(data, at, n, table, split_digits):  # pyright: ignore
    """The end of the pre-token that begins at `at` < n, or -1: a character of UNKNOWN class has a say in it.

    `at` must be where a match begins; `data` is valid UTF-8, eight bytes longer than n.
    """
    kind, width = _class_at(data, at, n, table)
    if data[at] == _QUOTE:
        short = _contraction(data, at, n)
        if short:
            return at + short
    end = at + width
    if data[at] == _BLANK and end < n:
        following, more = _class_at(data, end, n, table)
        if following != SPACE and not (split_digits and following == NUMBER):
            kind, end = following, end + more
    if kind == UNKNOWN:
        return -1
    if kind == NUMBER and split_digits:
        return end
    if kind == SPACE:
        return _space_end(data, at, n, table, split_digits)
    if kind == LETTER:
        run = 8
        while run == 8:
            run = _letters(load8(data, end))
            end += run
        if data[end] < 0x80:
            return end
    while end < n:
        following, more = _class_at(data, end, n, table)
        if following != kind:
            return -1 if following == UNKNOWN else end
        end += more
    return end


@njit(cache=True, nogil=True, forceinline=True)
def _space_end(data, at, n, table, split_digits):  # pyright: ignore
    """All of the white space at a piece's end; before anything else, all but its last character, unless it is alone."""
    run, end = 8, at
    while run == 8:
        run = _blanks(load8(data, end))
        end += run
    last = max(at, end - 1)
    while end < n:
        following, more = _class_at(data, end, n, table)
        if following == UNKNOWN:
            return -1
        if following != SPACE:
            return end if last == at or (split_digits and following == NUMBER) else last
        last = end
        end += more
    return end


@njit(cache=True, nogil=True)
def span_end(data, at, n):  # pyright: ignore
    """The first place from `at` on where a pre-token ends whatever class the characters before it have.

    An ASCII character that is no white space, then ASCII white space: nothing in the pattern matches across the two.
    """
    inside = False
    for i in range(at, n):
        b = data[i]
        white = b == _BLANK or 9 <= b <= 13
        if inside and white:
            return i
        inside = b < 0x80 and not white
    return n
