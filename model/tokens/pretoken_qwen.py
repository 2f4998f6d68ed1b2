"""Where a pre-token ends in Llama 3's pattern (its tokenizer.json), which is cl100k_base's, and in Qwen2's, the same
with single numbers:
`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+`,
then `\\s+(?!\\S)|\\s+` as in GPT-2's.
"""

# pyright: reportCallIssue=false
# numba itself passes an intrinsic its first argument.

from __future__ import annotations

from model.compiling import njit
from model.tokens.characters import (
    BLANK,
    CR,
    LETTER,
    LF,
    NUMBER,
    OTHER,
    QUOTE,
    SPACE,
    UNKNOWN,
    blanks,
    class_at,
    letters_end,
    load8,
)


@njit(cache=True, nogil=True, forceinline=True)
def qwen_end(data, at, n, table, digits):  # pyright: ignore
    """As pretoken_end; `digits`: the most numbers of a pre-token."""
    first = data[at]
    if first == QUOTE:
        short = _contraction(data, at, n)
        if short:
            return at + short
    kind, width = class_at(data, at, n, table)
    end = at + width
    if kind == LETTER:
        return letters_end(data, end, n, table)
    if kind == UNKNOWN:
        return -1
    if kind == NUMBER:
        return _numbers_end(data, end, n, table, digits)
    if end < n and first != LF and first != CR:
        following, more = class_at(data, end, n, table)
        if following == LETTER:
            return letters_end(data, end + more, n, table)
        if following == UNKNOWN:
            return -1
        if first == BLANK and following == OTHER:
            kind, end = following, end + more
    if kind == OTHER:
        return _others_end(data, end, n, table)
    return _space_end(data, at, n, table)


@njit(cache=True, nogil=True, forceinline=True)
def _contraction(data, at, n):  # pyright: ignore
    """Bytes of the contraction in either case that begins with the apostrophe at `at`, 0: none.

    The long s, U+017F, is an s whatever its case.
    """
    if at + 1 >= n:
        return 0
    one = data[at + 1] | 0x20
    if data[at + 1] < 0x80 and (one == 0x73 or one == 0x74 or one == 0x6D or one == 0x64):  # s t m d
        return 2
    if at + 2 >= n:
        return 0
    if data[at + 1] == 0xC5 and data[at + 2] == 0xBF:
        return 3
    two = data[at + 2] | 0x20
    if data[at + 1] >= 0x80 or data[at + 2] >= 0x80:
        return 0
    if (one == 0x72 or one == 0x76) and two == 0x65:  # re ve
        return 3
    return 3 if one == 0x6C and two == 0x6C else 0  # ll


@njit(cache=True, nogil=True, forceinline=True)
def _numbers_end(data, end, n, table, most):  # pyright: ignore
    """Behind the one that ends at `end`."""
    for _ in range(1, most):
        if end >= n:
            break
        following, more = class_at(data, end, n, table)
        if following != NUMBER:
            return -1 if following == UNKNOWN else end
        end += more
    return end


@njit(cache=True, nogil=True, forceinline=True)
def _others_end(data, end, n, table):  # pyright: ignore
    """Characters that are no letter, number or white space, then ends of lines."""
    while end < n:
        following, more = class_at(data, end, n, table)
        if following != OTHER:
            if following == UNKNOWN:
                return -1
            break
        end += more
    while end < n and (data[end] == LF or data[end] == CR):
        end += 1
    return end


@njit(cache=True, nogil=True, forceinline=True)
def _space_end(data, at, n, table):  # pyright: ignore
    """Of white space: behind its last end of line; without one all of it at the text's end, else all but its last
    character, unless it is alone."""
    end, last, line = at, at, at
    while end < n:
        run = blanks(load8(data, end))
        if run:
            end += run
            last = end - 1
            continue
        following, more = class_at(data, end, n, table)
        if following == UNKNOWN:
            return -1
        if following != SPACE:
            break
        last = end
        end += more
        if data[last] == LF or data[last] == CR:
            line = end
    if line > at:
        return line
    return end if end == n or last == at else last
