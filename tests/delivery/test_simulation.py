"""The delivery promise under crashes, operators and power cuts: the real shell over Kafka in memory (architecture §2).

MIDSTREAM_STORIES sets how many stories are told. A story that breaks the promise is printed as short as it can be, and
its seed with it. Every mutant of tests/support/simulation/mutants.py has to be found by some story.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from random import Random

import pytest

from tests.support.simulation.cluster import PARTITIONS
from tests.support.simulation.mutants import MUTANTS
from tests.support.simulation.simulation import Simulation
from tests.support.simulation.stories import (
    Act,
    breaks,
    deleted,
    dire,
    eroded,
    haunted,
    shortest,
    story,
    tell,
    unsettled,
)

STORIES = int(os.environ.get("MIDSTREAM_STORIES", "320"))
CHUNKS = 8
MOST = 1_500
"""Stories that a mutant may live through before it counts as not found."""
FIRST = {"a_passed_frame_moves_the_mark": 60, "refusal_in_place_of_the_end": 115,
         "no_filter_below_the_committed_offset": 195}  # fmt: skip
"""Where the search begins for those that are found late; the others are found from 0 on."""


KINDS = {"a_head_that_is_gone_ends_the_trainer": eroded, "a_misfit_is_refused_for_ever": unsettled,
         "a_misfit_moves_the_mark": unsettled, "a_misfit_leads_on": unsettled}  # fmt: skip
"""Mutants that only stories of a kind can find; the others are found by `story`."""


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_document_is_trained_once_or_rejected_or_dead(chunk: int) -> None:
    for seed in range(chunk, STORIES, CHUNKS):
        acts = story(seed)
        error = breaks(acts, seed)
        if error is not None:
            raise AssertionError(f"seed {seed}: {shortest(acts, seed)}") from error


@pytest.mark.parametrize("kind", [eroded, haunted, dire, unsettled, deleted], ids=lambda kind: kind.__name__)
def test_so_it_is_with_damage_retention_zombies_and_changed_settings(kind: Callable[[int], list[Act]]) -> None:
    """What is lost stands neither in its source nor in `candidates` any more, and is counted as lost."""
    for seed in range(STORIES // 2):
        acts = kind(seed)
        error = breaks(acts, seed)
        if error is not None:
            raise AssertionError(f"seed {seed}: {shortest(acts, seed)}") from error


def grow(sim: Simulation) -> None:
    """A version of one of three threads, older and repeated ones among them."""
    rng = Random(len(sim.produced))
    number, version = rng.randrange(1, 4), rng.randrange(2 + len(sim.produced) // 3)
    said = " ".join(f"said{number}_{i}" for i in range(60))
    sim.produce_thread(number % PARTITIONS, number, f"{said}{' and more' * version}", version)


@pytest.mark.parametrize("chunk", range(4))
def test_so_is_every_version_of_a_thread_that_grows(chunk: int) -> None:
    """What a newer version took the place of in the index was trained on, or is dropped for one that was."""
    for seed in range(chunk, STORIES // 4, 4):
        acts = story(seed)
        try:
            tell(acts, seed, before=grow)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {acts}") from error


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_fault_put_in_on_purpose_is_found(mutant) -> None:
    first, kind = FIRST.get(mutant.__name__, 0), KINDS.get(mutant.__name__, story)
    with mutant():
        assert any(breaks(kind(seed), seed) for seed in range(first, first + MOST))
