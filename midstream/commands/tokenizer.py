"""`midstream tokenizer`: train one from files, or say what one is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def tokenizer() -> None:
    """Train or inspect a tokenizer."""


@tokenizer.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--vocab-size", type=click.IntRange(min=300), default=49_152, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("tokenizer.json"))
def train(files: tuple[Path, ...], vocab_size: int, out: Path) -> None:
    """Learn a byte-level BPE from FILES and the files in folders; what is not UTF-8 is passed over."""
    from model import tokenizer as bpe

    made = bpe.train(_texts(files), vocab_size)
    made.save(out)
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


def _texts(paths: Iterable[Path]) -> Iterator[str]:
    """In sorted order, so that the same files give the same tokenizer."""
    for path in sorted(f for p in paths for f in (p.rglob("*") if p.is_dir() else (p,)) if f.is_file()):
        try:
            yield path.read_bytes().decode()
        except UnicodeDecodeError:
            continue
