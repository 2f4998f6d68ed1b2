"""The frozen model: trained on the past until another pass over it gains nothing worth speaking of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from common.freshness.plan import batches, shuffled_rows
from common.freshness.questions import of_arrivals
from common.freshness.scoring import Scored, bits, score, sized
from common.freshness.sizes import Sizes
from common.freshness.training import newest, spec, train
from common.freshness.world import Arrival, World
from model import loading
from model.decoder.decoder import Decoder
from model.manifest import folders, read_manifest


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
    """Passes over the past, each in another keyed order. `folder`: of the checkpoints of all seeds; a pass that has one
    there is not made again."""
    if seed and sizes.own_passes:
        return _branched(world, sizes, seed, folder, say)
    return _passes(_Passes(world, sizes, seed, folder, say), None, [])


def _branched(world: World, sizes: Sizes, seed: int, folder: Path, say: Callable[[str], None]) -> Frozen:
    """From a checkpoint of the first seed, so many passes before its last."""
    first = freeze(world, sizes, 0, folder, lambda _: None)
    shared = max(1, len(first.held_out) - sizes.own_passes)
    one = _Passes(world, sizes, seed, folder, say)
    start, found, model = newest(folder / f"seed-0-pass-{shared - 1}"), first.held_out[:shared], first.model
    while len(found) < len(first.held_out):
        start, model, bits_a_byte = one.make(found, start)
        found.append(bits_a_byte)
    return Frozen(start, model, found, first.converged)


def _passes(one: _Passes, start: Path | None, found: list[float]) -> Frozen:
    while True:
        start, model, bits_a_byte = one.make(found, start)
        found.append(bits_a_byte)
        converged = one.halved(found) > one.sizes.halvings
        if converged or len(found) == one.sizes.passes:
            return Frozen(start, model, found, converged)


class _Passes:
    """Makes one pass after the other."""

    def __init__(self, world: World, sizes: Sizes, seed: int, folder: Path, say: Callable[[str], None]) -> None:
        self.sizes = sizes
        self._world, self._seed, self._folder, self._say = world, seed, folder, say
        self._ways = replace(sizes.ways, rate=sizes.base_rate, weight_decay=0.1, kept=True, rows=1, row_tokens=1024)
        self._examples = [e for a in world.past for e in a.examples]
        self._held_out = of_arrivals(world.held_out, world)

    def halved(self, found: Sequence[float]) -> int:
        """How often the rate was halved by these passes; once more than may be: the last gained less than enough."""
        count = 0
        for before, after in pairwise(found):
            least = self.sizes.halving if count < self.sizes.halvings else self.sizes.enough
            count += after > before * (1 - least)
        return count

    def make(self, found: Sequence[float], start: Path | None) -> tuple[Path, Decoder, float]:
        """The next pass: its checkpoint, the model, and its bits a byte of held-out past."""
        number = len(found)
        ways = replace(self._ways, rate=self._ways.rate / 2 ** self.halved(found))
        into = self._folder / f"seed-{self._seed}-pass-{number}"
        if folders(into):
            model = loading.load_model(newest(into))[0]
        else:
            rows = shuffled_rows(self._examples, self._ways.row_tokens, 100 * self._seed + number)
            shape = read_manifest(start).model if start else spec(self._world.tokenizer, self.sizes, self._seed)
            planned = list(batches(rows, ways))
            model = train(planned, self._world.tokenizer, shape, ways, self.sizes, start, into)
        bits_a_byte = of_all(model, self._held_out)
        self._say(
            f"seed {self._seed}: pass {number + 1} at {ways.rate:g}, {bits_a_byte:.4f} bits a byte of held-out past"
        )
        return newest(into), model, bits_a_byte


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
