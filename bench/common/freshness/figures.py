"""Figures of all seeds together, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log

import numpy as np
import xxhash
from numpy.typing import NDArray

from common.freshness.questions import KINDS, Asked
from common.freshness.replay import Answers

Places = slice | NDArray[np.int64]
ALL = slice(None)
RESAMPLES = 1000
EDGES = (2.5, 97.5)
"""Percentiles of an interval."""


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
