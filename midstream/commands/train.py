"""`midstream train`: the feed joined to the trainer."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midstream.commands.options import with_settings, without_lock
from midstream.commands.worker import LOG_FORMAT
from midstream.settings import Settings

if TYPE_CHECKING:
    from model.checkpoint import Contents
    from model.training.train import Progress, Trainer
    from streams.feed.state import FeedState
    from streams.kafka.connection import Connection


PRIMITIVES = "64"
"""Compiled products that torch's library keeps: by default 1,024, one a shape, which is memory that grows for hours."""


@click.command()
@click.option("--checkpoints", type=click.Path(path_type=Path, file_okay=False), help="Folder of the checkpoints.")
@click.option("--tokenizer", type=click.Path(path_type=Path, dir_okay=False), help="The tokenizer that packed.")
@click.option("--max-steps", type=click.IntRange(min=1), help="End at this step, counted from the first run's start.")
@click.option("--max-minutes", type=float, help="End after so many minutes.")
@click.option("--until-drained", is_flag=True, help="Read the log to its present end, in a fixed rotation, and end.")
@click.option(
    "--from-what-is-left",
    "what_is_left",
    is_flag=True,
    help="Begin a new checkpoint folder at what retention has left, with the workers at rest.",
)
@click.option("--json", "as_json", is_flag=True, help="Progress as one JSON object a line.")
@without_lock
@with_settings
def train(
    settings: Settings, checkpoints: Path | None, tokenizer: Path | None, max_steps: int | None,
    max_minutes: float | None, until_drained: bool, what_is_left: bool, as_json: bool, without_lock: bool,
) -> None:  # fmt: skip
    """Train on the stream from the newest checkpoint, or from the start, until SIGTERM or Ctrl-C."""
    from midstream.processes import waits
    from midstream.processes.errors import Errors
    from midstream.processes.lock import FolderLock
    from model.config import usable_cores
    from model.training.publisher import NotWritten, Retried
    from model.training.train import Until

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=LOG_FORMAT)
    logging.getLogger("midstream").setLevel(logging.INFO)
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # what it cannot do is raised; while away, it logs every try
    folder = checkpoints or settings.paths.checkpoints
    file = tokenizer or settings.paths.tokenizer
    assert folder is not None and file is not None
    errors = Errors(settings.paths.state, settings.kafka.prefix)

    def show(p: Progress) -> None:
        (_json_line if as_json else _line)(p)
        if p.trouble:
            errors.note("train", Retried(p.trouble))
        elif not p.feed.get("lag"):  # it runs, and nothing waits for it
            errors.forget("train")

    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", PRIMITIVES)
    waits.end_well()
    with (
        errors.noted("train"),
        FolderLock(folder, "training", unlocked=without_lock),
        build(settings, folder, file, until_drained, what_is_left) as trainer,
    ):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: trainer.stop())
        threads, cores = settings.train.cpu_threads, usable_cores()
        click.echo(f"training on {threads} of {cores} cores ([train] threads)", err=True)
        try:
            show(trainer.run(Until(max_steps, max_minutes, until_drained), show))
        except NotWritten as error:
            raise click.ClickException(f"{error}.") from error


@contextmanager
def build(settings: Settings, folder: Path, file: Path, closed: bool, what_is_left: bool = False) -> Iterator[Trainer]:
    """The trainer as the newest checkpoint left it, with its feed; or a new one. Takes the folder's next reign.

    Its feed is closed at the end.
    """
    from midstream.machine import afford
    from midstream.models import fits
    from midstream.processes import waits
    from model import families, reign
    from model.loading import load_newest
    from model.packing import packing
    from model.tokens.ends import format_of
    from model.tokens.tokenizer import Tokenizer
    from model.training.train import Trainer
    from streams.feed.examples import open_feed
    from streams.feed.paced import PacedFeed
    from streams.feed.retention import refuse_short, warn_lost
    from streams.feed.state import Limits

    _bring_weights(settings, folder)
    own = reign.take(folder)
    afford.refuse(settings, folder)
    resume = load_newest(folder, as_stored=bool(settings.train.adapter))
    if resume and resume.feed and what_is_left:
        raise click.UsageError(f"--from-what-is-left is for a new checkpoint folder, and {folder} has checkpoints.")
    if resume:
        fits.refuse(settings.model, resume.manifest, folder)
    tokenizer = resume.tokenizer if resume else Tokenizer.load(waits.tokenizer_file(file, "train"))
    shape = settings.model
    spec = resume.manifest.model if resume else families.new(
        vocab=tokenizer.vocab_size, context=shape.context, width=shape.width, layers=shape.layers,
        heads=shape.heads, seed=shape.seed,
    )  # fmt: skip
    fmt = resume.manifest.format if resume else format_of(shape.format, tokenizer, file.parent)
    feed, context = settings.feed, resume.manifest.length if resume else spec.context
    limits = Limits(
        feed.row_contexts * context, feed.rows, feed.open_bins, feed.idle_s, feed.wait_s, closed, context,
        feed.shuffle_tokens, feed.replay, feed.seed,
    )  # fmt: skip
    connection = settings.connection()
    waits.broker(connection, "train")
    start = _start(connection, resume, tokenizer.hash, what_is_left)
    start.packing = packing(tokenizer.hash, fmt, context)
    with closing(open_feed(connection, folder, start, limits, own)) as opened:
        refuse_short(connection, settings.train.keep, settings.train.checkpoint_every_s)
        warn_lost(connection, _states(folder))
        paced = PacedFeed(opened, settings.paths.state)
        yield Trainer(
            spec, settings.train, paced, folder, tokenizer, fmt, resume=resume, reign=own, context=context,
            run=run_of(settings),
        )  # fmt: skip


UNSAID = ("keep", "checkpoint_every_s", "checkpoint_every_steps", "feed_timeout_s", "window")
"""Settings of [train] that change nothing that is learnt."""


def run_of(settings: Settings) -> dict[str, Any]:
    """The settings that weights come of, by name: what another run is held against. `corpus.`: what is trained on."""
    import msgspec

    parts = {
        "[train] ": {n: v for n, v in msgspec.to_builtins(settings.train).items() if n not in UNSAID},
        "[feed] ": msgspec.to_builtins(settings.feed), "[fim] ": msgspec.to_builtins(settings.fim),
        "[pack] ": msgspec.to_builtins(settings.pack),
        "corpus.": {n: str(v) for n, v in msgspec.to_builtins(settings.recipe).items()},
    }  # fmt: skip
    run = {f"{part}{name}": value for part, fields in parts.items() for name, value in fields.items()}
    run["[train] threads"] = settings.train.cpu_threads
    return msgspec.json.decode(msgspec.json.encode(run))  # as it will be read from the manifest


def _states(folder: Path) -> Iterator[tuple[str, FeedState]]:
    """Of all checkpoints that have one and can be read."""
    from contextlib import suppress

    from model.manifest import FEED, CheckpointError, folders, read_file, read_manifest
    from streams.feed.state import decode

    for path in folders(folder):
        with suppress(CheckpointError):
            if data := read_file(path, read_manifest(path), FEED):
                yield path.name, decode(data)


def _bring_weights(settings: Settings, folder: Path) -> None:
    """Imports `[model] weights` into a new folder; says when the folder began with others."""
    from midstream.models import fits, weights
    from model.manifest import folders

    if settings.model.weights and not folders(folder):
        weights.take(settings, settings.model.weights, folder, click.echo, to_train=True)
    fits.refuse_untrained(folder)
    if word := weights.warning(settings, folder):
        click.echo(word, err=True)


def _start(connection: Connection, resume: Contents | None, tokenizer: str, what_is_left: bool) -> FeedState:
    """Where the feed begins: at the checkpoint, at the Genesis, or, when asked to, at what is left."""
    from streams.feed.left import beginnings, first_state, state_of_what_is_left
    from streams.feed.state import decode
    from streams.kafka.topics import check

    if resume is not None and resume.feed:
        return decode(resume.feed)
    if not what_is_left:
        return first_state(connection, tokenizer)
    state = state_of_what_is_left(connection, tokenizer)
    for line in beginnings(state, check(connection)):
        click.echo(line, err=True)
    if state.began:
        click.echo("Later copies of what lies before are still dropped as duplicates.", err=True)
    return state


def _facts(p: Progress) -> dict[str, Any]:
    """Before this run's first step there is no loss: None."""
    return {
        "step": p.step, "tokens": p.tokens, "tokens_per_s": round(p.tokens_per_s), "loss": _figure(p.loss),
        "bits_per_byte": _figure(p.bits_per_byte), "checkpoint": p.checkpoint, "trouble": p.trouble,
        "groups": {group: _figure(bits) for group, bits in p.groups.items()}, **p.feed,
    }  # fmt: skip


def _figure(value: float) -> float | None:
    return round(value, 4) if isfinite(value) else None


def _json_line(p: Progress) -> None:
    print(json.dumps(_facts(p)), flush=True)


def _line(p: Progress) -> None:
    f = _facts(p)
    score = "no step yet"
    if f["loss"] is not None and f["bits_per_byte"] is not None:
        score = f"loss {f['loss']:.3f}  {f['bits_per_byte']:.3f} bits/byte"
    click.echo(
        f"step {f['step']:>6}  {f['tokens_per_s']:>6} tokens/s  {score}  lag {f['lag']}  waiting {f['waiting']}  "
        f"trained {f['trained']}  {f['checkpoint']}"
    )
