"""One pass over a stream: each commit is asked about when it arrives, and at each lag, before it is trained on."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from common.freshness.completing import Completer
from common.freshness.plan import Plan
from common.freshness.questions import KINDS, Asked
from common.freshness.scoring import score
from common.freshness.sizes import AVERAGE_EVERY, LAGS, Sizes, Ways
from common.freshness.training import train
from common.freshness.world import World
from model.decoder.decoder import Decoder
from model.families import build
from model.manifest import read_manifest
from streams.draw import drawn

DAY = 86_400
"""Seconds after a commit that changed a signature when it is asked for."""


@dataclass
class Answers:
    """Of one model, at one lag."""

    nats_CK: NDArray[np.float64]
    """By commit of the stream and KINDS; not a number for a commit that is not among the sample of this lag."""
    exact: dict[tuple[int, int], bool] = field(default_factory=dict)
    """By commit and number of the rest: it was completed exactly."""
    said: dict[tuple[int, int], str] = field(default_factory=dict)
    """By commit and number of the signature: old, new, or neither of them."""


@dataclass(frozen=True)
class Examiner:
    """Asks a model about commits."""

    world: World
    asked: Sequence[Asked]
    completer: Completer

    def nats(self, model: Decoder, place: int) -> NDArray[np.float64]:
        """By KINDS."""
        asked = self.asked[place]
        whole = score(model, asked.whole) if asked.whole else np.zeros(2)
        return np.concatenate([whole, score(model, asked.hunks) if asked.hunks else np.zeros(2)])

    def exact(self, model: Decoder, place: int) -> list[bool]:
        rests = self.asked[place].rests
        if not rests:
            return []
        served = self.completer.served(model)
        return [self.completer.line(served, r.path, r.prefix, r.suffix).rstrip() == r.rest for r in rests]

    def said(self, model: Decoder, place: int) -> list[str]:
        found = self.asked[place].signatures
        if not found:
            return []
        served = self.completer.served(model)
        return [s.says(self.completer.line(served, s.path, s.prefix, s.suffix)) for s in found]

    def answers(self, model: Decoder) -> Answers:
        """Of a model that does not change."""
        places = range(len(self.asked))
        result = Answers(np.stack([self.nats(model, place) for place in places]))
        for place in places:
            result.exact |= {(place, n): e for n, e in enumerate(self.exact(model, place))}
            result.said |= {(place, n): s for n, s in enumerate(self.said(model, place))}
        return result


@dataclass(frozen=True)
class States:
    """After how many Batches the model stood that is asked, by lag and commit."""

    arrival: dict[str, dict[int, int]]
    day_after: dict[str, dict[int, int]]


def states(world: World, plan: Plan, lags: Sequence[str], lagged: float = 1.0) -> States:
    """`lagged`: share of the commits that are asked about at other lags than 0, by a keyed choice."""
    times = [arrival.time for arrival in world.stream]
    sample = {n for n, arrival in enumerate(world.stream) if drawn(arrival.key, "lagged", lagged, 0)}
    arrival: dict[str, dict[int, int]] = {}
    day_after: dict[str, dict[int, int]] = {}
    for lag in lags:
        unseen, places = LAGS[lag], range(len(times)) if not LAGS[lag] else sorted(sample)
        arrival[lag] = {n: plan.state(min(n - 1, _seen(times, times[n] - unseen))) for n in places}
        day_after[lag] = {n: plan.state(_seen(times, times[n] + DAY - unseen)) for n in range(len(times))}
    return States(arrival, day_after)


def _seen(times: Sequence[int], upto: int) -> int:
    """The last commit at or before this time; -1: none."""
    return bisect_right(times, upto) - 1


class Pass:
    """What is asked at each state of one model, and the answers."""

    def __init__(self, examiner: Examiner, at: States, ways: Ways, completions: bool = True) -> None:
        self._examiner, self._at, self._ways, self._completions = examiner, at, ways, completions
        self._nats: dict[tuple[int, int], NDArray[np.float64]] = {}
        self._exact: dict[tuple[int, int], list[bool]] = {}
        self._said: dict[tuple[int, int], list[str]] = {}
        self._due: dict[int, set[int]] = defaultdict(set)
        self._due_after: dict[int, set[int]] = defaultdict(set)
        for by_place in at.arrival.values():
            for place, state in by_place.items():
                self._due[state].add(place)
        for by_place in at.day_after.values():
            for place, state in by_place.items():
                self._due_after[state].add(place)
        self._last: deque[dict[str, torch.Tensor]] = deque(maxlen=max(1, ways.average))
        self._mean: Decoder | None = None

    def visit(self, state: int, model: Decoder) -> None:
        model = self._averaged(state, model)
        for place in sorted(self._due.get(state, ())):
            self._nats[place, state] = self._examiner.nats(model, place)
            if self._completions:
                self._exact[place, state] = self._examiner.exact(model, place)
        if self._completions:
            for place in sorted(self._due_after.get(state, ())):
                self._said[place, state] = self._examiner.said(model, place)

    def answers(self) -> dict[str, Answers]:
        """By lag."""
        found: dict[str, Answers] = {}
        for lag, by_place in self._at.arrival.items():
            found[lag] = Answers(np.full((len(self._examiner.asked), len(KINDS)), np.nan))
            for place, state in by_place.items():
                found[lag].nats_CK[place] = self._nats[place, state]
                exact = self._exact.get((place, state), [])
                found[lag].exact |= {(place, n): e for n, e in enumerate(exact)}
            for place, state in self._at.day_after[lag].items():
                found[lag].said |= {(place, n): s for n, s in enumerate(self._said.get((place, state), []))}
        return found

    def _averaged(self, state: int, model: Decoder) -> Decoder:
        if self._ways.average < 2:
            return model
        if state % AVERAGE_EVERY == 0:
            self._last.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        if self._mean is None:
            self._mean = build.decoder(model.spec)
        several = [*self._last]
        self._mean.load_state_dict({key: torch.stack([one[key] for one in several]).mean(0) for key in several[0]})
        return self._mean


def follow(
    examiner: Examiner, plan: Plan, ways: Ways, sizes: Sizes, start: Path, lags: Sequence[str], completions: bool = True
) -> tuple[dict[str, Answers], Decoder]:
    """The answers by lag of a model that is trained by the plan, and the model in the end."""
    world = examiner.world
    one = Pass(examiner, states(world, plan, lags, sizes.lagged), ways, completions)
    shape = read_manifest(start).model
    model = train(plan.batches, world.tokenizer, shape, ways, sizes, start=start, visit=one.visit)
    return one.answers(), model


def prequential(examiner: Examiner, plan: Plan, ways: Ways, sizes: Sizes, start: Path) -> NDArray[np.float64]:
    """nats_CK at lag 0 alone."""
    return follow(examiner, plan, ways, sizes, start, ("0",), completions=False)[0]["0"].nats_CK
