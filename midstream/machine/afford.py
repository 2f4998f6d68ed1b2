"""What this machine's memory holds: training of all weights, or an adapter beside them.

`python -m midstream.machine.afford TRAIN FEED CONTEXT SPEC`, each as JSON, prints what `midstream up` says of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from midstream.machine.rate import rate, rounded
from midstream.machine.trial import never, output
from midstream.settings import FeedSettings, Settings
from model import ram
from model.config import TrainConfig
from model.families import Spec
from model.manifest import CheckpointError, newest

TIMEOUT_S = 90.0

PROGRAM = 700_000_000
"""Bytes of the program itself: Python and torch (670 MB were seen)."""
BLOCKS = 600_000_000
"""Bytes of the blocks of logits (model.training.loss), and of what the allocator does not give back. With both, one
step of an adapter beside 100 million weights is said to need 2.6 GB and was seen to need 2.5, with int8 weights 2.3
and 2.3, computed again 1.8 and 2.1, both 1.5 and 1.9."""
FULL = 16
"""Bytes a weight in float32: itself, its gradient, and AdamW's two moments."""
CLEARLY = 1.25
"""How many times what is there a run must need to be refused: the figures are estimates."""
HELD = {"float32": 4, "bf16": 2, "int8": 1}
"""Bytes a weight that is frozen."""


class TooLarge(CheckpointError):
    """A run that the memory does not hold; the message says what to set."""


@dataclass(frozen=True)
class Need:
    """Bytes."""

    full: int
    adapter: int
    held: str
    """How the frozen weights would be held."""
    available: int | None
    """None: nobody says."""

    def fits(self, adapter: bool) -> bool:
        return self.available is None or (self.adapter if adapter else self.full) <= self.available


def activations(spec: Spec, tokens: int, recompute: bool) -> int:
    """Bytes that a step keeps for its gradient, about: what each layer's products, norms and activation were given;
    with `recompute` what each layer was given, and one layer's all."""
    wide, inner = spec.width, int(getattr(spec, "inner", 0))
    gated = bool(getattr(spec, "gated", False))
    layer = 4 * tokens * (12 * wide + (4 if gated else 2) * inner)
    return 4 * tokens * wide * spec.layers + layer if recompute else spec.layers * layer


def low_rank(spec: Spec, rank: int) -> int:
    """Numbers of an adapter of all matrices, about: each has outputs and inputs of some width or inner width."""
    inner = int(getattr(spec, "inner", 0))
    return rank * spec.layers * (8 * spec.width + 3 * (spec.width + inner))


def need(config: TrainConfig, feed: FeedSettings, context: int, spec: Spec, available: int | None) -> Need:
    """Of a model of this shape under these settings, with examples of `context` tokens."""
    from model.adapters.choice import held

    tokens = feed.rows * feed.row_contexts * min(context, spec.context)
    kept = activations(spec, tokens, config.recompute) + PROGRAM + BLOCKS
    kind = held(config, spec, available)
    table = 4 * spec.vocab * spec.width if kind != "float32" else 0
    base = HELD[kind] * spec.parameters + table
    return Need(FULL * spec.parameters + kept, base + FULL * low_rank(spec, config.rank) + kept, kind, available)


def refuse(settings: Settings, folder: Path) -> None:
    """Raises TooLarge when the memory is clearly not there for training from the folder's newest checkpoint."""
    try:
        found = newest(folder)
    except CheckpointError:  # what is wrong with it is said where it is loaded
        return
    if found is not None:
        refuse_shape(settings, found[0].model, ram.available())


def refuse_shape(settings: Settings, spec: Spec, available: int | None) -> None:
    """Raises TooLarge when that much memory is clearly too little for a model of this shape."""
    config = settings.train
    wants = need(config, settings.feed, settings.model.context, spec, available)
    size = wants.adapter if config.adapter else wants.full
    if wants.available is None or size <= CLEARLY * wants.available:
        return
    raise TooLarge(
        f"Training {'an adapter beside' if config.adapter else 'all of'} {spec.parameters / 1e6:,.0f} million weights "
        f"needs some {gigabytes(size)}, and {gigabytes(wants.available)} are there. {way(config, wants)}"
    )


def way(config: TrainConfig, wants: Need) -> str:
    """What to set where it does not fit, in a sentence."""
    if not config.adapter and wants.fits(adapter=True):
        return f'Set [train] adapter = "lora": it needs some {gigabytes(wants.adapter)}.'
    smaller = [] if config.recompute else ["recompute = true"]
    smaller += ['base = "int8"'] if config.adapter and wants.held != "int8" else []
    smaller += ['adapter = "lora"'] if not config.adapter else []
    rest = "fewer [feed] rows, or a shorter [model] context"
    return f"Set [train] {' and '.join(smaller)}, or {rest}." if smaller else f"Set {rest}."


def gigabytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"


def choices(config: TrainConfig, feed: FeedSettings, context: int, spec: Spec, available: int | None) -> list[str]:
    """Which of the two this machine can do with weights that were brought, and how fast, in sentences."""
    wants, lines = need(config, feed, context, spec, available), list[str]()
    there = "" if available is None else f" of {gigabytes(available)} that are there"
    kind = config.adapter or "lora"
    for adapter, size in (("", wants.full), (kind, wants.adapter)):
        what = f"An adapter ({adapter}, the weights as {wants.held})" if adapter else "Training all weights"
        if not wants.fits(bool(adapter)):
            lines.append(f"{what} needs some {gigabytes(size)}{there}: it does not fit.")
            continue
        tried = replace(config, adapter=adapter, base=wants.held if adapter else config.base)  # pyright: ignore
        lines.append(f"{what} needs some {gigabytes(size)}{there}, and takes some {rounded(rate(spec, tried)):,} "
                     "tokens a second.")  # fmt: skip
    if not wants.fits(bool(config.adapter)):
        return [*lines, way(config, wants)]
    return [*lines, f"The {config.adapter} adapter is trained." if config.adapter
            else "All weights are trained, since [train] adapter is empty."]  # fmt: skip


def sentences(settings: Settings, spec: Spec, is_to_end: Callable[[], bool] = never) -> list[str]:
    """The same, by a process of its own: this one loads no torch. Nothing where it takes more than TIMEOUT_S."""
    parts = (settings.train, settings.feed, settings.model.context, spec)
    arguments = (msgspec.json.encode(part).decode() for part in parts)
    command = [sys.executable, "-m", "midstream.machine.afford", *arguments]
    return (output(command, TIMEOUT_S, is_to_end) or "").splitlines()


if __name__ == "__main__":
    kinds: tuple[Any, ...] = (TrainConfig, FeedSettings, int, Spec)
    given: list[Any] = [msgspec.json.decode(text, type=kind) for text, kind in zip(sys.argv[1:], kinds, strict=True)]
    print("\n".join(choices(given[0], given[1], given[2], given[3], ram.available())))
