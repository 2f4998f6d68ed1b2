"""One seed: the frozen model, the stream and the control from it, and what is left of the past.

As many rates are tried for the control as for the stream, on the first part of the stream.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from common.freshness.completing import Completer
from common.freshness.frozen import Frozen, freeze, of_all, sample
from common.freshness.plan import Plan, of_control, of_stream
from common.freshness.questions import Asked, of_arrivals
from common.freshness.replay import Answers, Examiner, follow, prequential
from common.freshness.sizes import LAGS, Sizes
from common.freshness.world import World, tokens
from model.decoder.decoder import Decoder

PAST_TOKENS = 30_000
"""Of what was trained on before the middle, to see what is forgotten of it."""


@dataclass(frozen=True)
class Tuned:
    """The rates, and what was seen of each that was tried."""

    stream: float
    control: float
    tried: dict[str, dict[str, float]]
    """By `stream` and `control`, by rate: nats of the part that it was tuned on."""


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


def tune(examiner: Examiner, sizes: Sizes, seed: int, start: Path, say: Callable[[str], None]) -> Tuned:
    places = tuned_places(examiner.world, sizes)
    world = replace(examiner.world, stream=examiner.world.stream[:places])
    part = Examiner(world, examiner.asked[:places], examiner.completer)
    tried: dict[str, dict[str, float]] = {"stream": {}, "control": {}}
    plans = plans_of(world, sizes, seed)
    for rate in sizes.grid:
        for what, plan in plans.items():
            ways = replace(sizes.ways, rate=rate)
            nats = prequential(part, plan, ways, sizes, start)[:, 0].sum()
            tried[what][f"{rate:g}"] = round(float(nats), 1)
            say(f"seed {seed}: rate {rate:g} for the {what}: {nats:.0f} nats of the part that rates are tuned on")
    best = {what: float(min(by_rate, key=by_rate.__getitem__)) for what, by_rate in tried.items()}
    return Tuned(best["stream"], best["control"], tried)


def plans_of(world: World, sizes: Sizes, seed: int) -> dict[str, Plan]:
    """Of the stream, and of the control of equal steps."""
    past = [e for a in world.past for e in a.examples]
    stream = of_stream(world.stream, past, world.packer, sizes.ways, sizes.commit_tokens, seed)
    return {"stream": stream, "control": of_control(stream, past, sizes.ways, seed)}


def tuned_places(world: World, sizes: Sizes) -> int:
    """Commits of the stream that hold the share `tuning` of its tokens."""
    wanted, so_far = sizes.tuning * tokens(world.stream), 0
    for place, arrival in enumerate(world.stream):
        so_far += tokens([arrival])
        if so_far >= wanted:
            return place + 1
    return len(world.stream)
