"""How other trainers pack, as plain functions of our own over token counts: what `packing` is held against.

Each takes the tokens of the documents in their order and a row's length, and says what became of them.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

BATCH = 1000
"""Documents that are looked at together: the mapping batch of `datasets`, nanochat's buffer."""


@dataclass(frozen=True)
class Packed:
    """`used` tokens lie in `rows` rows; `discarded` are trained on by nobody."""

    rows: int
    used: int
    discarded: int
    split: int
    """Documents whose tokens do not lie together in one row."""
    needlessly: int
    """Those of them that are not longer than a row."""


def concatenate(sizes: Sequence[int], row: int) -> Packed:
    """One stream, cut every `row` tokens; the rest of each batch is dropped (transformers, run_clm's group_texts)."""
    rows = discarded = split = needlessly = 0
    for batch in _batches(sizes):
        at = 0
        for size in batch:
            apart = at // row != (at + size - 1) // row
            split += apart
            needlessly += apart and size <= row
            at += size
        rows += at // row
        discarded += at % row
    return Packed(rows, rows * row, discarded, split, needlessly)


def crop(sizes: Sequence[int], row: int) -> Packed:
    """nanochat's BestFit-Crop: of a buffer, the longest document that fits; where none does, the shortest is cropped
    to fill the row, and its rest is lost. The buffer is a sorted list here, which nanochat searches from end to end.

    The last rows, for which the buffer has too little, are not counted.
    """
    source = iter(sizes)
    buffer = sorted(islice(source, BATCH))
    rows = discarded = split = needlessly = 0
    while True:
        free = row
        while free and buffer:
            best = bisect_right(buffer, free) - 1
            size = buffer.pop(max(0, best))
            if best < 0:
                discarded += size - free
                split += 1
                needlessly += size <= row
            free -= min(size, free)
            _refill(buffer, source)
        if free:
            return Packed(rows, rows * row, discarded, split, needlessly)
        rows += 1


def _refill(buffer: list[int], source: Iterator[int]) -> None:
    following = next(source, None)
    if following is not None:
        insort(buffer, following)


def decreasing(sizes: Sequence[int], row: int) -> Packed:
    """Best fit over all, the longest first: what a packer that knows the future could do. None is longer than a row."""
    free: list[int] = []
    rows = 0
    for size in sorted(sizes, reverse=True):
        best = bisect_left(free, size)
        if best < len(free):
            left = free.pop(best) - size
        else:
            rows, left = rows + 1, row - size
        if left:
            insort(free, left)
    return Packed(rows, sum(sizes), 0, 0, 0)


def truncating(sizes: Sequence[int], row: int) -> Packed:
    """trl's `bfd`: a document is cut off at the row's length, and each batch is packed for itself."""
    rows = used = 0
    for batch in _batches(sizes):
        packed = decreasing([min(size, row) for size in batch], row)
        rows, used = rows + packed.rows, used + packed.used
    longer = sum(size > row for size in sizes)
    return Packed(rows, used, sum(sizes) - used, longer, 0)


def _batches(sizes: Sequence[int]) -> Iterator[Sequence[int]]:
    for at in range(0, len(sizes), BATCH):
        yield sizes[at : at + BATCH]
