"""The figures of the bench's line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from common.freshness.figures import (
    bits_by_kind,
    by_lag,
    copied_share,
    exact_share,
    gain_interval,
    mean_gain,
    ratio,
    stale,
    unexplained_interval,
)
from common.freshness.questions import KINDS, Asked
from common.freshness.replay import Answers
from common.freshness.run import Seed
from common.freshness.sizes import Sizes
from common.freshness.tuning import Tuned, tuned_places
from common.freshness.world import World


def figures(seeds: Sequence[Seed], world: World, asked: Sequence[Asked], tuned: Tuned, sizes: Sizes) -> dict[str, Any]:
    """Of the seeds so far."""
    frozen, control = [s.frozen for s in seeds], [s.control for s in seeds]
    continual = [s.lagged["0"] for s in seeds]
    behind = slice(tuned_places(world, sizes), None)
    return {
        **_headline(continual, control, frozen), "gain_behind_tuning": mean_gain(continual, frozen, 0, behind),
        "gain_by_seed": [mean_gain([a], [b], 0) for a, b in zip(continual, frozen, strict=True)],
        "gain_control_by_seed": [mean_gain([a], [b], 0) for a, b in zip(control, frozen, strict=True)],
        **_by_kind(continual, control, frozen, asked),
        "forgetting": _forgetting(seeds), "forgetting_by_seed": [s.forgetting for s in seeds],
        **_completions(continual, frozen, asked), "by_lag": by_lag([s.lagged for s in seeds], frozen, asked),
        "rates": {"frozen": sizes.base_rate, "stream": tuned.stream, "control": tuned.control, "tried": tuned.tried},
        "frozen_passes": [s.base for s in seeds], "frozen_converged": all(s.converged for s in seeds),
        "steps": [s.steps for s in seeds], "seeds": len(seeds),
    }  # fmt: skip


def _headline(continual: list[Answers], control: list[Answers], frozen: list[Answers]) -> dict[str, Any]:
    """Of all that arrives."""
    gain, explained = mean_gain(continual, frozen, 0), mean_gain(control, frozen, 0)
    return {
        "gain": gain, "gain_interval": gain_interval(continual, frozen, 0), "gain_control": explained,
        "gain_unexplained": round(gain - explained, 2),
        "gain_unexplained_interval": unexplained_interval(continual, control, frozen, 0),
        "gain_by_quarter": _quarters(continual, frozen), "gain_control_by_quarter": _quarters(control, frozen),
    }  # fmt: skip


def _by_kind(
    continual: list[Answers], control: list[Answers], frozen: list[Answers], asked: Sequence[Asked]
) -> dict[str, Any]:
    models = {"frozen": frozen, "control": control, "continual": continual}
    return {
        "gains": {kind: mean_gain(continual, frozen, k) for k, kind in enumerate(KINDS)},
        "gains_control": {kind: mean_gain(control, frozen, k) for k, kind in enumerate(KINDS)},
        "intervals": {kind: gain_interval(continual, frozen, k) for k, kind in enumerate(KINDS)},
        "bits_per_byte": {name: bits_by_kind(several, asked) for name, several in models.items()},
    }


def _completions(continual: list[Answers], frozen: list[Answers], asked: Sequence[Asked]) -> dict[str, Any]:
    return {
        "exact_match": {
            "frozen": exact_share(frozen, asked), "continual": exact_share(continual, asked),
            "frozen_new": exact_share(frozen, asked, new=True),
            "continual_new": exact_share(continual, asked, new=True),
            "lines": sum(len(a.rests) for a in asked), "lines_new": sum(r.is_new for a in asked for r in a.rests),
        },
        "exact_match_ratio": ratio(continual, frozen, asked),
        "exact_match_ratio_new": ratio(continual, frozen, asked, new=True),
        "buffer_floor": copied_share(asked), "buffer_floor_new": copied_share(asked, new=True),
        "stale_share": stale(continual)["share"], "stale": {"frozen": stale(frozen), "continual": stale(continual)},
    }  # fmt: skip


def _quarters(several: list[Answers], frozen: list[Answers]) -> list[float]:
    """Of commits in order, a quarter of them each."""
    count = len(frozen[0].nats_CK)
    edges = [count * n // 4 for n in range(5)]
    return [mean_gain(several, frozen, 0, slice(a, b)) for a, b in pairwise(edges)]


def _forgetting(seeds: Sequence[Seed]) -> float:
    """The mean over seeds, of held-out past."""
    return round(sum(s.forgetting["continual"] for s in seeds) / len(seeds), 2)
