"""The figures of the bench's line: of all seeds together, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import log
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from common.freshness.questions import KINDS, Asked
from common.freshness.replay import Answers
from common.freshness.run import Seed, Tuned, tuned_places
from common.freshness.sizes import Sizes
from common.freshness.world import World

Places = slice | NDArray[np.int64]
ALL = slice(None)
RESAMPLES = 1000
EDGES = (2.5, 97.5)
"""Percentiles of an interval."""


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


def gain(nats_C: NDArray[np.float64], frozen_C: NDArray[np.float64]) -> float:
    """Percent fewer bits a byte; of the same bytes, so of nats."""
    return round(100 * (1 - float(nats_C.sum() / frozen_C.sum())), 2) if frozen_C.sum() else 0.0


def mean_gain(several: Sequence[Answers], frozen: Sequence[Answers], kind: int, places: Places = ALL) -> float:
    """Of the mean over seeds, of the commits at some places."""
    return gain(_mean(several, kind)[places], _mean(frozen, kind)[places])


def gain_interval(several: Sequence[Answers], frozen: Sequence[Answers], kind: int) -> list[float]:
    """95 % of the resamples of commits."""
    return interval(_mean(several, kind), _mean(frozen, kind))


def unexplained_interval(
    several: Sequence[Answers], control: Sequence[Answers], frozen: Sequence[Answers], kind: int
) -> list[float]:
    """The same of the gain beyond the control's, in percent of the frozen model's bits."""
    frozen_C = _mean(frozen, kind)
    return interval(frozen_C - _mean(control, kind) + _mean(several, kind), frozen_C)


def interval(nats_C: NDArray[np.float64], frozen_C: NDArray[np.float64]) -> list[float]:
    """Commits are drawn with replacement by a keyed hash of the resample and the draw."""
    count = len(nats_C)
    found: list[float] = []
    for resample in range(RESAMPLES):
        keys = (xxhash.xxh3_64_intdigest(n.to_bytes(8, "little"), resample) for n in range(count))
        places = np.array([key % count for key in keys])
        found.append(gain(nats_C[places], frozen_C[places]))
    return [round(float(x), 2) for x in np.percentile(found, EDGES)]


def bits_by_kind(several: Sequence[Answers], asked: Sequence[Asked], places: Places = ALL) -> dict[str, float]:
    """Bits a byte of each kind, the mean over seeds."""
    size_K = np.stack([a.bytes_K for a in asked])[places].sum(0)
    nats_K = np.mean([a.nats_CK[places].sum(0) for a in several], axis=0)
    return {
        kind: round(float(nats / log(2) / size), 4) if size else 0.0
        for kind, nats, size in zip(KINDS, nats_K, size_K, strict=True)
    }


def exact_share(several: Sequence[Answers], asked: Sequence[Asked], new: bool = False) -> float:
    """Of rests that were completed exactly, over all seeds; `new`: of lines that the repository did not have."""
    hits = [hit for a in several for (c, n), hit in a.exact.items() if not new or asked[c].rests[n].is_new]
    return round(float(np.mean(hits)), 4) if hits else 0.0


def copied_share(asked: Sequence[Asked], new: bool = False) -> float:
    """Of rests that copying from the open buffer gives."""
    hits = [rest.copied for a in asked for rest in a.rests if not new or rest.is_new]
    return round(float(np.mean(hits)), 4) if hits else 0.0


def stale(several: Sequence[Answers]) -> dict[str, float | int | None]:
    """Of completions that give the old signature or the new one, the share of the old."""
    said = [what for a in several for what in a.said.values()]
    either = said.count("old") + said.count("new")
    share = round(said.count("old") / either, 4) if either else None
    return {"share": share, "old": said.count("old"), "new": said.count("new"), "asked": len(said)}


def by_lag(
    lagged: Sequence[Mapping[str, Answers]], frozen: Sequence[Answers], asked: Sequence[Asked]
) -> dict[str, dict[str, object]]:
    """Each lag's figures, of the commits that were asked about at every lag."""
    everywhere = ~np.any([np.isnan(a.nats_CK).any(1) for a in lagged[0].values()], axis=0)
    places = np.flatnonzero(everywhere)
    found: dict[str, dict[str, object]] = {}
    for lag in lagged[0]:
        several = [answers[lag] for answers in lagged]
        found[lag] = {
            "bits_per_byte": bits_by_kind(several, asked, places),
            "gain": {kind: mean_gain(several, frozen, k, places) for k, kind in enumerate(KINDS)},
            "exact": exact_share(_at(several, places), asked),
            "exact_new": exact_share(_at(several, places), asked, new=True), "stale": stale(several),
        }  # fmt: skip
    return found


def _at(several: Sequence[Answers], places: NDArray[np.int64]) -> list[Answers]:
    """The rests of the commits at these places alone."""
    kept = set(places.tolist())
    return [Answers(a.nats_CK, {key: hit for key, hit in a.exact.items() if key[0] in kept}) for a in several]


def ratio(several: Sequence[Answers], frozen: Sequence[Answers], asked: Sequence[Asked], new: bool = False) -> float:
    """Exact completions for each one of the frozen model."""
    base = exact_share(frozen, asked, new)
    return round(exact_share(several, asked, new) / base, 4) if base else 0.0


def _mean(several: Sequence[Answers], kind: int) -> NDArray[np.float64]:
    return np.mean([answers.nats_CK[:, kind] for answers in several], axis=0)
