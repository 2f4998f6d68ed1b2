"""`midstream fim FILE`: what a document becomes, its cut and its segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from midstream.commands.complete import path_in_repository
from midstream.commands.options import with_settings
from midstream.settings import Settings
from model.fim import Cut, Mark, Mix, choose, file_head, segments
from model.formats import FORMATS, Format


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--seed", type=int, help="Default: [fim] seed.")
@click.option("--format", "name", type=click.Choice(list(FORMATS)), help="Default: [model] format.")
@click.option("--rate", type=click.FloatRange(0, 1), help="Share of documents that are cut; default: [fim] fim_rate.")
@with_settings
def fim(file: Path, seed: int | None, name: str | None, rate: float | None, settings: Settings) -> None:
    """Print what FILE becomes before it is fitted to a context: cut, order, segments with their sentinels marked."""
    try:
        text = file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file}: {error}") from error
    given = {"seed": seed, "fim_rate": rate}
    mix = replace(settings.fim, **{key: value for key, value in given.items() if value is not None})
    path, fmt = path_in_repository(file), FORMATS[name or settings.model.format]
    cut = _chosen(text, path, fmt, mix)
    click.echo(f"{path}: {fmt.name}, seed {mix.seed}, {_said(text, cut)}\n")
    click.echo(shown(segments(fmt, file_head(path, fmt=fmt), text, cut)))


def _chosen(text: str, path: str, fmt: Format, mix: Mix) -> Cut | None:
    """As pack chooses for a file of one piece whose repository is not known."""
    from streams.document import Document, Part
    from streams.language import language
    from streams.prepare import identity

    document = Document(offset=0, index=0, kind="file", path=path, parts=[Part("text", text)])
    key = identity(document) + bytes(4)
    return choose(text, language(path, text), key, mix, fmt)


def _said(text: str, cut: Cut | None) -> str:
    if cut is None:
        return f"left to right, {len(text)} characters"
    start, end = len(cut.prefix), len(text) - len(cut.suffix)
    first, last = text.count("\n", 0, start) + 1, text.count("\n", 0, end) + 1
    return f"{cut.order}, middle at characters {start} to {end} of {len(text)}, lines {first} to {last}"


def shown(parts: Sequence[str]) -> str:
    """Sentinels inverted, everything that is user text as it is, whatever it contains."""
    return "".join(click.style(part, reverse=True) if isinstance(part, Mark) and part else part for part in parts)
