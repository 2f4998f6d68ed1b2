"""`midstream explain FILE`: what every rule of the recipe says of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from midstream.commands.options import with_settings
from midstream.settings import Settings


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--licence", default="", help="An SPDX expression; default: found as ingest finds it.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a file.")
@with_settings
def explain(settings: Settings, files: tuple[Path, ...], licence: str, as_json: bool) -> None:
    """Print language, licence, size and the verdict of every rule of [recipe] on FILES, and what a drop is due to.

    The first rule that drops decides; the others are shown as if it had not.
    """
    for number, file in enumerate(files):
        told = _explained(file, settings, licence)
        if as_json:
            click.echo(json.dumps(told))
            continue
        click.echo(f"{chr(10) if number else ''}{told['path']}: {told['verdict']}")
        licensed = f"{told['licence'] or 'unknown'} ({told['licence_class']})"
        size = f"{told['characters']:,} characters, {told['lines']:,} lines"
        click.echo(f"  language {told['language'] or 'unknown'}, licence {licensed}, {size}")
        for rule in told["rules"]:
            click.echo(f"  {rule['verdict']:<5} {rule['rule']:<18} {rule['reason']}".rstrip())


def _explained(file: Path, settings: Settings, licence: str) -> dict[str, Any]:
    from streams.prepare.licences import classify
    from streams.prepare.prepare import rule_input

    seen = rule_input(_document(file, licence), settings.recipe)
    document, rules = seen.document, list(_verdicts(seen, settings))
    first = next((rule for rule in rules if rule["verdict"] == "drop"), None)
    return {
        "path": document.path, "verdict": f"dropped by {first['rule']}" if first else "kept",
        "language": document.language, "licence": document.licence, "licence_class": classify(document.licence),
        "characters": seen.measure.size, "lines": seen.measure.lines, "rules": rules,
    }  # fmt: skip


def _verdicts(seen: Any, settings: Settings) -> Iterator[dict[str, str]]:
    from streams.prepare.rules import RULES

    for rule in RULES:
        if seen.document.kind in rule.kinds:
            dropped = rule.check(seen, settings.recipe)
            yield {"rule": rule.name, "verdict": "drop" if dropped else "keep", "reason": dropped[0] if dropped else ""}


def _document(file: Path, licence: str) -> Any:
    """The file as `ingest files` would send it: its path in its repository, its repository's licence."""
    from midstream.commands.complete import path_in_repository
    from streams.document import Document, Part
    from streams.sources.folders import folder

    text = folder.text_of_file(file)
    if not isinstance(text, str):
        raise click.ClickException(f"{file} is no text that is sent: {text.reason}")
    path = path_in_repository(file)
    root = Path(str(file.resolve()).removesuffix(path)) if str(file.resolve()).endswith(path) else file.parent
    return Document(
        offset=0, index=0, kind="file", parts=[Part("text", text)], path=path,
        licence=licence or _licence(root, file.resolve()),
    )  # fmt: skip


def _licence(root: Path, file: Path) -> str:
    """The nearest one that is said: as ingest sends it with the file, or with the repository."""
    from streams.sources.folders import folder

    if not file.is_relative_to(root):
        return folder.describe(root).licence
    licences = folder.licences_around(root, [file])
    return licences.of(file.relative_to(root).as_posix()) or licences.repository()[0]
