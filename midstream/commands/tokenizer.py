"""`midstream tokenizer`: train one from files, or say what one is and how well it compresses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

import click

from midstream.commands.options import with_settings
from midstream.models import shortfall
from midstream.settings import Settings

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def tokenizer() -> None:
    """Train or inspect a tokenizer."""


@tokenizer.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--from-topic", is_flag=True, help="Learn from the stream's clean documents instead of FILES.")
@click.option("--from-git", is_flag=True, help="FILES are repositories: learn from their present trees.")
@click.option("--sample-bytes", type=click.IntRange(min=1), default=100_000_000, show_default=True)
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Of the stream's documents, chosen by keyed hash.",
)
@click.option(
    "--patience",
    type=float,
    default=30.0,
    show_default=True,
    help="Seconds without anything new, from the first document on.",
)
@click.option("--vocab-size", type=click.IntRange(min=300), help="Default: [model] vocab.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: [paths] tokenizer.")
@with_settings
def train(
    settings: Settings, files: tuple[Path, ...], from_topic: bool, from_git: bool, sample_bytes: int, share: float,
    patience: float, vocab_size: int | None, out: Path | None,
) -> None:  # fmt: skip
    """Learn a byte-level BPE, the sentinels of [model] format among its ids, from FILES and the files in folders.

    What is not UTF-8 is passed over. Of repositories (--from-git) and of the stream, what the recipe rejects is not
    learnt from, and secrets are replaced first.
    """
    from model.tokens import tokenizer as bpe

    if from_topic == bool(files):
        raise click.UsageError("Name FILES, or give --from-topic: one of the two.")
    out = out or settings.paths.tokenizer
    assert out is not None
    texts = _sampled(settings, sample_bytes, share, patience) if from_topic else _texts(files)
    texts = _of_trees(settings, files, sample_bytes) if from_git else texts
    counted = _Counted(texts)
    vocab = vocab_size or settings.model.vocab
    bpe_tokenizer = bpe.train(counted, vocab, settings.model.new_format)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_suffix(".unfinished")
    bpe_tokenizer.save(unfinished)
    unfinished.replace(out)
    click.echo(
        f"{out}: {bpe_tokenizer.vocab_size} ids from {counted.size / 1e6:.1f} MB of text, "
        f"hash {bpe_tokenizer.hash[:12]}"
    )
    if short := shortfall.sentence(bpe_tokenizer.vocab_size, vocab):
        click.echo(short, err=True)


@tokenizer.command()
@click.argument("file", type=FILE)
@click.option("--text", type=FILE, help="Also say how well this file is compressed.")
def info(file: Path, text: Path | None) -> None:
    """Print size, hash and sentinels of FILE."""
    from model.tokens.tokenizer import Tokenizer

    try:
        bpe_tokenizer = Tokenizer.load(file)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"ids        {bpe_tokenizer.vocab_size}\nhash       {bpe_tokenizer.hash}\n"
        f"sentinels  {' '.join(bpe_tokenizer.specials)}"
    )
    if text is not None:
        size, tokens = (
            text.stat().st_size,
            len(bpe_tokenizer.encode(text.read_text(encoding="utf-8", errors="replace"))),
        )
        click.echo(f"text       {size} bytes, {tokens} tokens, {size / max(1, tokens):.2f} bytes a token")


@tokenizer.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--from-topic", is_flag=True, help="Measure the stream's clean documents instead of FILES.")
@click.option("--sample-bytes", type=click.IntRange(min=1), default=20_000_000, show_default=True)
@click.option("--tokenizer", "file", type=FILE, help="Default: [paths] tokenizer.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a language.")
@with_settings
def fertility(
    settings: Settings, files: tuple[Path, ...], from_topic: bool, sample_bytes: int, file: Path | None, as_json: bool
) -> None:
    """Print how many bytes a token stands for, language by language."""
    from midstream.models.fertility import fertility as measured
    from model.tokens.tokenizer import Tokenizer

    if from_topic == bool(files):
        raise click.UsageError("Name FILES, or give --from-topic: one of the two.")
    path = file or settings.paths.tokenizer
    if path is None or not path.exists():
        raise click.ClickException(f"{path}: no such file; name one with --tokenizer, or train one")
    texts = _documents(settings, sample_bytes) if from_topic else _named(files)
    rows = measured(Tokenizer.load(path), texts)
    if as_json:
        for row in rows:
            click.echo(json.dumps({**asdict(row), "bytes_a_token": round(row.bytes_a_token, 3)}))
        return
    click.echo(f"{'language':<14}{'documents':>10}{'MB':>10}{'tokens':>12}{'bytes/token':>13}{'tokens/line':>13}")
    for r in rows:
        figures = (
            f"{r.documents:>10}{r.bytes / 1e6:>10.2f}{r.tokens:>12}{r.bytes_a_token:>13.2f}{r.tokens_a_line:>13.1f}"
        )
        click.echo(f"{r.language:<14}{figures}")


def _documents(settings: Settings, size: int) -> Iterator[tuple[str, str]]:
    """Language, or kind, and text of the stream's documents."""
    from streams.pack.sample import documents, text_of

    for document in documents(settings.connection(), size, patience_s=None):
        yield document.language if document.kind == "file" else document.kind, text_of(document)


def _named(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    from streams.prepare.language import language

    for path, text in _read(paths):
        yield language(path.name, text), text


class _Counted:
    """The texts, and how many characters they had."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts, self.size = texts, 0

    def __iter__(self) -> Iterator[str]:
        for text in self._texts:
            self.size += len(text)
            yield text


def _of_trees(settings: Settings, paths: Iterable[Path], size: int) -> Iterator[str]:
    from collections import Counter

    from streams.prepare.recipes.reading import resolve
    from streams.sources.git.history import History
    from streams.sources.git.objects import GitError
    from streams.sources.git.sample import texts

    histories: list[History] = []
    for path in paths:
        try:
            histories.append(History.open(path))
        except GitError as error:
            click.echo(str(error), err=True)
    return texts(histories, size, resolve(settings.recipe), Counter())


def _sampled(settings: Settings, size: int, share: float, patience: float) -> Iterator[str]:
    from streams.pack.sample import texts

    return texts(settings.connection(), size, share, patience_s=patience)


def _texts(paths: Iterable[Path]) -> Iterator[str]:
    return (text for _, text in _read(paths))


def _read(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """In sorted order, so that the same files give the same tokenizer; what is not UTF-8 is passed over."""
    for path in sorted(f for p in paths for f in (p.rglob("*") if p.is_dir() else (p,)) if f.is_file()):
        try:
            yield path, path.read_bytes().decode()
        except UnicodeDecodeError:
            continue
