"""What the newest checkpoint says: its lag, its figures, and what became of the documents that it took."""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from streams.kafka.connection import Offsets

if TYPE_CHECKING:
    from model.manifest import Manifest
    from streams.feed.state import Count, FeedState


class Lag(msgspec.Struct, frozen=True):
    """One partition that a stage reads. Offsets: `committed` is the next one to take, `end` one past the last."""

    topic: str
    partition: int
    committed: int
    end: int
    lag: int


class Conservation(msgspec.Struct, frozen=True, kw_only=True):
    """One source partition, or all: documents = waiting + trained + skipped + rejected + dead."""

    source: str
    """`topic/partition`, or "all"."""
    documents: int
    waiting: int
    trained: int
    rejected: int
    dead: int
    skipped: int = 0
    """In a Batch that gave no finite gradient."""
    lost: int = 0
    """Offsets, not documents: `midstream repair --accept-loss` gave them up."""
    given_up: list[tuple[int, int]] = []
    """The offsets that `lost` counts, half open; those of earlier versions were counted alone."""


class TrainerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The newest checkpoint."""

    step: int
    model_version: str
    bits_per_byte: float | None
    lag: int
    """Frames of `examples` that came after the checkpoint's offsets."""
    partitions: list[Lag]
    sources: list[Conservation]
    total: Conservation
    held: int
    """Documents in the checkpoint's bins and rows, counted one by one: what `waiting` must be."""
    conserved: bool
    replaced: int
    retryable: int
    packing_use: float
    foreign: int = 0
    """Records of `examples` that somebody else wrote, or that are damaged; the trainer's log names them."""
    misfits: int = 0
    """Frames that were passed over, since they had been packed under another setting; they came again behind."""
    groups: dict[str, float] = {}
    """Prequential bits per byte by kind, and by `kind/language`."""
    replayed: int = 0
    """Examples that were trained on again, on purpose."""
    capped_bytes: int = 0
    """UTF-8 bytes of commits that stand in no example, since a commit's tokens are bounded."""


def lags(topics: Iterable[str], committed: Offsets, ends: Offsets) -> list[Lag]:
    names = set(topics)
    rows = [(key, committed.get(key, 0), end) for key, end in sorted(ends.items()) if key[0] in names]
    return [Lag(topic, partition, at, end, max(0, end - at)) for (topic, partition), at, end in rows]


def trainer(root: Path, ends: Offsets) -> TrainerStatus | None:
    """The newest checkpoint under `root` against the ends of `examples`; None before the first."""
    from model.manifest import newest
    from streams.feed.state import decode

    checkpoint = newest(root)
    return of_checkpoint(checkpoint[0], decode(checkpoint[1]), ends, {}) if checkpoint and checkpoint[1] else None


def of_checkpoint(manifest: Manifest, state: FeedState, ends: Offsets, first: Offsets) -> TrainerStatus:
    """`first`: of `examples`; what lies below is gone, and does not wait."""
    from streams.feed.state import retryable

    sources = [
        _conservation(f"{c.topic}/{key.rpartition(':')[2]}", c)
        for key, c in sorted(state.counts.items(), key=lambda item: (item[1].topic, item[0]))
    ]
    total = _total(sources)
    in_bins = len({item.origin for item in state.waiting})
    read = {("examples", p): max(at, first.get(("examples", p), 0)) for p, at in enumerate(state.offsets)}
    partitions = lags(["examples"], read, ends)
    return TrainerStatus(
        step=manifest.step, model_version=manifest.model_version, bits_per_byte=manifest.bits_per_byte,
        lag=sum(p.lag for p in partitions), partitions=partitions, sources=sources, total=total, held=in_bins,
        conserved=in_bins == total.waiting, replaced=len(state.replaced), retryable=len(retryable(state)),
        packing_use=manifest.feed.get("use", 0.0), foreign=state.foreign, misfits=state.misfits,
        groups={g: round(n / log(2) / b, 4) for g, (n, b) in manifest.groups.items() if b},
        replayed=state.replay.examples, capped_bytes=state.capped_bytes,
    )  # fmt: skip


FIGURES = ("documents", "waiting", "trained", "rejected", "dead", "skipped", "lost")


def _conservation(source: str, count: Count) -> Conservation:
    figures: dict[str, Any] = {name: getattr(count, name) for name in FIGURES}
    return Conservation(source=source, given_up=count.given_up, **figures)


def _total(sources: list[Conservation]) -> Conservation:
    figures: dict[str, Any] = {name: sum(getattr(s, name) for s in sources) for name in FIGURES}
    return Conservation(source="all", **figures)
