"""Which of a text's tokens are new beside another version of it: those of lines that this did not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from model.memory.part import LONGEST
from model.memory.suffixes import Ids

Flags = NDArray[np.bool_]


def line_ends(bytes_of: Sequence[bytes]) -> Flags:
    """Which tokens end a line, ends_V."""
    return np.array([b"\n" in data for data in bytes_of], np.bool_)


def added(old: Ids, new: Ids, ends_V: Flags) -> list[Ids]:
    """Runs of new lines in their order, each with the LONGEST tokens at most that stand before it. A line that the old
    version had elsewhere is not new; one that it had fewer times is not either."""
    known = {line.tobytes() for line in _lines(old, ends_V)}
    runs: list[tuple[int, int]] = []
    at = 0
    for line in _lines(new, ends_V):
        end = at + len(line)
        if line.tobytes() not in known:
            if runs and runs[-1][1] == at:
                runs[-1] = runs[-1][0], end
            else:
                runs.append((at, end))
        at = end
    return [new[max(0, begin - LONGEST) : end] for begin, end in runs]


def _lines(ids: Ids, ends_V: Flags) -> Iterator[Ids]:
    edges = np.flatnonzero(ends_V[ids]) + 1
    begin = 0
    for end in edges.tolist():
        yield ids[begin:end]
        begin = end
    if begin < len(ids):
        yield ids[begin:]
