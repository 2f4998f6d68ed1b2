"""The four stages with their settings: what a worker process runs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from midstream.processes import waits
from midstream.settings import Settings
from streams.kafka.connection import Connection
from streams.kafka.topics import check
from streams.pack.pack import Packer
from streams.pipeline import Pack, Prepare
from streams.redact.stage import Redact
from streams.worker.attempts import Attempts
from streams.worker.careful import Switch
from streams.worker.counts import Counts
from streams.worker.settle import settle
from streams.worker.stage import DedupStage, EachFrame, PrepareStage, Stage, Watch
from streams.worker.watchdog import Watchdog

if TYPE_CHECKING:
    from streams.recipe import RedactionSettings, Thresholds
    from streams.redact.ner import Layer
    from streams.worker.restore import Restored


def build(stage: str, settings: Settings, connection: Connection) -> tuple[Stage, Attempts]:
    """The stage, and the file that tells how its last process ended. Refuses topics that were re-created."""
    genesis = check(connection)
    settle(connection, stage)
    state = settings.paths.state
    attempts = Attempts(state / "attempts", stage)
    watchdog = Watchdog(file=attempts.hung)
    call = Switch(attempts, watchdog)
    watch = Watch(Counts(state / "counts" / f"{stage}-{attempts.slot}.json"), attempts, watchdog)
    ids = {name: start.id for name, start in genesis.topics.items()}
    if stage == "prepare":
        from streams.prepare.recipes.reading import resolve  # its rules, which the other stages do without

        return PrepareStage(Prepare(resolve(settings.recipe), call), ids, watch), attempts
    if stage == "dedup":
        return DedupStage(partial(_restore, connection, settings.index, state), watch, ids["candidates"]), attempts
    if stage == "redact":
        from streams.prepare.recipes.reading import resolve

        redact = Redact(call, resolve(settings.recipe).redaction, ner_layer(settings.redaction))
        return EachFrame("redact", "unique", "clean", redact, watch, ids["unique"]), attempts
    return EachFrame("pack", "clean", "examples", Pack(packer(settings), call), watch, ids["clean"]), attempts


def ner_layer(settings: RedactionSettings) -> Layer | None:
    """None: there is none. Raises UnusableModel."""
    if settings.ner is None:
        return None
    from streams.redact.ner import load

    return load(settings.ner, settings.ner_min_score)


def _restore(connection: Connection, thresholds: Thresholds, state: Path, committed: int) -> Restored:
    from streams.worker.restore import restore  # with numba, 1.4 s and 80 MB that the other stages do without

    return restore(connection, thresholds, committed, state)


def packer(settings: Settings) -> Packer:
    """Waits for the tokenizer's file: pack cannot begin without one. Raises OtherModel when the settings' checkpoints
    take nothing that it would pack."""
    from midstream.models.fits import refuse_packing
    from model.tokens.ends import format_of
    from model.tokens.tokenizer import Tokenizer

    assert settings.paths.tokenizer is not None
    assert settings.paths.checkpoints is not None
    tokenizer = Tokenizer.load(waits.tokenizer_file(settings.paths.tokenizer, "pack"))
    fmt = format_of(settings.model.format, tokenizer, settings.paths.tokenizer.parent)
    result = Packer(tokenizer, fmt, settings.fim, settings.model.context, settings.pack)
    refuse_packing(result.packing, settings.paths.checkpoints)
    return result
