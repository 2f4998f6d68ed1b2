"""`midstream recipes list|show|diff`: what recipes say."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from midstream.settings import SettingsError

if TYPE_CHECKING:
    from streams.prepare.recipes.recipe import Recipe


@click.group()
def recipes() -> None:
    """Show recipes, and compare what they do."""


def named(name: str) -> Recipe:
    """A shipped recipe, or a file's."""
    from streams.prepare.recipes.reading import recipe

    try:
        return recipe(name)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


@recipes.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a recipe.")
def list_recipes(as_json: bool) -> None:
    """Print the shipped recipes, one a line."""
    from streams.prepare.recipes.reading import recipe, shipped

    for made in map(recipe, shipped()):
        if as_json:
            click.echo(json.dumps({"name": made.name, "says": made.says, "rules": len(made.steps)}))
        else:
            click.echo(f"{made.name:<12} {len(made.steps):>3} rules  {made.says}")


@recipes.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Every parameter, as one JSON object.")
@click.option("--toml", "as_toml", is_flag=True, help="The recipe's file, to begin one of your own with.")
def show(name: str, as_json: bool, as_toml: bool) -> None:
    """Print the steps of recipe NAME (a shipped one, or a TOML file) in their order, with their parameters."""
    from streams.prepare.recipes.reading import text_of

    made = named(name)
    if as_toml:
        click.echo(text_of(name), nl=False)
    elif as_json:
        click.echo(json.dumps(made.settings()))
    else:
        click.echo(f"{made.name}: {made.says}\nsource: {made.source or 'not said'}")
        for difference in made.differs:
            click.echo(f"differs: {difference}")
        for name, parameters in made.edits:
            click.echo(f"  edit {name}{_parameters(asdict(parameters))}")
        for step in made.steps:
            told = ", ".join(f"{key} {_told(value)}" for key, value in step.settings().items())
            rule = f" ({step.rule.name})" if step.name != step.rule.name else ""
            click.echo(f"  {step.name}{rule}{': ' if told else ''}{told}")


@recipes.command()
@click.argument("one")
@click.argument("other")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: parameter to both values.")
def diff(one: str, other: str, as_json: bool) -> None:
    """Print what recipe ONE has that OTHER has not (-), what OTHER has alone (+), and parameters that differ (~)."""
    first, second = (made.settings() for made in map(named, (one, other)))
    steps, others = first.pop("steps"), second.pop("steps")
    del first["name"], second["name"]
    if as_json:
        keys = [key for key in {**first, **second} if first.get(key) != second.get(key)]
        told = {key: [first.get(key), second.get(key)] for key in keys}
        click.echo(json.dumps({"only": [_without(steps, others), _without(others, steps)], "parameters": told}))
        return
    for sign, only in (("-", _without(steps, others)), ("+", _without(others, steps))):
        for name in only:
            click.echo(f"{sign} {name}")
    both = {*(set(steps) & set(others)), "lengths", "edits"}
    for key in sorted({**first, **second}):
        if key.split(".")[0] in both and first.get(key) != second.get(key):
            click.echo(f"~ {key}: {_told(first.get(key))} | {_told(second.get(key))}")


def _parameters(values: dict[str, Any]) -> str:
    return f": {', '.join(f'{key} {_told(value)}' for key, value in values.items())}" if values else ""


def _without(names: list[str], others: list[str]) -> list[str]:
    return [name for name in names if name not in others]


def _told(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) if value else "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {item:g}" for key, item in value.items())
    return "not set" if value is None else f"{value:,}" if isinstance(value, int) and value > 9999 else str(value)
