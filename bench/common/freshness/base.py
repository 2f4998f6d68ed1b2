"""The frozen model: trained on the past until another pass over it gains nothing worth speaking of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from common.freshness.plan import batches, shuffled_rows
from common.freshness.questions import of_arrivals
from common.freshness.scoring import Scored, bits, score, sized
from common.freshness.sizes import Sizes
from common.freshness.training import newest, spec, train
from common.freshness.world import Arrival, World
from model.decoder.decoder import Decoder


@dataclass(frozen=True)
class Frozen:
    """The model at the middle."""

    checkpoint: Path
    model: Decoder
    held_out: list[float]
    """Bits a byte of the past that nothing is trained on, after each pass."""
    converged: bool
    """The last pass gained less than was asked for; else the passes were at an end."""


def freeze(world: World, sizes: Sizes, seed: int, folder: Path, say: Callable[[str], None]) -> Frozen:
    """Passes over the past, each in another keyed order."""
    ways = replace(sizes.ways, rate=sizes.base_rate, weight_decay=0.1, kept=True)
    shape, examples = spec(world.tokenizer, sizes, seed), [e for a in world.past for e in a.examples]
    held_out = of_arrivals(world.held_out, world)
    found: list[float] = []
    start: Path | None = None
    while True:
        number = len(found)
        rows = shuffled_rows(examples, ways.row_tokens, 100 * seed + number)
        into = folder / f"pass-{number}"
        model = train(list(batches(rows, ways)), world.tokenizer, shape, ways, sizes, start, into)
        start = newest(into)
        found.append(of_all(model, held_out))
        say(f"seed {seed}: pass {number + 1} over the past, {found[-1]:.4f} bits a byte of held-out past")
        converged = number > 0 and found[-1] > found[-2] * (1 - sizes.enough)
        if converged or len(found) == sizes.passes:
            return Frozen(start, model, found, converged)


def of_all(model: Decoder, scored: Sequence[Scored]) -> float:
    """Bits a byte of whole examples."""
    return bits(score(model, scored)[0], sized(scored)[0])


def sample(past: Sequence[Arrival], world: World, tokens: int) -> list[Scored]:
    """The last of the past that was trained on, about so many tokens of it."""
    scored: list[Scored] = []
    for arrival in reversed(past):
        scored += of_arrivals([arrival], world)
        if sum(s.example.tokens for s in scored) >= tokens:
            break
    return scored
