"""`midstream fim FILE`: what a document becomes, its cut and its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from midstream.commands.complete import path_in_repository
from midstream.commands.options import with_settings
from midstream.settings import Settings
from model.fim.fim import Cut, Mark, Mix, choose, file_head, segments
from model.fim.format import Format
from model.fim.formats import FORMATS

if TYPE_CHECKING:
    from streams.document import Document


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--seed", type=int, help="Default: [fim] seed.")
@click.option("--format", "name", type=click.Choice(list(FORMATS)), help="Default: [model] format.")
@click.option("--rate", type=click.FloatRange(0, 1), help="Share of documents that are cut; default: [fim] fim_rate.")
@click.option(
    "--tokenizer",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Fit FILE to [model] context first, as pack does: one cut for each piece.",
)
@with_settings
def fim(
    file: Path, seed: int | None, name: str | None, rate: float | None, tokenizer: Path | None, settings: Settings
) -> None:  # fmt: skip
    """Print what FILE becomes: cut, order, segments with their sentinels marked.

    Without a tokenizer nobody knows what fits a context, and FILE is cut as a whole.
    """
    try:
        text = file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file}: {error}") from error
    overrides = {"seed": seed, "fim_rate": rate}
    mix = replace(settings.fim, **{key: value for key, value in overrides.items() if value is not None})
    path, fmt = path_in_repository(file), FORMATS[name] if name else settings.model.new_format
    if tokenizer is not None:
        _tell_pieces(_document(text, path), tokenizer, fmt, mix, settings)
        return
    cut = _chosen(text, path, fmt, mix)
    click.echo(f"{path}: {fmt.name}, seed {mix.seed}, {_statement(text, cut)}\n")
    click.echo(display(segments(fmt, file_head(path, fmt=fmt), text, cut)))


def _document(text: str, path: str) -> Document:
    """A file whose repository is not known."""
    from streams.document import Document, Part
    from streams.prepare.language import language
    from streams.prepare.prepare import identity

    document = Document(offset=0, index=0, kind="file", path=path, parts=[Part("text", text)])
    document.id, document.language = identity(document), language(path, text)
    return document


def _chosen(text: str, path: str, fmt: Format, mix: Mix) -> Cut | None:
    """As pack chooses for a file of one piece."""
    document = _document(text, path)
    return choose(text, document.language, document.id + bytes(4), mix, fmt)


def _tell_pieces(document: Document, file: Path, fmt: Format, mix: Mix, settings: Settings) -> None:
    """The examples that pack makes of it."""
    from model.tokens.ends import format_of
    from model.tokens.tokenizer import Tokenizer
    from streams.pack.pack import Packer

    try:
        tokenizer = Tokenizer.load(file)
        fmt = format_of(fmt.name, tokenizer, file.parent)
        examples = Packer(tokenizer, fmt, mix, settings.model.context, settings.pack).pack(document)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    names = {i: sentinel for sentinel, i in tokenizer.specials.items()}
    click.echo(
        f"{document.path}: {fmt.name}, seed {mix.seed}, {len(examples)} pieces of at most "
        f"{settings.model.context} tokens"
    )
    for example in examples:
        click.echo(f"\npiece {example.piece + 1} of {example.pieces}: {example.order}, {example.tokens} tokens\n")
        parts: list[str] = []
        for special, run in groupby(map(int, example.array()), key=lambda i: i in names):
            ids = list(run)
            parts += [Mark(names[i]) for i in ids] if special else [tokenizer.decode(ids)]
        click.echo(display(parts))


def _statement(text: str, cut: Cut | None) -> str:
    if cut is None:
        return f"left to right, {len(text)} characters"
    start, end = len(cut.prefix), len(text) - len(cut.suffix)
    first, last = text.count("\n", 0, start) + 1, text.count("\n", 0, end) + 1
    return f"{cut.order}, middle at characters {start} to {end} of {len(text)}, lines {first} to {last}"


def display(parts: Sequence[str]) -> str:
    """Sentinels inverted, everything that is user text as it is, whatever it contains."""
    return "".join(click.style(part, reverse=True) if isinstance(part, Mark) and part else part for part in parts)
