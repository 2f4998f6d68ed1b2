"""`midstream tokenizer`: train one from files, or say what one is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def tokenizer() -> None:
    """Train or inspect a tokenizer."""


@tokenizer.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--from-topic", is_flag=True, help="Learn from the stream's clean documents instead of FILES.")
@click.option("--sample-bytes", type=click.IntRange(min=1), default=100_000_000, show_default=True)
@click.option("--patience", type=float, default=30.0, show_default=True, help="Seconds without anything new.")
@click.option("--vocab-size", type=click.IntRange(min=300), help="Default: [model] vocab.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: [paths] tokenizer.")
@with_settings
def train(
    settings: Settings, files: tuple[Path, ...], from_topic: bool, sample_bytes: int, patience: float,
    vocab_size: int | None, out: Path | None,
) -> None:  # fmt: skip
    """Learn a byte-level BPE from FILES and the files in folders; what is not UTF-8 is passed over."""
    from model import tokenizer as bpe

    if from_topic == bool(files):
        raise click.UsageError("Name FILES, or give --from-topic: one of the two.")
    out = out or settings.paths.tokenizer
    texts = _sampled(settings, sample_bytes, patience) if from_topic else _texts(files)
    made = bpe.train(texts, vocab_size or settings.model.vocab)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_suffix(".unfinished")
    made.save(unfinished)
    unfinished.replace(out)
    click.echo(f"{out}: {made.vocab_size} ids, hash {made.hash[:12]}")


@tokenizer.command()
@click.argument("file", type=FILE)
@click.option("--text", type=FILE, help="Also say how well this file is compressed.")
def info(file: Path, text: Path | None) -> None:
    """Print size, hash and sentinels of FILE."""
    from model.tokenizer import Tokenizer

    try:
        found = Tokenizer.load(file)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"ids        {found.vocab_size}\nhash       {found.hash}\nsentinels  {' '.join(found.specials)}")
    if text is not None:
        size, tokens = text.stat().st_size, len(found.encode(text.read_text(encoding="utf-8", errors="replace")))
        click.echo(f"text       {size} bytes, {tokens} tokens, {size / max(1, tokens):.2f} bytes a token")


def _sampled(settings: Settings, size: int, patience: float) -> Iterator[str]:
    from streams.sample import texts

    return texts(settings.connection(), size, patience_s=patience)


def _texts(paths: Iterable[Path]) -> Iterator[str]:
    """In sorted order, so that the same files give the same tokenizer."""
    for path in sorted(f for p in paths for f in (p.rglob("*") if p.is_dir() else (p,)) if f.is_file()):
        try:
            yield path.read_bytes().decode()
        except UnicodeDecodeError:
            continue
