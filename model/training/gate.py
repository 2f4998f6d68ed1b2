"""The gate: weights that have forgotten more than a bound are written, trained on, and not served."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

from model import choice
from model.manifest import CheckpointError, Manifest, folders, read_manifest


@dataclass(frozen=True)
class Verdict:
    """The fields of a manifest that the gate gives."""

    frozen_bits: float | None = None
    frozen_best: float | None = None
    withheld: str = ""


def judge(bits: float, best: float | None, bound: float) -> Verdict:
    """`bits`: per byte of the frozen set, not a number where there is none; `best`: the least that passed before;
    `bound`: the share above it that passes, 0: any does."""
    if not isfinite(bits):
        return Verdict(None, best)
    if best is None or not bound or bits <= best * (1 + bound):
        return Verdict(bits, min(bits, best) if best is not None else bits)
    return Verdict(bits, best, (
        f"it forgets: {bits:.3f} bits a byte on the frozen set, {100 * (bits / best - 1):.1f} % above the best, "
        f"{best:.3f}, and [train] gate lets {100 * bound:g} % pass"
    ))  # fmt: skip


def best_before(root: Path, before: Manifest | None) -> float | None:
    """What the next checkpoint is held against: the best so far, or what a person has accepted since."""
    if before is None:
        return None
    try:
        chosen = choice.read(root)
    except CheckpointError:
        return before.frozen_best
    if chosen.accepted and chosen.at_ms >= before.written_ms:
        for path in reversed(folders(root)):
            try:
                manifest = read_manifest(path)
            except CheckpointError:
                continue
            if manifest.model_version == chosen.accepted:
                return manifest.frozen_bits
    return before.frozen_best
