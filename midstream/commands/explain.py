"""`midstream explain FILE`: what every rule of the recipe says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings, SettingsError

if TYPE_CHECKING:
    from streams.event import Repository
    from streams.prepare.recipes.recipe import Recipe
    from streams.prepare.rules.rule import RuleInput


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--licence", default="", help="An SPDX expression; default: found as ingest finds it.")
@click.option("--recipe", "name", default="", help="A shipped recipe, or a TOML file; default: that of [recipe].")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
@with_settings
def explain(settings: Settings, files: tuple[Path, ...], licence: str, name: str, as_json: bool) -> None:
    """Print language, licence, size, repository and what every rule of the recipe measures and says of FILES.

    The first rule that drops decides; the others are shown as if it had not.
    """
    from streams.prepare.licences.classes import parse
    from streams.prepare.recipes.reading import recipe, resolve

    try:
        chosen = recipe(name) if name else resolve(settings.recipe)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    if licence and parse(licence) is None:
        raise click.BadParameter(
            f"{licence!r} is no SPDX expression; write MIT, or MIT AND Zlib", param_hint="--licence"
        )
    for number, file in enumerate(files):
        if not file.is_file():
            raise click.ClickException(f"{file} is no file that is sent: a pipe, a socket or a device")
        told = _explained(file, chosen, licence)
        if as_json:
            click.echo(json.dumps(told))
            continue
        click.echo(f"{chr(10) if number else ''}{told['path']}: {told['verdict']}")
        licensed = f"{told['licence'] or 'unknown'} ({told['licence_class']})"
        size = f"{_counted(told['characters'], 'character')}, {_counted(told['lines'], 'line')}"
        click.echo(f"  language {told['language'] or 'unknown'}, licence {licensed}, {size}")
        for rule in told["rules"]:
            click.echo(
                f"  {rule['verdict']:<5} {rule['rule']:<20} {rule['measure']:>10,.6g}  {rule['reason']}".rstrip()
            )


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _explained(file: Path, recipe: Recipe, licence: str) -> dict[str, Any]:
    from streams.prepare.licences import classify
    from streams.prepare.prepare import rule_input

    seen = rule_input(_document(file, licence), recipe)
    document, rules = seen.document, list(_verdicts(seen, recipe))
    first = next((rule for rule in rules if rule["verdict"] == "drop"), None)
    return {
        "path": document.path, "recipe": recipe.name, "verdict": f"dropped by {first['rule']}" if first else "kept",
        "language": document.language, "licence": document.licence, "licence_class": classify(document.licence),
        "characters": seen.measure.size, "lines": seen.measure.lines, "rules": rules,
    }  # fmt: skip


def _verdicts(seen: RuleInput, recipe: Recipe) -> Iterator[dict[str, Any]]:
    for step, measure, reason in recipe.explain(seen):
        yield {"rule": step.name, "verdict": "drop" if reason else "keep", "measure": measure, "reason": reason}


def _document(file: Path, licence: str) -> Any:
    """The file as `ingest files` would send it: its path in its repository, its repository's licence."""
    from streams.document import Document, Part, Project
    from streams.sources.folders import folder

    if file.name.lower().endswith(".ipynb"):
        return _notebook(file, licence)
    text = folder.text_of_file(file)
    if not isinstance(text, str):
        raise click.ClickException(f"{file} is no text that is sent: {text.reason}")
    path, root = _placed(file)
    repository = _repository(root)
    project = Project(repository.commits, repository.tests, repository.language)
    return Document(
        offset=0, index=0, kind="file", parts=[Part("text", text)], path=path, repository=repository.key,
        licence=licence or _licence(root, file.resolve()), stars=repository.stars,
        project=project if project != Project() else None,
    )  # fmt: skip


def _placed(file: Path) -> tuple[str, Path]:
    """Its path in its repository, and the repository's folder."""
    from midstream.commands.complete import path_in_repository

    path, whole = path_in_repository(file), str(file.resolve())
    return path, Path(whole.removesuffix(path)) if whole.endswith(path) else file.parent


def _notebook(file: Path, licence: str) -> Any:
    """The notebook as `ingest notebooks` would send it."""
    from streams.event import Notebook, encode
    from streams.prepare.expand import expand
    from streams.sources.texts import notebooks

    path, root = _placed(file)
    try:
        if file.stat().st_size > notebooks.MAX_RAW_BYTES:
            raise notebooks.Malformed("larger than 16 MiB")
        cells, language = notebooks.read(file.read_bytes())
    except (OSError, notebooks.Malformed) as error:
        raise click.ClickException(f"{file} is no notebook that is sent: {error}") from error
    if not cells:
        raise click.ClickException(f"{file} is no notebook that is sent: no cell says anything")
    event = Notebook(
        repository=_repository(root), path=path, cells=cells, language=language,
        licence=licence or _licence(root, file.resolve()),
    )  # fmt: skip
    return expand(encode(event), 0).documents[0]


@lru_cache(maxsize=8)
def _repository(root: Path) -> Repository:
    """As `ingest git` would name and count it where it is a clone, else as `ingest files` would."""
    from streams.sources.folders import folder
    from streams.sources.git.history import History
    from streams.sources.git.objects import GitError

    if (root / ".git").exists():
        try:
            return History.open(root).describe()
        except GitError as error:
            click.echo(f"{root}: what git knows of it is left out: {error}", err=True)
    return folder.describe(root)


def _licence(root: Path, file: Path) -> str:
    """The nearest one that is said: as ingest sends it with the file, or with the repository."""
    from streams.sources.folders import folder

    if not file.is_relative_to(root):
        return folder.describe(root).licence
    licences = folder.licences_around(root, [file])
    return licences.of(file.relative_to(root).as_posix()) or licences.repository()[0]
