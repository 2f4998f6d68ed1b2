"""One seed: the frozen model, the stream and the control from it, and what is left of the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from common.freshness.base import Frozen, freeze, of_all, sample
from common.freshness.completing import Completer
from common.freshness.questions import Asked, of_arrivals
from common.freshness.replay import Answers, Examiner, follow
from common.freshness.sizes import LAGS, Sizes
from common.freshness.tuning import Tuned, plans_of, tune
from common.freshness.world import World
from model.decoder.decoder import Decoder

PAST_TOKENS = 30_000
"""Of what was trained on before the middle, to see what is forgotten of it."""


@dataclass(frozen=True)
class Seed:
    """What one seed came to."""

    frozen: Answers
    lagged: dict[str, Answers]
    """Of the continual model, by lag."""
    control: Answers
    base: list[float]
    """Bits a byte of held-out past after each pass of the frozen model."""
    converged: bool
    forgetting: dict[str, float]
    """Percent more bits a byte in the end, by model and by past."""
    steps: int


def run(
    world: World, asked: Sequence[Asked], sizes: Sizes, seed: int, folder: Path, tuned: Tuned | None,
    say: Callable[[str], None],
) -> tuple[Seed, Tuned]:  # fmt: skip
    """`tuned`: what an earlier seed was tuned to; None: it is done now."""
    frozen = freeze(world, sizes, seed, folder, say)
    examiner = Examiner(world, asked, Completer(world.tokenizer, sizes))
    at_rest = examiner.answers(frozen.model)
    say(f"seed {seed}: the frozen model was asked")
    tuned = tuned or tune(examiner, sizes, seed, frozen.checkpoint, say)
    plans = plans_of(world, sizes, seed)
    ways = replace(sizes.ways, rate=tuned.stream)
    lagged, continual = follow(examiner, plans["stream"], ways, sizes, frozen.checkpoint, tuple(LAGS))
    say(f"seed {seed}: {len(plans['stream'].batches)} steps of the stream")
    ways = replace(sizes.ways, rate=tuned.control)
    control, still = follow(examiner, plans["control"], ways, sizes, frozen.checkpoint, ("0",), False)
    forgotten = {
        **_forgetting("continual", world, frozen, continual), **_forgetting("control", world, frozen, still)
    }  # fmt: skip
    found = Seed(
        at_rest, lagged, control["0"], frozen.held_out, frozen.converged, forgotten, len(plans["stream"].batches)
    )
    return found, tuned


def _forgetting(name: str, world: World, frozen: Frozen, model: Decoder) -> dict[str, float]:
    pasts = {"": of_arrivals(world.held_out, world), "_trained": sample(world.past, world, PAST_TOKENS)}
    return {
        f"{name}{past}": round(100 * (of_all(model, scored) / of_all(frozen.model, scored) - 1), 2)
        for past, scored in pasts.items()
    }
