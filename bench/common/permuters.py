"""How other trainers choose and render their cuts, as functions of our own after what is known of them.

`stateful`: one random state for as long as the dataset lives, cuts at characters of what is between two ends of text in
a row, the row truncated after its parts were permuted (Megatron-LM's FIM dataset). `reseeded`: cuts at tokens, the
random state made anew with the same seed for every buffer, documents permuted before they are concatenated and chunked
(santacoder-finetuning). Both permute as [PRE] P [SUF] S [MID] M and [PRE] [SUF] S [MID] P M.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

Ids = NDArray[np.int32]
BUFFER_TEXTS = 140
"""2,048 tokens, 3.6 characters each, 64 sequences, in files of some 3,300 characters."""


@dataclass(frozen=True)
class Choice:
    """psm or spm, and where the middle is; `order` is "" for what stays as it is."""

    order: str = ""
    start: int = 0
    end: int = 0


Chooser = Callable[[Sequence[int], float, float, int], Iterator[Choice]]
"""(lengths, FIM rate, SPM share, seed) to a choice for each."""


def stateful(lengths: Sequence[int], rate: float, spm: float, seed: int) -> Iterator[Choice]:
    random = RandomState(seed)
    for length in lengths:
        yield _drawn(random, length, rate, spm)


def reseeded(lengths: Sequence[int], rate: float, spm: float, seed: int) -> Iterator[Choice]:
    for at in range(0, len(lengths), BUFFER_TEXTS):
        random = RandomState(seed)
        for length in lengths[at : at + BUFFER_TEXTS]:
            yield _drawn(random, length, rate, spm)


def _drawn(random: RandomState, length: int, rate: float, spm: float) -> Choice:
    if not random.binomial(1, rate):
        return Choice()
    start, end = sorted(random.randint(0, length + 1, size=2))
    return Choice("spm" if random.binomial(1, spm) else "psm", int(start), int(end))


def by_workers(
    chooser: Chooser, lengths: Sequence[int], rate: float, spm: float, seed: int, workers: int
) -> list[Choice]:
    """The choice of each text where so many workers take them in turn, each with the dataset's own seed."""
    choices: list[Choice] = [Choice()] * len(lengths)
    for worker in range(workers):
        choices[worker::workers] = chooser(lengths[worker::workers], rate, spm, seed)
    return choices


def sequence(prefix: Ids, middle: Ids, suffix: Ids, order: str, marks: tuple[int, int, int]) -> Ids:
    """`marks`: the ids of [PRE], [SUF] and [MID]."""
    pre, suf, mid = ([mark] for mark in marks)
    if order == "psm":
        return np.concatenate([pre, prefix, suf, suffix, mid, middle])
    return np.concatenate([pre, suf, suffix, mid, prefix, middle])


def truncated_rows(
    texts: Sequence[list[int]], row: int, end: int, permute: Callable[[list[int], Choice], Ids],
    decode: Callable[[list[int]], str], rate: float, spm: float,
) -> tuple[int, int]:  # fmt: skip
    """Permuted parts of rows, and those from which truncation took the middle's end or the end of text.

    Texts with an end behind each, cut every `row` tokens; what lies between two ends in a row is permuted for itself.
    """
    stream = [i for text in texts for i in (*text, end)]
    random = RandomState(0)
    permuted = lost = 0
    for at in range(0, len(stream) - row + 1, row):
        used = 0
        for part, ended in _parts(stream[at : at + row], end):
            choice = _drawn(random, len(decode(part)), rate, spm)
            used += len(permute(part, choice) if choice.order else part) + ended
            permuted += bool(choice.order)
            lost += bool(choice.order) and used > row
    return permuted, lost


def _parts(row: list[int], end: int) -> Iterator[tuple[list[int], bool]]:
    """What lies between two ends of text, and whether an end follows it."""
    at = 0
    while at < len(row):
        stop = row.index(end, at) if end in row[at:] else len(row)
        if stop > at:
            yield row[at:stop], stop < len(row)
        at = stop + 1


def chunked(lengths: Sequence[int], choices: Sequence[Choice], row: int) -> tuple[int, int]:
    """Permuted documents (three sentinels, an end), and those that the chunks' borders cut apart."""
    at = permuted = lost = 0
    for length, choice in zip(lengths, choices, strict=True):
        size = length + 1 + 3 * bool(choice.order)
        permuted += bool(choice.order)
        lost += bool(choice.order) and at // row != (at + size - 1) // row
        at += size
    return permuted, lost
