"""`midstream pii`: a model of one's own that finds names and secrets, for the NER layer of redaction."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings

if TYPE_CHECKING:
    from midstream.pii.training import Plan
    from midstream.processes.stop import Stop

FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def pii() -> None:
    """Train a model that finds names and secrets, for [redaction] ner."""


@pii.command()
@click.argument("folders", nargs=-1, required=True, type=FOLDER, metavar="DIR...")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder that is made for the model.")
@click.option("--labels", multiple=True, type=FILE, help='JSON lines {"text", "spans": [{"start", "end", "label"}]}.')
@click.option("--encoder", type=FOLDER, help="Begin with this one (of BERT's form) instead of pre-training.")
@click.option("--steps", type=click.IntRange(min=1), default=900, show_default=True, help="Of learning the labels.")
@click.option("--pretraining-steps", type=click.IntRange(min=1), default=600, show_default=True)
@click.option("--rows", type=click.IntRange(min=1), default=32, show_default=True, help="Of a batch.")
@click.option("--sample-bytes", type=click.IntRange(min=1), default=10_000_000, show_default=True)
@click.option("--ignored", is_flag=True, help="Also what .gitignore names.")
@click.option("--json", "as_json", is_flag=True, help="The figures at the end as one JSON line.")
@with_settings
def train(
    settings: Settings, folders: tuple[Path, ...], out: Path, labels: tuple[Path, ...], encoder: Path | None,
    steps: int, pretraining_steps: int, rows: int, sample_bytes: int, ignored: bool, as_json: bool,
) -> None:  # fmt: skip
    """Pre-train a small encoder on the source files of DIR, then teach it labels on made-up values and on --labels.

    A tenth is held out, and the figures are of that. Ctrl-C keeps what has been learnt. Nothing is downloaded, and the
    files stay as they are.
    """
    from midstream.pii.training import Plan
    from midstream.processes.stop import Stop
    from model.encoder.spec import EncoderSpec

    if out.exists():
        raise click.ClickException(f"{out} is there already: name a folder that is not")
    with Stop() as stop:
        plan = Plan(
            out, steps, pretraining_steps, rows, EncoderSpec(), lambda line: click.echo(line, err=True), stop.is_set
        )
        began = time.monotonic()
        _train(plan, stop, folders, labels, encoder, sample_bytes, ignored)
    plan.report.update(stopped=stop.is_set(), seconds=round(time.monotonic() - began, 1), out=str(out))
    click.echo(json.dumps(plan.report) if as_json else _table(plan.report))


def _train(
    plan: Plan, stop: Stop, folders: tuple[Path, ...], labels: tuple[Path, ...], encoder: Path | None,
    sample_bytes: int, ignored: bool,
) -> None:  # fmt: skip
    from midstream.pii import labelled, texts, training
    from model.encoder import folder

    given = labelled.read(labels)
    files, left_out = texts.read(folders, sample_bytes, ignored)
    plan.report.update(files=len(files), bytes=sum(len(file.text.encode("utf-8", "replace")) for file in files))
    _tell(plan, left_out)
    try:
        plan.out.mkdir(parents=True)
    except OSError as error:
        raise click.ClickException(f"{plan.out} cannot be made: {error.strerror}") from error
    model, words = folder.load(encoder) if encoder else training.pretrain(files, plan)
    if stop.is_set():
        plan.say(f"stopped: go on with --encoder {plan.out / 'encoder'}" if not encoder else "stopped")
        return
    learnt, held_out = training.split(files, given, plan)
    labeller = training.label(model, words, learnt, plan)
    folder.save(plan.out, labeller, words, training.LABELS)
    training.measure(labeller, words, held_out, plan)
    plan.say(f'the model is there: [redaction] ner = "{plan.out}"')


def _tell(plan: Plan, left_out: Counter[str]) -> None:
    plan.say(f"{plan.report['files']:,} files, {plan.report['bytes'] / 1e6:.1f} MB")
    for what, count in left_out.most_common():
        plan.say(f"left out: {count:,} × {what}")


def _table(report: dict[str, Any]) -> str:
    held_out = report.get("held_out")
    if held_out is None:
        return f"stopped after {report['seconds']:.0f} s"
    rows = [*sorted(held_out["labels"].items()), ("all", held_out["all"])]
    lines = [
        f"{name:<10}{f['precision']:>10.3f}{f['recall']:>10.3f}{f['f1']:>10.3f}{f['spans']:>8,}" for name, f in rows
    ]
    head = f"{'label':<10}{'precision':>10}{'recall':>10}{'F1':>10}{'spans':>8}"
    told = f"{held_out['texts']:,} held-out texts; of those without a span {held_out['clean_touched']:.1%} are touched"
    return "\n".join([head, *lines, told])
