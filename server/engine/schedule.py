"""How many rows each sequence gets in a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEAST_CHUNK = 16
"""A chunk that is not a prompt's end has at least so many rows, where the step has them: a smaller one costs its
operators and little else."""


@dataclass(frozen=True)
class Need:
    """Of a sequence."""

    rows: int
    """Tokens that are there and not computed."""
    waited_for: bool = True
    """Somebody still waits for its answer."""


def schedule(needs: Sequence[Need], rows: int) -> list[int]:
    """Rows for each of the sequences, which stand in the order in which they came.

    A sequence that needs one row gets it: all that generate advance in every step. What is left of the budget, and at
    least a quarter of it, goes to prompts. Half of that is the oldest prompt's, so that none waits for ever; the rest
    goes to those that need least, which makes the first token of a few typed characters come before a whole file's.
    Prompts that nobody waits for any more get what the others leave. (A key in a warm session beside 16 prompts of 500
    tokens that came before it, 256 rows a step: its first text after 5 steps, 34 in the order of arrival; the median of
    the others is 18 either way.)
    """
    given = [1 if need.rows == 1 else 0 for need in needs]
    left = max(rows - sum(given), rows // 4, 1)
    least = min(LEAST_CHUNK, left)
    prompts = [n for n, need in enumerate(needs) if need.rows > 1 and need.waited_for]
    if prompts:
        left -= _give(given, needs, prompts[0], max(-(-left // 2), least), least)
    ordered = sorted(prompts, key=lambda n: (needs[n].rows - given[n], n))
    ordered += [n for n, need in enumerate(needs) if need.rows > 1 and not need.waited_for]
    for n in ordered:
        left -= _give(given, needs, n, left, least)
    return given


def _give(given: list[int], needs: Sequence[Need], n: int, most: int, least: int) -> int:
    """Adds at most so many rows to the sequence's, unless they are fewer than `least`; returns how many."""
    wanted = needs[n].rows - given[n]
    count = min(wanted, most)
    if count <= 0 or (count < wanted and given[n] + count < least):
        return 0
    given[n] += count
    return count
