"""Characters of UTF-8 text: their classes, and runs of the commonest of them, eight bytes at a time."""

# pyright: reportCallIssue=false
# numba itself passes an intrinsic its first argument.

from __future__ import annotations

import unicodedata
from functools import cache

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from model.compiling import njit

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
QUOTE, BLANK, LF, CR = 0x27, 0x20, 0x0A, 0x0D


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
def letters(word):  # pyright: ignore
    """How many of the eight bytes, from the first on, are ASCII letters; each byte's sums stay in it."""
    seven = (word | _LOWER) & ~_HIGH
    marks = (seven + _FROM_A) & ~(seven + _PAST_Z) & ~word & _HIGH
    return 8 if marks == _HIGH else _trailing_zeros(marks ^ _HIGH) >> 3


@njit(cache=True, nogil=True, forceinline=True)
def blanks(word):  # pyright: ignore
    """How many of the eight bytes, from the first on, are blanks."""
    return 8 if word == _LOWER else _trailing_zeros(word ^ _LOWER) >> 3


@njit(cache=True, nogil=True, forceinline=True)
def class_at(data, at, n, table):  # pyright: ignore
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
def letters_end(data, end, n, table):  # pyright: ignore
    """The end of the letters from `end` on, or -1: a character of UNKNOWN class follows."""
    run = 8
    while run == 8:
        run = letters(load8(data, end))
        end += run
    if data[end] < 0x80:
        return end
    while end < n:
        following, more = class_at(data, end, n, table)
        if following != LETTER:
            return -1 if following == UNKNOWN else end
        end += more
    return end
