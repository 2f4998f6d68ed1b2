"""The rate: as many are tried for the control as for the stream, on the first part of the stream."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from common.freshness.plan import Plan, of_control, of_stream
from common.freshness.replay import Examiner, prequential
from common.freshness.sizes import Sizes
from common.freshness.world import World, tokens


@dataclass(frozen=True)
class Tuned:
    """The rates, and what was seen of each that was tried."""

    stream: float
    control: float
    tried: dict[str, dict[str, float]]
    """By `stream` and `control`, by rate: nats of the part that it was tuned on."""


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
