"""`midstream train`: the feed joined to the trainer."""

from __future__ import annotations

import json
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midstream.commands.options import with_settings, without_lock
from midstream.commands.worker import LOG_FORMAT
from midstream.settings import Settings

if TYPE_CHECKING:
    from model.training.train import Progress, Trainer


@click.command()
@click.option("--checkpoints", type=click.Path(path_type=Path, file_okay=False), help="Folder of the checkpoints.")
@click.option("--tokenizer", type=click.Path(path_type=Path, dir_okay=False), help="The tokenizer that packed.")
@click.option("--max-steps", type=click.IntRange(min=1), help="End at this step, counted from the first run's start.")
@click.option("--max-minutes", type=float, help="End after so many minutes.")
@click.option("--until-drained", is_flag=True, help="Read the log to its present end, in a fixed rotation, and end.")
@click.option("--json", "as_json", is_flag=True, help="Progress as one JSON object a line.")
@without_lock
@with_settings
def train(
    settings: Settings, checkpoints: Path | None, tokenizer: Path | None, max_steps: int | None,
    max_minutes: float | None, until_drained: bool, as_json: bool, without_lock: bool,
) -> None:  # fmt: skip
    """Train on the stream from the newest checkpoint, or from the start, until SIGTERM or Ctrl-C."""
    from midstream.errors import noted
    from midstream.lock import FolderLock
    from model.training.train import Until

    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format=LOG_FORMAT)
    logging.getLogger("midstream").setLevel(logging.INFO)
    folder = checkpoints or settings.paths.checkpoints
    file = tokenizer or settings.paths.tokenizer
    assert folder is not None and file is not None
    show = _json_line if as_json else _line
    with noted(settings.paths.state, "train"), FolderLock(folder, "training", unlocked=without_lock):
        trainer = build(settings, folder, file, until_drained)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: trainer.stop())
        show(trainer.run(Until(max_steps, max_minutes, until_drained), show))


def build(settings: Settings, folder: Path, file: Path, closed: bool) -> Trainer:
    """The trainer as the newest checkpoint left it, with its feed; or a new one."""
    from midstream.stages import tokenizer_file
    from model import checkpoint
    from model.config import ModelConfig
    from model.fim.formats import FORMATS
    from model.manifest import latest
    from model.tokens.tokenizer import Tokenizer
    from model.training.train import Trainer
    from streams.feed.examples import open_feed
    from streams.feed.feed import Limits

    newest = latest(folder)
    resume = checkpoint.load_all(newest) if newest else None
    tokenizer = resume.tokenizer if resume else Tokenizer.load(tokenizer_file(file, "train"))
    shape = settings.model
    config = resume.manifest.model if resume else ModelConfig(
        vocab=tokenizer.vocab_size, context=shape.context, width=shape.width, layers=shape.layers,
        heads=shape.heads, seed=shape.seed,
    )  # fmt: skip
    feed = settings.feed
    limits = Limits(feed.row_contexts * config.context, feed.rows, feed.open_bins, feed.idle_s, feed.wait_s, closed)
    opened = open_feed(settings.connection(), folder, tokenizer.hash, limits, resume.feed if resume else None)
    return Trainer(
        config, settings.train, opened, folder, tokenizer,
        resume.manifest.format if resume else FORMATS[shape.format], resume=resume,
    )  # fmt: skip


def _facts(p: Progress) -> dict[str, Any]:
    return {
        "step": p.step, "tokens": p.tokens, "tokens_per_s": round(p.tokens_per_s), "loss": round(p.loss, 4),
        "bits_per_byte": round(p.bits_per_byte, 4), "checkpoint": p.checkpoint, **p.feed,
    }  # fmt: skip


def _json_line(p: Progress) -> None:
    print(json.dumps(_facts(p)), flush=True)


def _line(p: Progress) -> None:
    f = _facts(p)
    click.echo(
        f"step {f['step']:>6}  {f['tokens_per_s']:>6} tokens/s  loss {f['loss']:.3f}  "
        f"{f['bits_per_byte']:.3f} bits/byte  lag {f['lag']}  waiting {f['waiting']}  "
        f"trained {f['trained']}  {f['checkpoint']}"
    )
